"""`ibproxy sim`: the stand-in gateway as a program."""

from __future__ import annotations

import argparse
import asyncio
import errno
import sys
import time

from ibproxy.errors import BusyError, ConfigError
from ibproxy_server.cli.running import run_service
from ibproxy_sim.build import make_gateway
from ibproxy_sim.gateway import Settings
from ibproxy_sim.server import SimServer


def run(options: argparse.Namespace) -> int:
    """Serve until told to end; the first line of output says where."""
    settings = Settings(
        accounts=options.accounts,
        seed=options.seed,
        speed=options.speed,
        server_version=options.server_version,
    )
    return run_service(_serve(settings, options.host, options.port))


async def _serve(settings: Settings, host: str, port: int) -> None:
    server = SimServer(make_gateway(settings, time.time()), host, port)
    try:
        await server.start()
    except OSError as error:
        raise _explained(error, host, port) from error
    try:
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"ready {shown}:{server.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
    finally:
        await server.stop()


def _explained(error: OSError, host: str, port: int) -> ConfigError | BusyError:
    if error.errno == errno.EADDRINUSE:
        return BusyError(
            f"port {port} on {host} is in use: "
            "end the program that listens there, or choose another port with --port"
        )
    return ConfigError(
        f"cannot listen on {host} port {port} ({error.strerror}): "
        "choose another address with --host, or another port with --port"
    )
