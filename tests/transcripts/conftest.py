"""Plays conversations written down in `*.tws` files against a pure gateway; each file is a test.

A line is one of::

    # a comment                       where the conversation is known from
    gateway accounts=DU1 keepsHours=yes at=2026-09-26T15:00:00Z
    A connects clientId=7             opens a connection and says startApi
    A leaves                          hangs up
    A> cancelOrder orderId=1          A sends; fields that are not named have their default
    A< error code=202 id=1            the next message to A is this, in the fields that are named
    A<+ updateAccountValue            one or more such messages
    A<: position symbol/position AAPL/0 SPY/31   a message for each row, in the named fields
    A<~ openOrderEnd                  such a message, whatever comes before it
    A<-                               nothing more has come
    wait 0.5                          seconds of the market's time
    A forgets                         all that has come to A by now

A value is text, with `*` for anything and `{name}` for what is not known beforehand: at its first
use it takes what came, later it stands for that. Numbers are compared as numbers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ibproxy_sim.build import make_simulation
from ibproxy_sim.orders.codec import read_order, write_order
from ibproxy_sim.orders.layouts import OPEN_ORDER, PLACE_ORDER
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.testing import RawClient, contract
from ibproxy_sim.wire.settings import Settings
from tests.recorded_texts import fits

MONDAY_S = 1776092400.0
"""2026-04-13 11:00 in New York, a Monday in regular hours."""

VERSION = 178
CONTRACTS: dict[str, list[Any]] = {
    "AAPL": contract("AAPL"),
    "AAPL@IEX": contract("AAPL", exchange="IEX"),
    "MSFT": contract("MSFT"),
    "NVDA": contract("NVDA"),
    "SPY": contract("SPY"),
    "QQQ": contract("QQQ"),
    "EUR.USD": contract("EUR", "CASH", "IDEALPRO"),
    "NOTHING": contract("QQZZQQ"),
}
CONTRACT = "contract"
"""The field that stands for a contract's twelve."""

SENT: dict[str, str] = {
    "reqMktData": "1 11 reqId contract 0 genericTicks= snapshot=0 0 options=",
    "cancelMktData": "2 2 reqId",
    "cancelOrder": "4 1 orderId manualTime=",
    "reqOpenOrders": "5 1",
    "reqAccountUpdates": "6 2 subscribe=1 account",
    "reqMarketDataType": "59 1 type",
    "reqGlobalCancel": "58 1",
    "reqExecutions": "7 3 reqId clientId=0 account= time= symbol= secType= exchange= side=",
    "reqContractDetails": "9 8 reqId contract expired=0 idType= id= issuer=",
    "reqMktDepth": "10 5 reqId contract rows=5 isSmart=0 options=",
    "cancelMktDepth": "11 1 reqId isSmart=0",
    "reqHistoricalData": (
        "20 reqId contract expired=0 end= barSize duration useRTH=1 what=TRADES"
        " formatDate=1 keepUpToDate=0 options="
    ),
    "cancelHistoricalData": "25 1 reqId",
    "reqScannerSubscription": (
        "22 reqId rows=5 instrument=STK location=STK.US.MAJOR code"
        " a= b= c= d= e= f= g= h= i= j= k= l= m= n= o= p= q= r= s="
    ),
    "cancelScannerSubscription": "23 1 reqId",
    "reqAllOpenOrders": "16 1",
    "reqPositions": "61 1",
    "reqAccountSummary": "62 1 reqId group=All tags",
    "cancelAccountSummary": "63 1 reqId",
    "reqSecDefOptParams": "78 reqId symbol exchange= secType conId",
    "reqHeadTimeStamp": "87 reqId contract expired=0 useRTH=1 what=TRADES formatDate=1",
    "cancelHeadTimeStamp": "90 reqId",
    "reqPnL": "92 reqId account model=",
    "cancelPnL": "93 reqId",
    "reqPnLSingle": "94 reqId account model= conId",
    "cancelPnLSingle": "95 reqId",
    "reqHistoricalTicks": (
        "96 reqId contract expired=0 start= end= count what=TRADES useRTH=1 ignoreSize=0 options="
    ),
}
"""Requests: message id and fields; a name is to be given, unless it has a default."""

