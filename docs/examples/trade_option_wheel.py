"""The option wheel on one stock, for a small cash account.

1. Without shares, sell a put that the account's cash could pay for (cash-secured).
2. If it is assigned, the account holds 100 shares: sell a call on them (covered).
3. If they are called away, there is cash again: back to 1.

An option that has lost most of its worth is bought back early, and the wheel turns on.
"""

import datetime as dt
import math
import signal

from ibproxy import *

SYMBOL = "AAPL"
DELTA = 0.30  # of the option that is sold, without its sign
MIN_DAYS, MAX_DAYS = 14, 60  # time to expiry of the option that is sold
LOT = 100  # shares for each option
STRIKES = 8  # how many strikes out of the money are looked at
TAKE_PROFIT = 0.50  # buy back when the option has lost this share of what was paid for it
PATIENCE_S = 5.0  # an order that has not filled by then is cancelled, and thought over
PAUSE_S = 0.5


def is_price(value: float) -> bool:
    """Return whether this is a price; IB writes -1 or nan where there is none."""
    return not math.isnan(value) and value > 0


def cash(ib: IB, account: str) -> float:
    """Return the account's cash."""
    return next(
        float(row.value)
        for row in ib.accountValues(account)
        if row.tag == "TotalCashValue" and row.currency not in ("", "BASE")
    )


def candidates(ib: IB, stock: Contract, right: str, price: float) -> list[Contract]:
    """Return the options of the next fitting expiry that are just out of the money."""
    chains = ib.reqSecDefOptParams(stock.symbol, "", stock.secType, stock.conId)
    chains = [c for c in chains if c.exchange == "SMART" and c.tradingClass == stock.symbol]
    today = dt.datetime.now(dt.timezone.utc).date()
    first, last = (f"{today + dt.timedelta(days):%Y%m%d}" for days in (MIN_DAYS, MAX_DAYS))
    expiries = sorted(day for c in chains for day in c.expirations if first <= day <= last)
    if not expiries:
        return []
    expiry = expiries[0]
    strikes = {strike for c in chains if expiry in c.expirations for strike in c.strikes}
    if right == "P":
        strikes = sorted((strike for strike in strikes if strike <= price), reverse=True)
    else:
        strikes = sorted(strike for strike in strikes if strike >= price)
    options = [Option(SYMBOL, expiry, s, right, "SMART", tradingClass=SYMBOL) for s in strikes]
    return [option for option in ib.qualifyContracts(*options[:STRIKES]) if option]


def has_delta(ticker: Ticker) -> bool:
    """Return whether the option is quoted and its delta is known."""
    return bool(ticker.modelGreeks and ticker.modelGreeks.delta) and is_price(ticker.bid)


def choose(ib: IB, options: list[Contract]) -> Ticker | None:
    """Return the ticker of the option whose delta is nearest to the wanted one."""
    tickers = [ib.reqMktData(option) for option in options]
    for _ in ib.loopUntil(lambda: all(map(has_delta, tickers)), timeout=PATIENCE_S):
        pass
    usable = filter(has_delta, tickers)
    best = min(usable, key=lambda t: abs(abs(t.modelGreeks.delta) - DELTA), default=None)
    for ticker in tickers:
        if ticker is not best:
            ib.cancelMktData(ticker.contract)
    return best


def open_short(ib: IB, account: str, stock: Contract, price: float) -> Trade | None:
    """Sell a put, or a call if the account holds the shares for it."""
    held = sum(p.position for p in ib.positions(account) if p.contract.conId == stock.conId)
    ticker = choose(ib, candidates(ib, stock, "C" if held >= LOT else "P", price))
    if not ticker:
        return None
    option = ticker.contract
    if option.right == "P" and cash(ib, account) < option.strike * LOT:
        print(f"not enough cash for a put at {option.strike:g}")
        return None
    print(f"sell {option.localSymbol}, delta {ticker.modelGreeks.delta:.2f}, at {ticker.bid:.2f}")
    return ib.placeOrder(option, LimitOrder("SELL", 1, ticker.bid, account=account))


def take_profit(ib: IB, account: str, short: Position) -> Trade | None:
    """Buy the option back if it has become cheap enough."""
    option = short.contract
    ticker = ib.ticker(option)
    if not ticker:
        option.exchange = "SMART"  # positions come without one
        ticker = ib.reqMktData(option)
    received = short.avgCost / LOT  # the cost of an option is stated per contract
    if not is_price(ticker.ask) or ticker.ask > received * (1 - TAKE_PROFIT):
        return None
    print(f"buy back {option.localSymbol} at {ticker.ask:.2f}, sold at {received:.2f}")
    return ib.placeOrder(option, LimitOrder("BUY", -short.position, ticker.ask, account=account))


def trade_until_stopped(ib: IB) -> None:
    """Turn the wheel."""
    account = ib.managedAccounts()[0]
    stock = Stock(SYMBOL, "SMART", "USD")
    ib.qualifyContracts(stock)
    ticker = ib.reqMktData(stock)
    ib.execDetailsEvent += lambda _, fill: print(
        f"{fill.execution.side} {fill.contract.localSymbol} at {fill.execution.price:.2f}"
    )
    trade, waited_s = None, 0.0
    while ib.sleep(PAUSE_S):
        if trade and not trade.isDone():
            waited_s += PAUSE_S
            if waited_s == PATIENCE_S:
                ib.cancelOrder(trade.order)
            continue
        shorts = [
            p for p in ib.positions(account) if p.contract.symbol == SYMBOL and p.position < 0
        ]
        if shorts:
            trade, waited_s = take_profit(ib, account, shorts[0]), 0.0
        elif is_price(ticker.marketPrice()):
            trade, waited_s = open_short(ib, account, stock, ticker.marketPrice()), 0.0


def main() -> None:
    """Connect, trade, and leave in good order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` works like Ctrl-C
    ib = IB()
    ib.connect(clientId=1)
    try:
        trade_until_stopped(ib)
    except KeyboardInterrupt:
        print("stopped")
    finally:
        ib.disconnect()


if __name__ == "__main__":
    main()
