"""The link between proxy and gateway, which can be cut, torn, delayed, frozen, and broken up."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass

PIECE_BYTES = 64 * 1024
CRUMB_BYTES = 9
UP, DOWN = "up", "down"


@dataclass
class Torn:
    """That the next message in one direction is to be torn.

    Attributes:
        direction: `up` is to the gateway.
        down_s: how long nobody comes through afterwards.
    """

    direction: str
    down_s: float


class Forwarder:
    """Carries bytes between whoever connects and the gateway.

    Attributes:
        port: where it listens.
        delay_s: how much later each piece is carried on; what comes meanwhile is glued to it.
        is_crumbling: whether what is carried is broken into crumbs.
        cuts: how many connections it has ended.
    """

    def __init__(self, gateway: tuple[str, int], dice: random.Random) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.is_crumbling = False
        self.cuts = 0
        self._gateway = gateway
        self._dice = dice
        self._torn: Torn | None = None
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._closed_until_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; `port` is known afterwards."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server:
            self._server.close()
        self.mend()
        self.cut(0.0)
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()

    # what can be done to it

    def cut(self, down_s: float) -> None:
        """End all connections now, and let nobody through for so long."""
        self._torn = None
        self._closed_until_s = asyncio.get_running_loop().time() + down_s
        self.cuts += len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()

    def tear(self, direction: str, down_s: float) -> None:
        """Cut in the middle of the next message that goes in that direction."""
        self._torn = Torn(direction, down_s)

    def freeze(self) -> None:
        """Hold all bytes back, both ways."""
        self._is_open.clear()

    def mend(self) -> None:
        """Carry everything, at once and whole."""
        self.delay_s, self.is_crumbling, self._torn = 0.0, False, None
        self._is_open.set()

    # one connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        if asyncio.get_running_loop().time() < self._closed_until_s:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._gateway)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer, UP)),
            asyncio.ensure_future(self._pump(far_reader, writer, DOWN)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= ends
            for end in ends:
                with contextlib.suppress(OSError):
                    end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                await self._is_open.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self._torn and self._torn.direction == direction:
                    # what is written in one go ends with a whole message: this one is torn
                    writer.write(data[: -self._dice.randint(1, min(len(data), 8))])
                    await writer.drain()
                    self._closed_until_s = asyncio.get_running_loop().time() + self._torn.down_s
                    self._torn = None
                    self.cuts += 1
                    return
                await self._carry(writer, data)

    async def _carry(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not self.is_crumbling:
            writer.write(data)
            await writer.drain()
            return
        for start in range(0, len(data), CRUMB_BYTES):
            writer.write(data[start : start + CRUMB_BYTES])
            await writer.drain()
            await asyncio.sleep(0)