ORDER_STATUS = (
    "orderId status filled remaining avgFillPrice permId parentId lastFillPrice clientId whyHeld"
    " mktCapPrice"
)
EXECUTION = (
    "reqId orderId conId symbol secType expiry strike right multiplier exchange currency"
    " localSymbol tradingClass execId time account executedOn side shares price permId clientId"
)
POSITION = (
    "version account conId symbol secType expiry strike right multiplier exchange currency"
    " localSymbol tradingClass position averageCost"
)
RECEIVED: dict[str, tuple[str, str]] = {
    "1": ("tickPrice", "version reqId kind price size mask"),
    "2": ("tickSize", "version reqId kind size"),
    "3": ("orderStatus", ORDER_STATUS),
    "4": ("error", "version id code text json"),
    "6": ("updateAccountValue", "version key value currency account"),
    "7": ("updatePortfolio", "version conId symbol"),
    "8": ("updateAccountTime", "version time"),
    "9": ("nextValidId", "version orderId"),
    "10": ("contractDetails", "reqId symbol"),
    "11": ("execDetails", EXECUTION),
    "12": ("updateMktDepth", "version reqId position operation side price size"),
    "13": ("updateMktDepthL2", "version reqId position maker operation side price size smart"),
    "15": ("managedAccounts", "version accounts"),
    "17": ("historicalData", "reqId start end count date open high low close volume wap barCount"),
    "20": ("scannerData", "version reqId count rank"),
    "21": ("tickOptionComputation", "reqId kind"),
    "45": ("tickGeneric", "version reqId kind value"),
    "46": ("tickString", "version reqId kind value"),
    "52": ("contractDetailsEnd", "version reqId"),
    "53": ("openOrderEnd", "version"),
    "54": ("accountDownloadEnd", "version account"),
    "55": ("execDetailsEnd", "version reqId"),
    "58": ("marketDataType", "version reqId type"),
    "59": ("commissionReport", "version execId commission currency realized"),
    "61": ("position", POSITION),
    "62": ("positionEnd", "version"),
    "63": ("accountSummary", "version reqId account tag value currency"),
    "64": ("accountSummaryEnd", "version reqId"),
    "75": ("optionParameter", "reqId exchange conId tradingClass multiplier expirations"),
    "76": ("optionParameterEnd", "reqId"),
    "81": ("tickReqParams", "reqId minTick bboExchange permissions"),
    "84": ("tickNews", "reqId time provider articleId headline extra"),
    "88": ("headTimestamp", "reqId time"),
    "90": ("historicalDataUpdate", "reqId count date open close high low wap volume"),
    "94": ("pnl", "reqId daily unrealized realized"),
    "95": ("pnlSingle", "reqId position daily unrealized realized value"),
    "96": ("historicalTicks", "reqId count first"),
    "98": ("historicalTicksLast", "reqId count first"),
}
"""Answers: message id -> name and fields behind the id; openOrder has a layout of its own."""

LEFT_EMPTY = {
    "delta_neutral_order_type": "",
    "adjusted_order_type": "",
    "clearing_intent": "",
    "right": "",
    "oca_type": "0",
    "transmit": "1",
    "tif": "DAY",
    "use_price_mgmt_algo": "",
}
"""placeOrder as a client sends it: what the gateway will fill in is empty."""


def snake(name: str) -> str:
    """`lmtPrice` -> `lmt_price`."""
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


class Mismatch(Exception):  # noqa: N818 - the test's failure
    """Raised where a conversation goes another way."""


