"""Constant proportion portfolio insurance: an ETF and cash, and a floor that is defended.

The account's value may not fall below a floor. What lies above it is the cushion, and a
multiple of the cushion is held in the ETF: more of it while things go well, less when they
do not, nothing once the cushion is gone.

    cushion  = value - FLOOR x value at the start
    exposure = MULTIPLIER x cushion, but never more than the value itself
"""

import math
import signal

from ibproxy import *

SYMBOL = "SPY"
FLOOR = 0.80  # share of the value at the start that is never to be lost
MULTIPLIER = 3.0
THRESHOLD = 0.0002  # trade when the exposure is off by more than this share of the value
PATIENCE_S = 5.0  # an order that has not filled by then is cancelled, and thought over
PAUSE_S = 0.5


def account_value(ib: IB, account: str, etf: Contract, price: float) -> float:
    """Return what the account is worth at `price`.

    The account's own figure is up to three minutes old, so the ETF in it is valued anew.
    """
    value = next(
        float(row.value)
        for row in ib.accountValues(account)
        if row.tag == "NetLiquidation" and row.currency not in ("", "BASE")
    )
    for item in ib.portfolio(account):
        if item.contract.conId == etf.conId:
            value += item.position * (price - item.marketPrice)
    return value


def shares_held(ib: IB, account: str, etf: Contract) -> int:
    """Return how many shares of the ETF the account holds."""
    held = (row.position for row in ib.positions(account) if row.contract.conId == etf.conId)
    return int(sum(held))


def wanted_exposure(value: float, floor: float) -> float:
    """Return how much money belongs into the ETF."""
    return min(value, max(0.0, MULTIPLIER * (value - floor)))


def next_order(ticker: Ticker, value: float, floor: float, held: int) -> Order | None:
    """Return the order that brings the exposure back to where it belongs, if it is off."""
    price = ticker.marketPrice()
    wanted = wanted_exposure(value, floor)
    if not wanted and held > 0:
        return MarketOrder("SELL", held)  # the floor is reached: out, at any price
    gap = wanted - held * price
    shares = int(abs(gap) / price)
    if not shares or abs(gap) < THRESHOLD * value:
        return None
    if gap > 0:
        return LimitOrder("BUY", shares, ticker.ask)
    return LimitOrder("SELL", min(shares, held), ticker.bid)


def is_quoted(ticker: Ticker) -> bool:
    """Return whether there are prices to trade at; IB writes -1 or nan where there are none."""
    prices = ticker.bid, ticker.ask, ticker.marketPrice()
    return all(not math.isnan(price) and price > 0 for price in prices)


def report(trade: Trade, fill: Fill) -> None:
    """Say what was bought or sold."""
    done = fill.execution
    print(f"{trade.order.action} {done.shares:g} {fill.contract.symbol} at {done.price:.2f}")


def trade_until_stopped(ib: IB) -> None:
    """Keep the exposure where it belongs."""
    account = ib.managedAccounts()[0]
    etf = Stock(SYMBOL, "SMART", "USD")
    ib.qualifyContracts(etf)
    ticker = ib.reqMktData(etf)
    ib.execDetailsEvent += report
    trade, waited_s, floor = None, 0.0, None
    while ib.sleep(PAUSE_S):
        if not is_quoted(ticker):
            continue
        value = account_value(ib, account, etf, ticker.marketPrice())
        floor = floor or FLOOR * value
        if trade and not trade.isDone():
            waited_s += PAUSE_S
            if waited_s == PATIENCE_S:
                ib.cancelOrder(trade.order)
            continue
        order = next_order(ticker, value, floor, shares_held(ib, account, etf))
        if order:
            order.account = account
            trade, waited_s = ib.placeOrder(etf, order), 0.0
            print(f"value {value:.0f}, floor {floor:.0f}: {order.action} {order.totalQuantity:g}")


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
