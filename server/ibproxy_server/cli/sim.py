"""`ibproxy sim`: the stand-in gateway as a program."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import sys
import time

from ibproxy.errors import BusyError, ConfigError
from ibproxy_server.cli.running import run_service
from ibproxy_sim.control.link import ControlServer
from ibproxy_sim.scenario import DEFAULT, Scenario, load_scenario, shipped_scenarios
from ibproxy_sim.server import SimServer

MAX_SPEED = float("inf")
"""`--speed max`: market data as fast as each client reads it."""


def run(options: argparse.Namespace) -> int:
    """Serve until told to end; the first line of output says where."""
    if options.list_scenarios:
        scenarios = shipped_scenarios()
        width = max(map(len, scenarios))
        sys.stdout.writelines(f"{name:{width}}  {about}\n" for name, about in scenarios.items())
        return 0
    return run_service(_serve(_chosen(options), options))


def _chosen(options: argparse.Namespace) -> Scenario:
    """Return the scenario, with what the command line changes."""
    return load_scenario(options.scenario or DEFAULT).changed(
        accounts=options.accounts,
        seed=options.seed,
        speed=None if options.speed == MAX_SPEED else options.speed,
        flood=options.speed == MAX_SPEED or None,
        server_version=options.server_version,
    )


async def _serve(scenario: Scenario, options: argparse.Namespace) -> None:
    host, port = options.host, options.port
    sim = scenario.build(time.time())
    server = SimServer(sim.gateway, host, port)
    control = ControlServer(server, sim, options.control) if options.control else None
    async with contextlib.AsyncExitStack() as stack:
        try:
            stack.push_async_callback(server.stop)
            await server.start()
        except OSError as error:
            raise _explained(error, host, port) from error
        if control:
            stack.push_async_callback(control.stop)
            await control.start()
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"ready {shown}:{server.port}\n")
        if control:
            sys.stdout.write(f"control {control.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


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
