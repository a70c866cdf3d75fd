"""Control over a socket: a JSON object a line, both ways.

::

    {"do": "fault", "name": "freeze", "for_s": 30}  ->  {"result": null}
    {"do": "advance", "seconds": 60}                ->  {"result": "2026-04-13T11:01:00-04:00"}
    {"do": "fault", "name": "frost"}                ->  {"error": "there is no fault 'frost'; ..."}

It listens where only this machine, or only this user, can reach it: whoever reaches it is the
market's master. What is no JSON object ends the connection, so that no web page can talk to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedRWPair
from pathlib import Path
from typing import Any

import msgspec

from ibproxy.address import Address, IpcAddress, TcpAddress, check_listen_url, parse_url
from ibproxy.errors import BusyError, ConfigError, UpstreamLostError
from ibproxy_sim.build import Simulation
from ibproxy_sim.control.operations import AnyOperation, SimControl
from ibproxy_sim.server import SimServer

MAX_LINE_BYTES = 64 * 1024
ANSWER_TIMEOUT_S = 30.0


def answer(sim: Simulation, line: bytes) -> bytes:
    """Do what a line asks, and return the line to answer with.

    Raises:
        ConfigError: it is no JSON object, so whoever wrote it does not speak this.
    """
    try:
        asked = msgspec.json.decode(line)
    except msgspec.DecodeError:
        raise ConfigError("not JSON") from None
    if not isinstance(asked, dict):
        raise ConfigError("not a JSON object")
    try:
        operation = msgspec.convert(asked, AnyOperation)
        result = {"result": operation.perform(sim)}
    except (msgspec.ValidationError, ConfigError) as error:
        return msgspec.json.encode({"error": str(error)}) + b"\n"
    return msgspec.json.encode(result) + b"\n"


class ControlServer:
    """Serves the control of one stand-in.

    Attributes:
        url: where it listens.
    """

    def __init__(self, server: SimServer, sim: Simulation, url: str) -> None:
        """Prepare.

        Raises:
            ConfigError: others than this machine could reach that address, or nobody can.
        """
        self.url = url
        self._address: Address = check_listen_url(url)
        _check_possible(self._address)
        self._server = server
        self._sim = sim
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; `url` is known afterwards.

        Raises:
            BusyError: the address is in use.
        """
        try:
            self._listener = await self._listen(self._address)
        except OSError as error:
            raise BusyError(f"cannot listen on {self.url}: {error.strerror}") from error
        if isinstance(self._address, TcpAddress):
            port = self._listener.sockets[0].getsockname()[1]
            self.url = TcpAddress(self._address.host, port).url

    async def _listen(self, address: Address) -> asyncio.Server:
        if isinstance(address, TcpAddress):
            return await asyncio.start_server(
                self._serve, address.host, address.port, limit=MAX_LINE_BYTES
            )
        server = await asyncio.start_unix_server(self._serve, address.path, limit=MAX_LINE_BYTES)
        self._keep_private(address.path)
        return server

    @staticmethod
    def _keep_private(path: str) -> None:
        Path(path).chmod(0o600)

    async def stop(self) -> None:
        """Close the address and every connection."""
        if self._listener:
            self._listener.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._listener:
            await self._listener.wait_closed()
        self._remove_file()

    def _remove_file(self) -> None:
        if isinstance(self._address, IpcAddress):
            Path(self._address.path).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task  # noqa: S101 - asyncio runs this in one
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(self._server.do(partial(answer, self._sim, line)))
                await writer.drain()
        except (ConfigError, ValueError, ConnectionError):
            pass  # not one of ours, or gone
        finally:
            self._writers.discard(writer)
            writer.close()


@contextmanager
def connect(url: str) -> Iterator[SimControl]:
    """Control the stand-in whose control address is `url`.

    Raises:
        ConfigError: it is no address, or the stand-in refuses what it is asked to do.
        UpstreamLostError: nobody is there.
    """
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(_open(parse_url(url)))
            stream = stack.enter_context(connection.makefile("rwb"))
        except OSError as error:
            text = f"no stand-in is listening for control at {url} ({error.strerror})"
            raise UpstreamLostError(f"{text}: start it with --control {url}") from None
        yield SimControl(lambda operation: _ask(stream, operation))


def _check_possible(address: Address) -> None:
    if isinstance(address, IpcAddress) and not hasattr(asyncio, "start_unix_server"):
        raise ConfigError(
            f"{address.url}: Python has no Unix sockets on this system: use tcp://127.0.0.1:PORT"
        )


def _open(address: Address) -> socket.socket:
    if isinstance(address, TcpAddress):
        return socket.create_connection((address.host, address.port), ANSWER_TIMEOUT_S)
    _check_possible(address)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_TIMEOUT_S)
        connection.connect(address.path)
    except OSError:
        connection.close()
        raise
    return connection


def _ask(stream: BufferedRWPair, operation: AnyOperation) -> Any:
    try:
        stream.write(msgspec.json.encode(operation) + b"\n")
        stream.flush()
        line = stream.readline()
    except OSError as error:
        raise UpstreamLostError(f"the stand-in does not answer: {error}") from error
    if not line:
        raise UpstreamLostError("the stand-in has closed the control connection")
    said = json.loads(line)
    if "error" in said:
        raise ConfigError(said["error"])
    return said["result"]
