"""Gateways that misbehave in ways that need more than a changed field."""

from __future__ import annotations

from collections.abc import Mapping

from ibproxy_sim.accounts.requests import SlotRules
from ibproxy_sim.build import Simulation
from ibproxy_sim.orders.codec import read_place_order
from ibproxy_sim.orders.order import Order
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.session import LIVE, market_data_type
from tests.verify.breaking import Break, Fields, afterwards, other_code, request
from tests.verify.direct import CLIENT_ID

UNKNOWN_ORDER = 2_000_000_001
MOST_INT = 2**31 - 2
SOON_S = 0.1

# the handshake and the start


def one_more(fields: Fields) -> Fields:
    """A message has one field too many."""
    return [*fields, ""]


def modest(sim: Simulation) -> None:
    """The answer is one below the highest that both know."""
    negotiate = sim.gateway._negotiate

    def misread(client: Client, payload: bytes) -> None:
        low, high = payload.decode().split("..")
        negotiate(client, f"{low}..{int(high) - 1}".encode())

    sim.gateway._negotiate = misread  # type: ignore[method-assign] # that is the fault


def keeps_the_second(sim: Simulation) -> None:
    """Who is refused with 326 is not sent away."""

    def stay(client: Client) -> None:
        """Do nothing."""

    sim.gateway.close = stay  # type: ignore[method-assign] # that is the fault


def only_ours(sim: Simulation) -> None:
    """A second client is not let in, unless it takes the id of the first."""
    start = sim.gateway._start

    def choose(client: Client, fields: list[str]) -> None:
        if fields[2] == str(CLIENT_ID):
            start(client, fields)

    sim.gateway._start = choose  # type: ignore[method-assign] # that is the fault


def id_first(sim: Simulation, client: Client) -> None:
    """The next order id comes before the accounts."""
    sim.gateway.send(client, 9, 1, sim.gateway.order_ids.get(client.client_id or 0, 1))


def early_notice(sim: Simulation, client: Client) -> None:
    """A farm is announced before startApi."""
    sim.gateway.error(client, -1, 2104, "Market data farm connection is OK:usfarm")


def orders_die(sim: Simulation) -> None:
    """A disconnect cancels orders."""
    sim.gateway.on_leave.append(lambda client: sim.gateway.handlers["58"](client, ["58", "1"]))


def counts_lots(sim: Simulation) -> None:
    """Older clients are told sizes in round lots, and so in contract details."""
    send = sim.gateway.send

    def told(client: Client, *fields: object) -> None:
        if fields[0] == 10 and client.version < 164:
            fields = (*fields[:15], "100", *fields[16:])
        send(client, *fields)

    sim.gateway.send = told  # type: ignore[method-assign] # that is the fault


def forgets_profiles(sim: Simulation) -> None:
    """Older clients are not told an advisor's profile."""
    send = sim.gateway.send

    def told(client: Client, *fields: object) -> None:
        if fields[0] == 5 and client.version == 157:
            fields = (*fields[:34], *fields[35:])
        send(client, *fields)

    sim.gateway.send = told  # type: ignore[method-assign] # that is the fault


# accounts


