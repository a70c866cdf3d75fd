"""Fundamental data (52, 53): reports about a company, as XML (51).

The reports have the outer shape of the real ones and made-up figures, enough to be parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import mix
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import ContractQuery, Universe
from ibproxy_sim.feeds.permission import FUNDAMENTALS, has_feed
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import not_found, refuse

TYPE_AT = 10
"""Index of the report's type; behind conId, symbol, security type and five names."""


class Fundamentals:
    """Serves fundamental data."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._reports: dict[str, Callable[[Instrument], str]] = {
            "ReportSnapshot": self._snapshot,
            "ReportsFinSummary": self._summary,
            "ReportRatios": self._snapshot,
            "ReportsFinStatements": self._statements,
            "RESC": self._estimates,
            "CalendarReport": self._calendar,
        }

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"52": self.report, "53": self.ignore}

    def report(self, client: Client, fields: list[str]) -> None:
        """Answer reqFundamentalData (52)."""
        req_id, con_id, symbol, sec_type, exchange, primary, currency, local = fields[2:10]
        kind = fields[TYPE_AT]
        if not has_feed(self._gateway, client, req_id, FUNDAMENTALS):
            return
        query = ContractQuery.from_fields(
            [con_id, symbol, sec_type, "", "", "", "", exchange, primary, currency, local, ""]
        )
        instrument = self._universe.resolve(query)
        if instrument is None:
            not_found(self._gateway, client, req_id)
        elif kind not in self._reports:
            refuse(self._gateway, client, req_id, "Invalid report type")  # [assumed] wording
        elif instrument.stock_type != "COMMON":
            self._gateway.error(client, req_id, FUNDAMENTALS.code, FUNDAMENTALS.text)
        else:
            self._gateway.send(client, 51, 1, req_id, self._reports[kind](instrument))

    def ignore(self, client: Client, fields: list[str]) -> None:
        """Take cancelFundamentalData (53): the answer is out already."""

    def _figure(self, instrument: Instrument, name: str, low: float, high: float) -> str:
        noise = mix(instrument.con_id * 2**16 + sum(map(ord, name)))
        return f"{low + (high - low) * (noise % 10_000) / 10_000:.2f}"

    def _head(self, instrument: Instrument) -> str:
        return (
            f"<CoIDs><CoID Type={quoteattr('CompanyName')}>{escape(instrument.long_name)}</CoID>"
            f'</CoIDs><Issues><Issue ID="1" Type="C"><IssueID Type="Ticker">{instrument.symbol}'
            f'</IssueID><Exchange Code="{instrument.primary_exchange}"/></Issue></Issues>'
        )

    def _snapshot(self, instrument: Instrument) -> str:
        price = self._market.quote(instrument, self._gateway.now_s).last
        ratios = {
            "NPRICE": f"{price}",
            "PEEXCLXOR": self._figure(instrument, "PEEXCLXOR", 8, 45),
            "TTMEPSXCLX": self._figure(instrument, "TTMEPSXCLX", 1, 12),
            "BETA": self._figure(instrument, "BETA", 0.5, 2),
        }
        rows = "".join(
            f'<Ratio FieldName="{name}" Type="N">{value}</Ratio>' for name, value in ratios.items()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ReportSnapshot Major="1" Minor="0">'
            f'{self._head(instrument)}<Ratios PriceCurrency="{instrument.currency}">'
            f'<Group ID="Key ratios">{rows}</Group></Ratios></ReportSnapshot>'
        )

    def _quarters(self) -> list[str]:
        """The ends of the last four quarters, newest first."""
        day = eastern_day(self._gateway.now_s)
        number = day.year * 4 + (day.month - 1) // 3
        ends = ("03-31", "06-30", "09-30", "12-31")
        return [f"{n // 4}-{ends[n % 4]}" for n in range(number - 1, number - 5, -1)]

    def _summary(self, instrument: Instrument) -> str:
        rows = "".join(
            f'<EPS asofDate="{day}" reportType="P" period="3M">'
            f"{self._figure(instrument, day, 0.2, 3)}</EPS>"
            for day in self._quarters()
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><FinancialSummary>'
            f'<EPSs currency="{instrument.currency}">{rows}</EPSs></FinancialSummary>'
        )

    def _statements(self, instrument: Instrument) -> str:
        rows = "".join(
            f'<FiscalPeriod Type="Interim" EndDate="{day}"><Statement Type="INC">'
            f'<lineItem coaCode="SREV">{self._figure(instrument, day, 1000, 90000)}</lineItem>'
            "</Statement></FiscalPeriod>"
            for day in self._quarters()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ReportFinancialStatements Major="1" Minor="0">'
            f"{self._head(instrument)}<FinancialStatements><InterimPeriods>{rows}"
            "</InterimPeriods></FinancialStatements></ReportFinancialStatements>"
        )

    def _estimates(self, instrument: Instrument) -> str:
        target = self._figure(instrument, "target", 20, 900)
        return (
            '<?xml version="1.0" encoding="UTF-8"?><REarnEstCons>'
            f'<Company><SecurityInfo><SecId type="TICKER">{instrument.symbol}</SecId>'
            f'</SecurityInfo></Company><ConsEstimates><NPEstimates><NPEstimate type="TARGETPRICE">'
            f'<ConsEstimate type="Mean">{target}</ConsEstimate></NPEstimate></NPEstimates>'
            "</ConsEstimates></REarnEstCons>"
        )

    def _calendar(self, instrument: Instrument) -> str:
        return (
            '<?xml version="1.0" encoding="UTF-8"?><WallStreetHorizon>'
            f"<Company><Ticker>{instrument.symbol}</Ticker></Company></WallStreetHorizon>"
        )
