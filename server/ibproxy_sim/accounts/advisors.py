"""What financial advisors have beside their clients' accounts: groups and aliases (18, 19).

A login is an advisor's if its first account is (F…, on paper DF…); the other accounts are the
clients'. Groups and profiles are one since they were merged (fact 2.45).
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import is_advisor
from ibproxy_sim.wire.wording import refuse

GROUPS, PROFILES, ALIASES = "1", "2", "3"
SAVED_S = 0.2
"""How long a replacement takes; until then nothing can be asked for (fact 2.46)."""

NOT_AN_ADVISOR = "FA data operations ignored for non FA customers."
MERGED = (
    "FA Profile is not supported anymore, use FA Group instead - please create a group with the"
    " same name."
)
BY_AMOUNT = frozenset({"Ratio", "Percent", "MonetaryAmount", "ContractsOrShares"})
"""Methods for which each account of a group has an amount."""

METHODS = BY_AMOUNT | {"Equal", "EqualQuantity", "NetLiq", "AvailableEquity"}
HEADER = '<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True)
class Group:
    """Some accounts, and how an order is divided among them.

    Attributes:
        amounts: what each account counts, for a method that needs it; else empty.
    """

    name: str
    accounts: tuple[str, ...]
    method: str
    amounts: tuple[float, ...] = ()


class Advisors:
    """Serves an advisor's data.

    Attributes:
        groups: the groups by their names.
        is_here: whether the login is an advisor's.
        code: the advisor's own account, if so.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.groups: dict[str, Group] = {}
        self._is_saving = False
        self.is_here = is_advisor(gateway.settings)
        self.code = gateway.settings.accounts[0]
        if is_advisor(gateway.settings):
            everybody = gateway.settings.accounts[1:]
            self.groups["All"] = Group("All", everybody, "Equal")

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"18": self.request, "19": self.replace}

    def request(self, client: Client, fields: list[str]) -> None:
        """Answer requestFA (18) with 16, which is matched by the kind of data alone (8.15)."""
        kind = fields[2]
        if not self._is_allowed(client, -1, kind):
            return
        if self._is_saving:  # fact 2.46
            text = (
                "You have unsaved FA changes. Please retry 'request FA' operation later, when "
                "'replace FA' operation is complete"
            )
            self._gateway.error(client, -1, 10230, text)
            return
        xml = self._groups_xml() if kind == GROUPS else self._aliases_xml()
        self._gateway.send(client, 16, 1, kind, xml)

    def replace(self, client: Client, fields: list[str]) -> None:
        """Answer replaceFA (19) with 103, once it is saved; only groups can be replaced (2.45)."""
        kind, xml, req_id = fields[2:5]
        if not self._is_allowed(client, req_id, kind):
            return
        if kind == ALIASES:
            text = (
                "Replacing alias is not allowed. You can configure account aliases in the Account"
                " Management."
            )
            self._gateway.error(client, req_id, 10262, text)
            return
        problem = self._read(xml)
        if isinstance(problem, tuple):
            self._gateway.error(client, req_id, *problem)
            return
        self._is_saving = True

        def saved() -> None:
            self._is_saving = False
            self.groups = problem
            self._gateway.send(client, 103, req_id, "FA data saved")

        self._gateway.call_later(SAVED_S, saved)

    def _is_allowed(self, client: Client, req_id: int | str, kind: str) -> bool:
        if not is_advisor(self._gateway.settings):
            refuse(self._gateway, client, str(req_id), NOT_AN_ADVISOR)
        elif kind == PROFILES:  # fact 2.45
            self._gateway.error(client, req_id, 585, MERGED)
        elif kind not in {GROUPS, ALIASES}:
            refuse(self._gateway, client, str(req_id), "Invalid FA data type")  # [assumed] wording
        else:
            return True
        return False

    def _read(self, xml: str) -> dict[str, Group] | tuple[int, str]:
        """The groups that a text states, or the error that it earns."""
        if "<!" in xml:  # no document types: what they can do is not wanted here
            return 10261, "Error parsing XML"
        try:
            root = ET.fromstring(xml)  # noqa: S314 - see above
        except ET.ParseError as error:
            return 10261, f"Error parsing XML: {error}"
        groups: dict[str, Group] = {}
        for row in root.iter("Group"):
            name, method = row.findtext("name", ""), row.findtext("defaultMethod", "")
            amounts = {
                a.findtext("acct", ""): a.findtext("amount", "") for a in row.iter("Account")
            }
            accounts = tuple((s.text or "").strip() for s in row.iter("String")) + tuple(amounts)
            if name in groups:
                return 10259, f"The following unified group names are duplicated: {name}"
            if method not in METHODS:
                return 10260, f"Group {name} has unsupported method ({method})"
            wrong = [a for a in accounts if a not in self._gateway.settings.accounts[1:]]
            if wrong or not accounts:
                text = "The following Groups and/or Profiles contain invalid accounts:"
                return 10231, f"{text}{name}: {','.join(wrong)}"
            numbers: tuple[float, ...] = ()
            if method in BY_AMOUNT:
                numbers = tuple(float(amounts.get(account) or 0) for account in accounts)
            groups[name] = Group(name, accounts, method, numbers)
        return groups

    def _groups_xml(self) -> str:
        rows = "".join(
            f"<Group><name>{escape(group.name)}</name>"
            f'<ListOfAccts varName="list">'
            f"{_members_xml(group)}"
            f"</ListOfAccts><defaultMethod>{group.method}</defaultMethod></Group>"
            for group in self.groups.values()
        )
        return f"{HEADER}<ListOfGroups>{rows}</ListOfGroups>"

    def _aliases_xml(self) -> str:
        rows = "".join(
            f"<AccountAlias><account>{account}</account><alias>{account}</alias></AccountAlias>"
            for account in self._gateway.settings.accounts
        )
        return f"{HEADER}<ListOfAccountAliases>{rows}</ListOfAccountAliases>"


def _members_xml(group: Group) -> str:
    if not group.amounts:
        return "".join(f"<String>{account}</String>" for account in group.accounts)
    return "".join(
        f"<Account><acct>{account}</acct><amount>{amount:.1f}</amount></Account>"
        for account, amount in zip(group.accounts, group.amounts, strict=True)
    )