class Play:
    """One conversation on the go.

    Attributes:
        tamper: changes what arrives, to see that it is noticed.
        exact: of each message that a line `A<` wants, its number among all that arrive.
    """

    def __init__(self) -> None:
        self.tamper: Callable[[list[list[str]]], list[list[str]]] = list
        self.exact: list[int] = []
        self._batch = 0
        self._kept: list[tuple[int, list[str]]] = []
        self._numbers: dict[int, int] = {}
        self._settings: dict[str, str] = {}
        self._sim: Any = None
        self._clients: dict[str, RawClient] = {}
        self._unread: dict[str, list[list[str]]] = {}
        self._known: dict[str, str] = {}

    def file(self, path: Path) -> None:
        """Play a file.

        Raises:
            Mismatch: the conversation goes another way.
        """
        for number, text in enumerate(path.read_text().splitlines(), 1):
            if text.strip() and not text.startswith("#"):
                try:
                    self.line(text)
                except Mismatch as mismatch:
                    raise Mismatch(f"{path.name}:{number}: {text}\n  {mismatch}") from None

    def line(self, text: str) -> None:
        """Play a line."""
        head, *words = (word.replace("\\n", "\n") for word in shlex.split(text))
        named = dict(word.split("=", 1) for word in words if "=" in word)
        if head == "gateway":
            self._settings = named
        elif head == "wait":
            self._sim.gateway.advance(self._sim.gateway.now_s + float(words[0]))
        elif head[1:] == ">":
            self._clients[head[0]].send(*self._request(words[0], named))
        elif head[1:] == "<:":
            for row in words[2:]:
                cells = dict(zip(words[1].split("/"), row.split("/"), strict=True))
                self._expect(head[0], "", words[0], cells)
        elif head[1:2] == "<":
            self._expect(head[0], head[2:], words[0] if words else "", named)
        else:
            getattr(self, f"_{words[0]}")(head, **named)

    def _connects(self, name: str, clientId: str) -> None:  # noqa: N803 - the file's spelling
        if self._sim is None:
            self._sim = self._simulation()
        self._clients[name] = client = RawClient(self._sim, None, VERSION)
        self._unread[name] = []
        client.send(71, 2, clientId, "")

    def _leaves(self, name: str) -> None:
        self._clients.pop(name).leave()

    def _forgets(self, name: str) -> None:
        self._arrived(name).clear()

    def _simulation(self) -> Any:
        given = self._settings
        at = given.get("at")
        settings = Settings(
            accounts=tuple(given.get("accounts", "DU1000001").split(",")),
            keeps_hours=given.get("keepsHours") == "yes",
            not_permitted=tuple(filter(None, given.get("notPermitted", "").split(","))),
        )
        moment = datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() if at else MONDAY_S
        return make_simulation(settings, moment)

    def _request(self, name: str, named: dict[str, str]) -> list[object]:
        given = {key: self._filled(value) for key, value in named.items()}
        if name == "placeOrder":
            return self._order(given)
        fields: list[object] = []
        for word in SENT[name].split():
            key, is_optional, default = word.partition("=")
            if key == CONTRACT:
                fields += CONTRACTS[given.pop(key)]
            elif word.isdecimal():
                fields.append(word)
            else:
                fields.append(given.pop(key, default) if is_optional else given.pop(key))
        if given:
            raise Mismatch(f"{name} has no {sorted(given)}")
        return fields

    @staticmethod
    def _order(given: dict[str, str]) -> list[object]:
        order_id, legs = given.pop("orderId"), given.pop("legs", "")
        prices: list[tuple[str, ...]] = [(price,) for price in given.pop("legPrices", "").split()]
        symbol = given.pop(CONTRACT, "")
        stated = dict(LEFT_EMPTY)
        if symbol:
            names = PLACE_ORDER[0].names[:12]  # type: ignore[union-attr] # it begins with names
            stated |= {n: str(v) for n, v in zip(names, CONTRACTS[symbol], strict=True)}
        stated |= {snake(name): value for name, value in given.items()}
        place = stated.get("exchange", "")
        rows = [(*leg.split(":"), place, "0", "0", "", "-1") for leg in legs.split()]
        terms = Terms(rows={"combo_legs": rows, "leg_prices": prices} if legs else {})
        return [3, order_id, *write_order(PLACE_ORDER, terms, stated, VERSION)]

    # what came

    def is_swappable(self, number: int, after: int) -> bool:
        """Whether two messages came one after the other in one batch, and are told apart."""
        (batch, first), (other, second) = self._kept[number], self._kept[after]
        return after == number + 1 and batch == other and first[0] != second[0]

    def _arrived(self, name: str) -> list[list[str]]:
        new = self.tamper(self._clients[name].read())
        self._batch += 1
        for fields in new:
            if fields[0] == "4" and not fits(int(fields[3]), fields[4]):
                raise Mismatch(f"no gateway words it so: {fields[3:5]}")
        for message in new:
            self._numbers[id(message)] = len(self._kept)
            self._kept.append((self._batch, message))
        self._unread[name] += new
        return self._unread[name]

    def _expect(self, name: str, how: str, message: str, named: dict[str, str]) -> None:
        unread = self._arrived(name)
        if how == "-":
            if unread:
                raise Mismatch(f"nothing more was to come, but {self._shown(unread)}")
            return
        if how == "~":
            while unread and not self._matches(unread[0], message, named):
                unread.pop(0)
        if not unread or not self._matches(unread[0], message, named):
            raise Mismatch(f"it was to be {message} {named}, but {self._shown(unread)}")
        taken = unread.pop(0)
        if not how:
            self.exact.append(self._numbers[id(taken)])
        while how == "+" and unread and self._matches(unread[0], message, named):
            unread.pop(0)

    def _matches(self, fields: list[str], message: str, named: dict[str, str]) -> bool:
        name, values = self._read(fields)
        if name != message:
            return False
        before = dict(self._known)
        for key, wanted in named.items():
            if key not in values:
                raise Mismatch(f"{message} has no field {key}: it has {sorted(values)}")
            if not self._fits(values[key], wanted):
                self._known = before
                return False
        return True

    def _fits(self, value: str, wanted: str) -> bool:
        pattern = ""
        for part in re.split(r"(\{\w+\}|\*)", wanted):
            if part == "*":
                pattern += ".*"
            elif part.startswith("{") and part[1:-1] not in self._known:
                pattern += f"(?P<{part[1:-1]}>.+)"
            else:
                pattern += re.escape(self._filled(part))
        found = re.fullmatch(pattern, value, re.DOTALL)
        if found:
            self._known.update(found.groupdict())
            return True
        try:
            return float(value) == float(wanted)
        except ValueError:
            return False

    def _filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self._known[found[1]], text)

    @staticmethod
    def _read(fields: list[str]) -> tuple[str, dict[str, str]]:
        if fields[0] == "5":
            terms = read_order(OPEN_ORDER, fields[1:], VERSION)
            camel = re.compile(r"_(\w)")
            return "openOrder", {
                camel.sub(lambda found: found[1].upper(), key): value
                for key, value in terms.fields.items()
            }
        name, keys = RECEIVED.get(fields[0], (fields[0], ""))
        return name, dict(zip(keys.split(), fields[1:], strict=False))

    def _shown(self, messages: list[list[str]]) -> str:
        first = [self._read(fields) for fields in messages[:4]]
        return "; ".join(f"{name} {values}"[:400] for name, values in first) or "nothing came"


class Transcript(pytest.Item):
    """One file."""

    def runtest(self) -> None:
        """Play it."""
        Play().file(self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the line, not the player."""
        if isinstance(excinfo.value, Mismatch):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, 0, self.name


class TranscriptFile(pytest.File):
    """A file that holds one conversation."""

    def collect(self) -> Iterator[pytest.Item]:
        """It is one test."""
        yield Transcript.from_parent(self, name=self.path.stem)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take `*.tws` files for tests."""
    if file_path.suffix == ".tws":
        return TranscriptFile.from_parent(parent, path=file_path)
    return None