def no_second_account(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A client that has an account is refused another."""
    held = sim.accounts._views.get(client)
    if fields[2] != "1" or not held or held.account == fields[3]:
        return False
    sim.gateway.error(client, -1, 2101, "No.")
    return True


def no_second_client(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """An account that another client has is refused."""
    if fields[2] != "1" or sim.accounts.slot != (fields[3] or "?") or client in sim.accounts._views:
        return False
    sim.gateway.error(client, -1, 2101, "No.")
    return True


def announced_wrongly(sim: Simulation) -> None:
    """A replaced account is told of under another code."""
    sim.accounts.rules = SlotRules(is_announced=True)
    other_code(2100, "New account data")(sim)


def slot_for_each_client(sim: Simulation) -> None:
    """Another client is served what it asks for."""
    sim.accounts.rules = SlotRules(is_refused=False)


def code_is_needed(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A login with one account wants its code all the same."""
    if fields[2:] != ["1", ""]:
        return False
    sim.gateway.error(client, -1, 321, "The account code is required for this operation.")
    return True


def one_account_by_id(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """Updates by request id are for one account at a time."""
    others = [view.account for (whose, _), view in sim.accounts._multi.items() if whose is client]
    if not others or others == [fields[3]]:
        return False
    sim.gateway.error(client, fields[2], 322, "No.")
    return True


def summaries_are_kept(sim: Simulation) -> None:
    """A summary under an id that was used is refused."""
    used: set[str] = set()

    def refuse(sim: Simulation, client: Client, fields: list[str]) -> bool:
        is_used = fields[2] in used
        used.add(fields[2])
        if is_used:
            sim.gateway.error(client, fields[2], 322, "Duplicate ticker id")
        return is_used

    request("62", refuse)(sim)


def summaries_are_lost(sim: Simulation) -> None:
    """A summary under an id that was used is not answered."""
    used: set[str] = set()

    def lose(_sim: Simulation, _client: Client, fields: list[str]) -> bool:
        is_used = fields[2] in used
        used.add(fields[2])
        return is_used

    request("62", lose)(sim)


def no_ledgers(_sim: Simulation, _client: Client, fields: list[str]) -> bool:
    """A ledger is not answered."""
    return "$LEDGER" in fields[4]


def values_of_all(fields: Fields) -> Fields:
    """The accounts' values in a summary are those of All."""
    if fields[4] == "NetLiquidation":
        fields[3] = "All"
    return fields


def positions_once(sim: Simulation) -> None:
    """Who asks for positions again has an end and no more."""
    asked: set[int] = set()

    def shorten(sim: Simulation, client: Client, _fields: list[str]) -> bool:
        is_asked = client.number in asked
        asked.add(client.number)
        if is_asked:
            sim.gateway.send(client, 62, 1)
        return is_asked

    request("61", shorten)(sim)


# orders


def requests_are_counted(sim: Simulation) -> None:
    """The next order id that is stated goes up with each request for soft dollar tiers."""
    asked: list[str] = []

    def note(_sim: Simulation, _client: Client, fields: list[str]) -> None:
        asked.append(fields[1])

    def state(sim: Simulation, client: Client, _fields: list[str]) -> bool:
        order_id = sim.gateway.order_ids.get(client.client_id or 0, 1)
        sim.gateway.send(client, 9, 1, order_id + len(asked))
        return True

    afterwards("79", note)(sim)
    request("8", state)(sim)


def one_sequence(sim: Simulation, client: Client, _fields: list[str]) -> bool:
    """The next id is the same for everybody."""
    sim.gateway.send(client, 9, 1, max([1, *sim.gateway.order_ids.values()]))
    return True


def ids_are_forgotten(sim: Simulation) -> None:
    """Who comes back begins at 1 again."""

    def forget(client: Client) -> None:
        sim.gateway.order_ids.pop(client.client_id or 0, None)

    sim.gateway.on_leave.append(forget)


def no_changes(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """The id of a working order is refused, but for a question."""
    known = sim.trading._orders.get((client.client_id or 0, int(fields[1])))
    is_change = known is not None and not known.is_done
    if not is_change or read_place_order(fields, client.version).is_set("what_if"):
        return False
    sim.gateway.error(client, fields[1], 103, "Duplicate order id")
    return True


def changes_are_doubled(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A change becomes a second order under the same id."""
    terms = read_place_order(fields, client.version)
    is_change = terms.text("order_type") == "LMT" and not terms.is_set("what_if")
    return is_change and sim.trading.double(client, fields)


def changes_come_to_nothing(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A change is answered with the terms as they were."""
    terms = read_place_order(fields, client.version)
    known = sim.trading._orders.get((client.client_id or 0, int(fields[1])))
    if known is None or known.is_done or terms.text("order_type") != "LMT":
        return False
    if terms.is_set("what_if"):
        return False
    sim.trading.reports.pair(known)
    return True


def told_nothing(sim: Simulation) -> None:
    """Who places an order is told its status alone."""
    reports = sim.trading.reports
    open_order = reports.open_order

    def tell(client: Client, order: Order, more: Mapping[str, str] | None = None) -> None:
        if not order.terms.text("order_ref").endswith("own_orders_come_to_their_client"):
            open_order(client, order, more)

    reports.open_order = tell  # type: ignore[method-assign] # that is the fault


def cancelled_without_status(sim: Simulation) -> None:
    """A cancel ends with 202 alone."""
    reports = sim.trading.reports
    cancelled = reports.cancelled

    def tell(order: Order) -> None:
        if order.terms.text("order_ref").endswith("cancel_ends_with_202"):
            reports.refuse(order, 202, "Order Canceled - reason:")
        else:
            cancelled(order)

    reports.cancelled = tell  # type: ignore[method-assign] # that is the fault


def all_filled(fields: Fields) -> Fields:
    """A completed order is filled, however it ended."""
    return ["Filled" if each == "Cancelled" else each for each in fields]


def unknown_is_passed_over(_sim: Simulation, _client: Client, fields: list[str]) -> bool:
    """The cancel of what is unknown is not answered."""
    return int(fields[2]) == UNKNOWN_ORDER


def told_to_all(sim: Simulation) -> None:
    """Every client is told what one is told of its orders, lists apart."""
    reports = sim.trading.reports
    pair = reports.pair

    def tell(order: Order, times: int = 1) -> None:
        pair(order, times)
        for client in sim.gateway.clients.values():
            if client is not reports.owner(order):
                reports.open_order(client, order)
                reports.status(client, order)

    reports.pair = tell  # type: ignore[method-assign] # that is the fault


def no_what_if(_sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A question is not answered."""
    return read_place_order(fields, client.version).is_set("what_if")


def wrong_parent(fields: Fields) -> Fields:
    """A child's parent is no order id; positions are those of server version 176."""
    if str(fields[58]) != "0":
        fields[58] = 999
    return fields


def groups_of_one_client(sim: Simulation) -> None:
    """A group holds orders of one client only."""
    engine = sim.trading.engine
    peers = engine._peers

    def own(order: Order) -> list[Order]:
        return [peer for peer in peers(order) if peer.client_id == order.client_id]

    engine._peers = own  # type: ignore[method-assign] # that is the fault


def status_first(sim: Simulation, client: Client, _fields: list[str]) -> bool:
    """A list has the status before the order."""
    reports = sim.trading.reports
    for order in sim.trading.engine.working.values():
        if order.client_id == client.client_id:
            reports.status(client, order)
            reports.open_order(client, order)
    sim.gateway.send(client, 53, 1)
    return True


def loses(check: str) -> Break:
    """The orders that a check has placed are lost, soon and without a word.

    An order's reference names its check.
    """

    def lose(sim: Simulation, _client: Client, _fields: list[str]) -> None:
        def forget() -> None:
            for order in list(sim.trading.engine.working.values()):
                if order.terms.text("order_ref").endswith(check):
                    sim.trading.forget(order)

        sim.gateway.call_later(SOON_S, forget)

    return afterwards("3", lose)


# data


def long_id_is_lost(_sim: Simulation, _client: Client, fields: list[str]) -> bool:
    """A request with a long id is not answered."""
    return int(fields[1]) == MOST_INT


def streams_change(sim: Simulation, client: Client, fields: list[str]) -> None:
    """A data type is that of what runs as well."""
    for stream in sim.quotes.streams:
        if stream.client is client and stream.is_delayed and fields[2] == "1":
            sim.quotes.streams.remove(client, stream.req_id)
            sim.gateway.error(client, stream.req_id, 10089, "Requires additional subscription.")


def restarts(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A live id is asked for anew."""
    sim.quotes.streams.remove(client, fields[2])
    return False


def nothing_joins(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """Who joins is shown what comes next, and not what is."""
    names = [stream.instrument.symbol for stream in sim.quotes.streams]
    if fields[4] not in names or any(s.req_id == fields[2] for s in sim.quotes.streams):
        return False
    sim.gateway.send(client, 58, 1, fields[2], 1)
    sim.gateway.send(client, 81, fields[2], "0.01", "9c0001", 3)
    return True


def ends_delayed(sim: Simulation) -> None:
    """Nothing follows behind 10167, but for the first, which is for the price of orders."""
    asked: list[str] = []

    def refuse(sim: Simulation, client: Client, fields: list[str]) -> bool:
        if market_data_type(client) == LIVE:
            return False
        asked.append(fields[2])
        if len(asked) > 1:
            sim.gateway.error(client, fields[2], 10167, "Displaying delayed market data.")
        return len(asked) > 1

    request("1", refuse)(sim)


def ends_unknown(sim: Simulation, client: Client, fields: list[str]) -> None:
    """An end follows behind 200."""
    sim.gateway.send(client, 52, 1, fields[2])


def no_old_ticks(_sim: Simulation, _client: Client, fields: list[str]) -> bool:
    """The number of old ticks is not looked at."""
    fields[15] = "0"
    return False


def type_is_told(sim: Simulation, client: Client, fields: list[str]) -> None:
    """A data type is confirmed."""
    sim.gateway.send(client, 58, 1, 7, fields[2])


def old_bulletins(_sim: Simulation, _client: Client, fields: list[str]) -> bool:
    """The day's bulletins come to everybody."""
    fields[2] = "1"
    return False


def time_again(sim: Simulation, client: Client, _fields: list[str]) -> None:
    """The time is said a second time."""
    sim.gateway.send(client, 49, 1, int(sim.gateway.now_s))


# sharing


def all_generic_ticks(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A request has the generic ticks of all."""
    del sim, client
    if fields[-4] in {"104", "106"}:
        fields[-4] = "104,106"
    return False


def no_mdoff(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """The default ticks cannot be switched off."""
    del sim, client
    fields[-4] = fields[-4].replace("mdoff,", "")
    return False


def short_past(sim: Simulation, client: Client, fields: list[str]) -> bool:
    """A live request has a third of the past that it asked for."""
    del sim, client
    if fields[-2] == "1":
        fields[17] = "600 S"
    return False


def usual_order(fields: Fields) -> Fields:
    """A live bar has open, high, low, close, as other bars."""
    _, close, high, low = fields[4:8]
    return [*fields[:5], high, low, close, *fields[8:]]


def every_summary(sim: Simulation) -> None:
    """One summary too many is ended instead of refused."""
    error = sim.gateway.error

    def served(client: Client, for_id: int | str, code: int, text: str) -> None:
        if code == 322 and "summary" in text:
            sim.gateway.send(client, 64, 1, for_id)
        else:
            error(client, for_id, code, text)

    sim.gateway.error = served  # type: ignore[method-assign] # that is the fault
