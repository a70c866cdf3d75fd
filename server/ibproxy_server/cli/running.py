"""Runs a service until it ends or is told to: what Ctrl-C and SIGTERM do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine
from typing import Any

FATAL_SIGNAL = 128
"""A process that a signal ends has this plus the signal's number as its exit status."""

PATIENCE = 3
"""The so many-th signal ends the process on the spot; the ones before let it clean up."""


def run_service(service: Coroutine[Any, Any, int | None], terminated: int = 0) -> int:
    """Run `service`; SIGINT and SIGTERM cancel it.

    Args:
        service: what to run; it returns its exit status, None being 0.
        terminated: exit status after SIGTERM, which is how most services are meant to end.

    Returns:
        The exit status: 130 after SIGINT.
    """
    received: list[int] = []
    status: int | None = 0
    try:
        status = asyncio.run(_until_signal(service, received))
    except asyncio.CancelledError:
        if not received:
            raise
    if signal.SIGINT in received:
        return FATAL_SIGNAL + signal.SIGINT
    return terminated if received else status or 0


async def _until_signal(
    service: Coroutine[Any, Any, int | None], received: list[int]
) -> int | None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(service)

    def stop(number: int) -> None:
        received.append(number)
        if len(received) >= PATIENCE:
            os._exit(FATAL_SIGNAL + number)  # it hangs, and somebody is impatient
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stop, number)
    return await task
