"""IBKR's own client with a notebook: every callback is written down, and so is every complaint.

It is ibapi 10.50, or 9.81 if that is what can be imported; the notebook has the words of 10.50.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

IS_OLD = importlib.util.find_spec("ibapi.order_cancel") is None
"""Whether it is ibapi 9.81, which ends at server version 157."""

CANCEL: tuple[Any, ...] = ()
EXERCISE: tuple[Any, ...] = ()
"""What 10.50 wants to be told of a cancel, and of an exercise, beyond what 9.81 does."""

if not IS_OLD:
    from ibapi.order_cancel import OrderCancel

    CANCEL, EXERCISE = (OrderCancel(),), ("", "", False)

ACCOUNT = "DU1000001"
PATIENCE_S = 10.0
NEXT = iter(range(1000, 9999))
"""Request ids."""


class Recorder(EWrapper, EClient):  # type: ignore[misc] # ibapi has no types
    """A client that writes down each callback.

    Attributes:
        calls: (name, arguments), oldest first.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.called = threading.Condition()  # the client's own thread decodes
        EClient.__init__(self, wrapper=self)

    def named(self, name: str, req_id: int | None = None) -> list[tuple[Any, ...]]:
        """The arguments of each call of a callback, of one request if given."""
        return [a for n, a in self.calls if n == name and (req_id is None or a[0] == req_id)]

    def until(self, name: str, req_id: int | None = None, count: int = 1) -> list[tuple[Any, ...]]:
        """Wait for a callback and return its calls."""
        self._wait(lambda: len(self.named(name, req_id)) >= count, f"no {name} for {req_id}")
        return self.named(name, req_id)

    def ask(self, callback: str, method: str, *arguments: object) -> tuple[Any, ...]:
        """Make a request whose answer has no id, wait for one more, and return it."""
        count = len(self.named(callback)) + 1
        getattr(self, method)(*arguments)
        return self.until(callback, count=count)[-1]

    def since(self, mark: int, name: str) -> list[tuple[Any, ...]]:
        """The calls of a callback behind `mark` calls of any."""
        return [arguments for called, arguments in self.calls[mark:] if called == name]

    def until_status(self, order_id: int, status: str) -> None:
        """Wait until an order is told to be that far."""
        self._wait(
            lambda: status in [row[1] for row in self.named("orderStatus", order_id)],
            f"order {order_id} is never {status}",
        )

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self.called:
            came = self.called.wait_for(condition, PATIENCE_S)
        assert came, f"{what}: {self.named('error')[-5:]}"

    def settle(self) -> None:
        """Wait until all that was sent before is answered."""
        self.ask("softDollarTiers", "reqSoftDollarTiers", next(NEXT))


def _recording(name: str) -> Callable[..., None]:
    shown = {"commissionReport": "commissionAndFeesReport"}.get(name, name)

    def record(self: Recorder, *args: Any) -> None:
        if IS_OLD and name == "error":
            req_id, code, text = args
            args = req_id, 0, code, text, ""
        with self.called:
            self.calls.append((shown, args))
            self.called.notify_all()

    return record


for _name, _method in inspect.getmembers(EWrapper, inspect.isfunction):
    if not _name.startswith(("_", "log")):
        setattr(Recorder, _name, _recording(_name))


@contextmanager
def connected(bench: Any, client_id: int) -> Iterator[Recorder]:
    """A connected client whose log says nothing bad.

    Its decoder drops, and only logs, a message whose count of fields is not what it expects.
    """
    complaints: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING or record.getMessage() == "BadMessage":
                complaints.append(record.getMessage())

    log = logging.getLogger("ibapi")
    listener = Listener()
    log.addHandler(listener)
    log.setLevel(logging.INFO)
    client = Recorder()
    client.connect(*bench.address, client_id)
    reading = threading.Thread(target=client.run, name=f"ibapi {client_id}", daemon=True)
    reading.start()
    client.until("nextValidId")
    yield client
    client.setConnState(EClient.DISCONNECTED)  # its thread hangs up once all is decoded
    reading.join(PATIENCE_S)
    log.removeHandler(listener)
    log.setLevel(logging.NOTSET)
    assert not complaints


def contract(symbol: str, sec_type: str = "STK", exchange: str = "SMART", **more: Any) -> Any:
    """A contract."""
    made = Contract()
    made.symbol, made.secType, made.exchange, made.currency = symbol, sec_type, exchange, "USD"
    for name, value in more.items():
        setattr(made, name, value)
    return made


def order(action: str, quantity: int, kind: str, **more: Any) -> Any:
    """An order of the first account."""
    made = Order()
    made.action, made.totalQuantity, made.orderType = action, quantity, kind
    made.account = ACCOUNT
    for name, value in more.items():
        setattr(made, name, value)
    return made
