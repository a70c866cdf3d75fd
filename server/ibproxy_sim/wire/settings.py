"""What kind of gateway it is."""

from __future__ import annotations

from dataclasses import dataclass

MIN_VERSION, MAX_VERSION = 157, 178


@dataclass(frozen=True)
class Settings:
    """What kind of gateway it is.

    Attributes:
        accounts: account codes, in the order in which the gateway states them.
        seed: the same seed gives the same market.
        speed: market seconds for each second of the wall clock; 0 leaves time to who drives it.
        server_version: highest version that the gateway knows, 157 to 178.
        cash: cash of each account at the start, in USD.
        flood: market data as fast as each client reads it, for load tests.
        max_lines: contracts that market data may be had of at one time (facts 4.1, 4.7).
        max_books: contracts that market depth may be had of at one time (fact 4.51).
        max_tick_by_tick: tick-by-tick requests at one time; None: a twentieth of the lines (4.45).
        not_permitted: symbols without a subscription to live data.
        not_permitted_code: what a request for live data of these is told: 354, 10089 or 10168.
        volatility: how much more than usual prices move.
        symbols: what is listed; everything if it is empty.
        feeds: paid feeds of the account: news, fundamentals, calendar.
        keeps_malformed: whether a client stays that sends what cannot be read (fact 1.46).
        hard_to_borrow: symbols of stock that is looked for before it is sold short.
        max_clients: connections at one time (fact 1.26).
        master_client_id: API client id that is told of the orders of all (1.36); None: of nobody.
        cancels_others: whether a client can cancel another one's order by its id (3.79, 3.80).
        download_open_orders: whether open orders are stated before anything else (1.19).
        time_zone_name: what the time in the greeting ends in; it may contain blanks (1.5).
        ends_accounts_with_comma: whether the list of accounts ends in a comma (1.22).
        algo_s: how long an algo takes that names no times of its own.
        keeps_hours: whether there is only trading in regular hours; else around the clock.
    """

    accounts: tuple[str, ...] = ("DU1000001", "DU1000002")
    seed: int = 1
    speed: float = 1.0
    server_version: int = MAX_VERSION
    cash: float = 1_000_000.0
    flood: bool = False
    max_lines: int = 100
    max_books: int = 3
    max_tick_by_tick: int | None = None
    not_permitted: tuple[str, ...] = ()
    not_permitted_code: int = 354
    volatility: float = 1.0
    symbols: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ("news", "fundamentals", "calendar")
    keeps_malformed: bool = True
    hard_to_borrow: tuple[str, ...] = ()
    keeps_hours: bool = False
    max_clients: int = 32
    master_client_id: int | None = None
    cancels_others: bool = False
    download_open_orders: bool = False
    time_zone_name: str = "UTC"
    ends_accounts_with_comma: bool = False
    algo_s: float = 20.0


def is_advisor(settings: Settings) -> bool:
    """Whether the first account is a financial advisor's: F… or, on paper, DF… (fact 2.50)."""
    return settings.accounts[0].startswith(("F", "DF"))
