"""What a client was told, line by line, as it happens: one of the three accounts.

A line is a JSON object with `k` (what kind), `s` (when, seconds since 1970) and `c` (which of its
life's connections), and is in the file before the program goes on: kill -9 loses none.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ib_async import CommissionReport, Contract, Execution, Order, OrderState
from ib_async.wrapper import Wrapper

LIVE = -1
"""Request id of an execution that nobody asked for."""


class Diary:
    """The file of one strategy, all its lives one after the other.

    Attributes:
        connection: number of the life's connection that is on; 0 before the first.
    """

    def __init__(self, path: Path, life: int) -> None:
        self.connection = 0
        self._life = life
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def note(self, kind: str, **facts: Any) -> None:
        """Write a line."""
        about = {"k": kind, "s": round(time.time(), 4), "c": f"{self._life}.{self.connection}"}
        self._file.write(json.dumps(about | facts) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class RecordingWrapper(Wrapper):
    """ib_async's wrapper, which notes every callback about orders before it acts on it."""

    diary: Diary

    def openOrder(  # noqa: N802 - ib_async's name
        self,
        orderId: int,  # noqa: N803
        contract: Contract,
        order: Order,
        orderState: OrderState,  # noqa: N803
    ) -> None:
        """Note it."""
        self.diary.note(
            "open",
            id=orderId,
            client=order.clientId,
            perm=order.permId,
            ref=order.orderRef,
            account=order.account,
            status=orderState.status,
        )
        super().openOrder(orderId, contract, order, orderState)

    def orderStatus(  # noqa: N802 - ib_async's name
        self,
        orderId: int,  # noqa: N803
        status: str,
        filled: float,
        *rest: Any,
    ) -> None:
        """Note it; of the rest the third is the permId, the sixth the client id."""
        self.diary.note(
            "status", id=orderId, client=rest[5], perm=rest[2], status=status, filled=filled
        )
        super().orderStatus(orderId, status, filled, *rest)

    def execDetails(  # noqa: N802 - ib_async's name
        self,
        reqId: int,  # noqa: N803
        contract: Contract,
        execution: Execution,
    ) -> None:
        """Note it."""
        self.diary.note(
            "exec",
            is_live=reqId == LIVE,
            id=execution.orderId,
            client=execution.clientId,
            perm=execution.permId,
            ref=execution.orderRef,
            account=execution.acctNumber,
            exec=execution.execId,
        )
        super().execDetails(reqId, contract, execution)

    def commissionReport(self, commissionReport: CommissionReport) -> None:  # noqa: N802, N803
        """Note it."""
        self.diary.note("commission", exec=commissionReport.execId)
        super().commissionReport(commissionReport)

    def completedOrder(  # noqa: N802 - ib_async's name
        self,
        contract: Contract,
        order: Order,
        orderState: OrderState,  # noqa: N803
    ) -> None:
        """Note it."""
        self.diary.note(
            "completed",
            perm=order.permId,
            ref=order.orderRef,
            account=order.account,
            status=orderState.status,
            filled=order.filledQuantity,
        )
        super().completedOrder(contract, order, orderState)

    def error(
        self,
        reqId: int,  # noqa: N803
        errorCode: int,  # noqa: N803
        errorString: str,  # noqa: N803
        advancedOrderRejectJson: str,  # noqa: N803
    ) -> None:
        """Note it."""
        self.diary.note("error", id=reqId, code=errorCode, text=errorString)
        super().error(reqId, errorCode, errorString, advancedOrderRejectJson)
