"""Layouts of contract details: contractDetails (10), and bondContractDetails (18) for bonds."""

from __future__ import annotations

from datetime import date

from ibproxy_sim.exchange.hours import hours_text
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.other_listings import BONDS, sec_ids

SIZE_INCREMENT_VERSION, TWO_SIZES_VERSION = 163, 164
DAYS_OF_HOURS = 6
MAX_INT = 2147483647

ORDER_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,COND,CONDORDER,DAY,DEACT,DEACTDIS,"
    "DEACTEOD,GAT,GTC,GTD,GTT,HID,IOC,LIT,LMT,LOC,MIT,MKT,MOC,MTL,NGCOMB,NONALGO,OCA,OPG,PEGBENCH,"
    "SCALE,SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)

AGG_GROUPS = {"STK": 1, "OPT": 2, "CASH": 4}
NAMED_BY_CLASS = frozenset({"STK", "OPT", "FOP", "CASH", "CRYPTO"})
"""Security types whose market name is their trading class."""

SIZES = {"STK": ("1", "1", "100"), "CRYPTO": ("0.00000001", "0.00000001", "0.00000001")}
ONE_BY_ONE = ("1", "1", "1")
"""Least size, its step, and the step that is suggested."""

BOND_BY_CON_ID = {bond.con_id: bond for bond in BONDS}


def plain(value: float) -> str:
    """A small number without an exponent."""
    return f"{value:.8f}".rstrip("0").rstrip(".")


def details(
    instrument: Instrument, under: Instrument | None, req_id: str, version: int, today: date
) -> list[object]:
    """The fields of the message that tells all of a contract, as a server version writes them.

    Args:
        instrument: the contract.
        under: its underlying, if it has one.
        req_id: id of the request.
        version: server version of the connection.
        today: first date of its trading hours.
    """
    if instrument.sec_type == "BOND":
        return _bond_details(instrument, req_id, version)
    return _plain_details(instrument, under, req_id, version, today)


def _sizes(instrument: Instrument, version: int) -> tuple[str, ...]:
    """The sizes that a version states: three, from 163 the last one, before that none."""
    sizes = SIZES.get(instrument.sec_type, ONE_BY_ONE)
    if version >= TWO_SIZES_VERSION:
        return sizes
    return sizes[2:] if version == SIZE_INCREMENT_VERSION else ()


def _other_ids(instrument: Instrument) -> list[object]:
    """How many other ids there are, and each one's type and text."""
    found = sec_ids(instrument.con_id)
    return [len(found), *(text for pair in found.items() for text in pair)]


def _hours(instrument: Instrument, today: date, *, liquid: bool) -> str:
    kind, zone = instrument.sec_type, instrument.zone
    return hours_text(kind, today, DAYS_OF_HOURS, liquid=liquid, zone=zone)


def _plain_details(
    instrument: Instrument, under: Instrument | None, req_id: str, version: int, today: date
) -> list[object]:
    old, kind = version < TWO_SIZES_VERSION, instrument.sec_type
    return [
        10,
        *(("8",) if old else ()),
        req_id,
        instrument.symbol,
        kind,
        instrument.expiry,
        instrument.strike or 0,
        instrument.right,
        instrument.exchange,
        instrument.currency,
        instrument.local_symbol,
        instrument.trading_class if kind in NAMED_BY_CLASS else instrument.symbol,
        instrument.trading_class,
        instrument.con_id,
        plain(instrument.min_tick),
        *(("1",) if old else ()),  # mdSizeMultiplier
        instrument.multiplier,
        ORDER_TYPES if instrument.has_quotes else "",
        ",".join(instrument.exchanges),
        1,
        instrument.under_con_id,
        instrument.long_name,
        instrument.primary_exchange,
        instrument.contract_month,
        instrument.industry,
        "",
        "",
        instrument.zone,
        _hours(instrument, today, liquid=False),
        _hours(instrument, today, liquid=True),
        "",
        0,
        *_other_ids(instrument),
        AGG_GROUPS.get(kind, MAX_INT),
        under.symbol if under else "",
        instrument.under_sec_type,
        ",".join(str(instrument.market_rule) for _ in instrument.exchanges),
        instrument.expiry,
        instrument.stock_type,
        *_sizes(instrument, version),
    ]


def _bond_details(instrument: Instrument, req_id: str, version: int) -> list[object]:
    old, bond = version < TWO_SIZES_VERSION, BOND_BY_CON_ID[instrument.con_id]
    sizes = () if old else _sizes(instrument, version)  # 163 adds nothing to a bond's
    return [
        18,
        *(("6",) if old else ()),
        req_id,
        bond.symbol,
        "BOND",
        bond.cusip,
        plain(bond.coupon),
        bond.maturity,
        bond.issue_date,
        bond.ratings,
        bond.bond_type,
        "FIXED",
        0,  # convertible
        0,  # callable
        0,  # putable
        bond.long_name,
        instrument.exchange,
        instrument.currency,
        bond.symbol,
        instrument.trading_class,
        instrument.con_id,
        plain(instrument.min_tick),
        *(("1",) if old else ()),  # mdSizeMultiplier
        ORDER_TYPES,
        ",".join(instrument.exchanges),
        "",
        "",
        0,
        "",
        bond.long_name,
        "",
        0,
        *_other_ids(instrument),
        MAX_INT,
        ",".join(str(instrument.market_rule) for _ in instrument.exchanges),
        *sizes,
    ]
