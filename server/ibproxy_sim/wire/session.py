"""The start of a session, and the small requests that need no market.

Order after startApi, recorded: 15, 9, then the notices of the data farms (facts 1.14 to 1.17).
"""

from __future__ import annotations

from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import is_advisor
from ibproxy_sim.wire.wording import fail, refuse

FARM_NOTICES = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2104, "Market data farm connection is OK:usfuture"),
    (2104, "Market data farm connection is OK:cashfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)
"""Codes and texts, in order (facts 1.15, 1.17)."""

LIVE, DELAYED_FROZEN = 1, 4
DATA_TYPE = "market_data_type"

DEPTH_EXCHANGES = (
    ("IDEALPRO", "CASH", "", "Deep", 4),
    ("ARCA", "STK", "", "Deep", 2147483647),
    ("BATS", "STK", "", "Deep", 2147483647),
    ("ISLAND", "STK", "NASDAQ", "Deep2", 2147483647),
    ("NYSE", "STK", "NYSE", "Deep", 2147483647),
    ("IEX", "STK", "", "Deep", 2147483647),
    ("CME", "FUT", "", "Deep", 2147483647),
    ("NYMEX", "FUT", "", "Deep", 2147483647),
    ("COMEX", "FUT", "", "Deep", 2147483647),
)
"""Exchange, security type, listing exchange, service, aggregation group."""

SMART_COMPONENTS = (
    (0, "AMEX", "A"), (1, "BEX", "B"), (2, "NYSENAT", "C"), (3, "EDGEA", "J"), (4, "EDGX", "K"),
    (5, "CHX", "M"), (6, "NYSE", "N"), (7, "ARCA", "P"), (8, "NASDAQ", "Q"), (9, "IEX", "V"),
    (10, "PSX", "X"), (11, "BYX", "Y"), (12, "BATS", "Z"),
)  # fmt: skip
"""Bit, exchange and its letter."""

SOFT_DOLLAR_TIERS = (("Research", "0.01", "Research 1 %"), ("Data", "0.02", "Data 2 %"))
"""Name, value and display name."""

VERIFY = ("65", "66", "72", "73")
"""Requests to prove that a program is one of IB's own (fact 8.23)."""

LOG_LEVELS = range(1, 6)


def market_data_type(client: Client) -> int:
    """The data type that a client has asked for; live unless it did (fact 4.33)."""
    chosen = client.state.get(DATA_TYPE, LIVE)
    assert isinstance(chosen, int)  # noqa: S101 - written below only
    return chosen


class Session:
    """Answers what concerns a connection as such."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        gateway = self._gateway
        gateway.on_start.append(self.greet)
        gateway.handlers |= {
            "8": self.next_id,
            "14": self.log_level,
            "17": self.managed_accounts,
            "49": self.current_time,
            "59": self.choose_data_type,
            "79": self.soft_dollar_tiers,
            "80": self.family_codes,
            "82": self.depth_exchanges,
            "83": self.smart_components,
            "104": self.user_info,
        }
        gateway.handlers |= dict.fromkeys(VERIFY, self.refuse)

    def greet(self, client: Client) -> None:
        """Send what follows startApi."""
        self.managed_accounts(client, [])
        self.next_id(client, [])
        for code, text in FARM_NOTICES:
            self._gateway.error(client, -1, code, text)

    def next_id(self, client: Client, _fields: list[str]) -> None:
        """Answer reqIds (8): the client id's next order id, whatever number it asks for."""
        assert client.client_id is not None  # noqa: S101 - it has started
        self._gateway.send(client, 9, 1, self._gateway.order_ids.get(client.client_id, 1))

    def managed_accounts(self, client: Client, _fields: list[str]) -> None:
        """Answer reqManagedAccts (17)."""
        settings = self._gateway.settings
        end = "," if settings.ends_accounts_with_comma else ""
        self._gateway.send(client, 15, 1, ",".join(settings.accounts) + end)

    def log_level(self, client: Client, fields: list[str]) -> None:
        """Take setServerLogLevel (14), which has no answer but 319, wrapped (facts 1.49, 8.19)."""
        if int(fields[2]) not in LOG_LEVELS:
            refuse(self._gateway, client, "-1", f"Invalid Log level {{{fields[2]}}}.")

    def current_time(self, client: Client, _fields: list[str]) -> None:
        """Answer reqCurrentTime (49) with the market's time."""
        self._gateway.send(client, 49, 1, int(self._gateway.now_s))

    @staticmethod
    def choose_data_type(client: Client, fields: list[str]) -> None:
        """Take reqMarketDataType (59): requests made from now on; 99 passes too (fact 4.36)."""
        kind = int(fields[2])
        client.state[DATA_TYPE] = kind if LIVE <= kind <= DELAYED_FROZEN else LIVE

    def soft_dollar_tiers(self, client: Client, fields: list[str]) -> None:
        """Answer reqSoftDollarTiers (79); only advisors have some [assumed]."""
        tiers = SOFT_DOLLAR_TIERS if is_advisor(self._gateway.settings) else ()
        self._gateway.send(client, 77, fields[1], len(tiers), *(x for row in tiers for x in row))

    def family_codes(self, client: Client, _fields: list[str]) -> None:
        """Answer reqFamilyCodes (80): accounts without a family."""
        accounts = self._gateway.settings.accounts
        rows = [text for account in accounts for text in (account, "")]
        self._gateway.send(client, 78, len(accounts), *rows)

    def depth_exchanges(self, client: Client, _fields: list[str]) -> None:
        """Answer reqMktDepthExchanges (82)."""
        rows = [field for row in DEPTH_EXCHANGES for field in row]
        self._gateway.send(client, 80, len(DEPTH_EXCHANGES), *rows)

    def smart_components(self, client: Client, fields: list[str]) -> None:
        """Answer reqSmartComponents (83); the key is a bboExchange of tickReqParams (4.17)."""
        if not fields[2]:
            fail(self._gateway, client, fields[1], "Invalid exchange code")
            return
        rows = [field for row in SMART_COMPONENTS for field in row]
        self._gateway.send(client, 82, fields[1], len(SMART_COMPONENTS), *rows)

    def user_info(self, client: Client, fields: list[str]) -> None:
        """Answer reqUserInfo (104): no white branding."""
        self._gateway.send(client, 107, fields[1], "")

    def refuse(self, client: Client, _fields: list[str]) -> None:
        """Refuse to verify a program: that is IB's own business (fact 8.23)."""
        self._gateway.error(client, -1, 10095, "ApiVerify error:Verification is not supported")
