"""Makes the instruments out of the tables of what is listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ibproxy_sim.exchange.chains import future_expiries
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.listings import (
    FOREIGN,
    FUTURES,
    INDICES,
    MADE_UP_FROM,
    MONTH_CODES,
    PAIRS,
    STOCKS,
    US_EXCHANGES,
    FutureRoot,
    Index,
    Pair,
    Stock,
)
from ibproxy_sim.exchange.other_listings import BONDS, CFDS, COINS, NEWS_TAPES, Bond, Cfd, Coin

CARRY_PER_YEAR = 0.035
"""How much dearer a future of an index is for each year to its expiry."""

BASE_PRICES: dict[int, float] = {
    **{listing.con_id: listing.price for listing in (*STOCKS, *FOREIGN, *INDICES, *PAIRS)},
    **{listing.con_id: listing.price for listing in (*BONDS, *COINS)},
    **{MADE_UP_FROM + 100 * n: root.price for n, root in enumerate(FUTURES)},
}
"""Where each path starts from, by conId."""


def fixed_instruments() -> Iterator[Instrument]:
    """Everything that is listed whatever the date."""
    index_ids = {index.symbol: index for index in INDICES}
    for stock in (*STOCKS, *FOREIGN):
        yield _stock(stock, index_ids.get(stock.follows))
    for index in INDICES:
        yield _index(index)
    for pair in PAIRS:
        yield _pair(pair)
    for bond in BONDS:
        yield _bond(bond)
    for coin in COINS:
        yield _coin(coin)
    for con_id, symbol, exchange in NEWS_TAPES:
        yield Instrument(
            con_id=con_id,
            symbol=symbol,
            sec_type="NEWS",
            exchange=exchange,
            local_symbol=symbol,
            trading_class=symbol,
            long_name=symbol,
            exchanges=(exchange,),
            driver=INDICES[0].con_id,
        )
    stocks = {stock.symbol: stock for stock in STOCKS}
    for cfd in CFDS:
        yield _cfd(cfd, stocks.get(cfd.underlying) or index_ids[cfd.underlying])


def _stock(stock: Stock, follows: Index | None) -> Instrument:
    home = tuple(US_EXCHANGES.split(","))
    if stock in FOREIGN:
        home = ("SMART", stock.primary_exchange)
    return Instrument(
        con_id=stock.con_id,
        symbol=stock.symbol,
        sec_type="STK",
        primary_exchange=stock.primary_exchange,
        currency=stock.currency,
        local_symbol=stock.symbol,
        # ARCA's are classes of their own (recorded for SPY at IB Gateway 10.40)
        trading_class=stock.symbol if stock.primary_exchange == "ARCA" else stock.trading_class,
        long_name=stock.long_name,
        exchanges=home,
        stock_type=stock.stock_type,
        industry=stock.industry,
        driver=follows.con_id if follows else stock.con_id,
        ratio=stock.price / follows.price if follows else 1.0,
        volatility=stock.volatility,
    )


def _index(index: Index) -> Instrument:
    return Instrument(
        con_id=index.con_id,
        symbol=index.symbol,
        sec_type="IND",
        exchange=index.exchange,
        local_symbol=index.symbol,
        trading_class=index.symbol,
        long_name=index.long_name,
        exchanges=(index.exchange,),
        driver=index.con_id,
        volatility=index.volatility,
    )


def _pair(pair: Pair) -> Instrument:
    name = f"{pair.symbol}.{pair.currency}"
    return Instrument(
        con_id=pair.con_id,
        symbol=pair.symbol,
        sec_type="CASH",
        exchange="IDEALPRO",
        currency=pair.currency,
        local_symbol=name,
        trading_class=name,
        min_tick=pair.min_tick,
        long_name=f"{pair.symbol} against {pair.currency}",
        exchanges=("IDEALPRO",),
        driver=pair.con_id,
        volatility=pair.volatility,
    )


def _bond(bond: Bond) -> Instrument:
    return Instrument(
        con_id=bond.con_id,
        symbol=bond.symbol,
        sec_type="BOND",
        expiry=bond.maturity,
        local_symbol=bond.cusip,
        trading_class=bond.symbol,
        min_tick=0.001,
        long_name=bond.long_name,
        exchanges=("SMART", "TRADEWEBG"),
        driver=bond.con_id,
        volatility=bond.volatility,
    )


def _coin(coin: Coin) -> Instrument:
    name = f"{coin.symbol}.USD"
    return Instrument(
        con_id=coin.con_id,
        symbol=coin.symbol,
        sec_type="CRYPTO",
        exchange="PAXOS",
        local_symbol=name,
        trading_class=name,
        min_tick=coin.min_tick,
        long_name=coin.long_name,
        exchanges=("PAXOS",),
        driver=coin.con_id,
        volatility=coin.volatility,
    )


def _cfd(cfd: Cfd, follows: Stock | Index) -> Instrument:
    is_share = isinstance(follows, Stock)
    return Instrument(
        con_id=cfd.con_id,
        symbol=cfd.symbol,
        sec_type="CFD",
        local_symbol=cfd.symbol if cfd.sec_type == "IND" else f"{cfd.symbol}n",
        trading_class=cfd.symbol if cfd.sec_type == "IND" else f"{cfd.symbol}n",
        long_name=cfd.long_name,
        under_con_id=follows.con_id if is_share else 0,
        under_sec_type=cfd.sec_type,
        driver=follows.con_id,
        volatility=follows.volatility,
    )


def futures_of(
    root: FutureRoot, today: date, first_con_id: int, follows: Instrument | None
) -> Iterator[Instrument]:
    """The futures of a family that are listed on a date, nearest first."""
    for number, (month, expiry) in enumerate(future_expiries(root, today)):
        years = (expiry - today) / timedelta(days=365)
        price = root.price / BASE_PRICES[follows.con_id] if follows else 1.0
        yield Instrument(
            con_id=first_con_id + number,
            symbol=root.symbol,
            sec_type="FUT",
            expiry=f"{expiry:%Y%m%d}",
            multiplier=root.multiplier,
            exchange=root.exchange,
            local_symbol=f"{root.symbol}{MONTH_CODES[month.month - 1]}{month.year % 10}",
            trading_class=root.symbol,
            min_tick=root.min_tick,
            long_name=root.long_name,
            exchanges=(root.exchange,),
            under_con_id=follows.con_id if follows else 0,
            under_sec_type="IND" if follows else "",
            contract_month=f"{month:%Y%m}",
            driver=follows.con_id if follows else first_con_id,
            ratio=price * (1 + CARRY_PER_YEAR * years),
            volatility=root.volatility,
        )
