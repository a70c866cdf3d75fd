"""Fixtures for tests of the shells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.shells.zmq_stage import Stage


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """Return a function that runs a coroutine function on a stage of its own."""
    stages: list[Stage] = []

    def run_it(body: Callable[[Stage], Awaitable[None]]) -> None:
        async def main() -> None:
            stage = Stage(tmp_path_factory.mktemp("s") / "p.sock")
            stages.append(stage)
            stage.lane.start(asyncio.get_running_loop())
            try:
                await body(stage)
            finally:
                for peer in stage.peers:
                    peer.close()
                stage.lane.close("the test is over")

        asyncio.run(main())

    yield run_it
    for stage in stages:
        assert not stage.path.exists()
