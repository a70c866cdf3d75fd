"""A network between a client and the proxy: TCP that can be cut, and mended."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Literal

Cut = Literal["closed", "silent", "unreachable"]
START_S = 5.0


class Forwarder:
    """Carries the bytes of TCP connections to another port, in a thread of its own.

    Attributes:
        url: where it listens, as clients of the proxy write it.
        carried_bytes: how much it has carried, both ways.
    """

    def __init__(self, target_url: str) -> None:
        self._target = "", 0
        self.lead_to(target_url)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._cut: Cut | None = None
        self._port = 0
        self._server: asyncio.Server | None = None
        self.carried_bytes = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="forwarder")
        self._thread.start()
        self._do(self._listen)
        self.url = f"tcp://127.0.0.1:{self._port}"

    def cut(self, way: Cut) -> None:
        """Cut all connections, and new ones likewise.

        Args:
            way: `closed`: both ends hear of it, and nobody listens any more; `silent`: what is sent
                disappears, and new connections lead nowhere; `unreachable`: both ends hear
                of it, and new connections are closed at once.
        """
        self._do(lambda: self._cut_now(way))

    def lead_to(self, target_url: str) -> None:
        """Carry new connections to another place."""
        host, _, port = target_url.removeprefix("tcp://").rpartition(":")
        self._target = host, int(port)

    def mend(self) -> None:
        """Carry new connections again; the old ones stay broken."""
        self._do(self._mend_now)

    def close(self) -> None:
        """End it."""
        self._do(lambda: self._cut_now("closed"))
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    def _do(self, what: object) -> None:
        done: Future[None] = Future()

        async def run() -> None:
            try:
                result = what()  # type: ignore[operator]
                if asyncio.iscoroutine(result):
                    await result
                done.set_result(None)
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                done.set_exception(error)

        asyncio.run_coroutine_threadsafe(run(), self._loop)
        done.result(START_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _cut_now(self, way: Cut) -> None:
        self._cut = way
        if way == "closed" and self._server:
            self._server.close()
            self._server = None
        if way != "silent":
            self._hang_up()

    async def _mend_now(self) -> None:
        self._cut = None
        self._hang_up()
        if self._server is None:
            await self._listen()

    async def _end(self) -> None:
        """Wait for all that carried something: it ends when its connection is closed."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def _hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._cut == "unreachable":
            self._hang_up()
        if self._cut:
            return
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers.add(there_writer)
        await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if self._cut:
                    continue  # swallowed
                self.carried_bytes += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        if not self._cut:
            writer.transport.abort()
