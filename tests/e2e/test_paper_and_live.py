"""A script's port against the gateway's accounts, on real sockets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from ibproxy import RemoteIB
from ibproxy.config import Config, StrategyConfig
from ibproxy.errors import RefusedError
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

pytestmark = pytest.mark.only_proxied("a gateway's port is its own, and cannot be the wrong one")


@pytest.mark.parametrize("account", ["DU1000001", "U1000001"])
def test_a_script_is_told_why_it_is_refused(
    account: str,
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`connect` raises with the cure in its text; the configuration's word goes before the port."""
    caplog.set_level(logging.WARNING)
    sim = start_sim(Settings(accounts=(account,)))
    proxy = ThreadedProxy(
        Config(
            gateway=f"127.0.0.1:{sim.port}",
            listen=(f"ipc://{tmp_path}/p.sock",),
            paper_ports=(5002,),
            strategies={
                "open": StrategyConfig(expects="any"),
                "shy": StrategyConfig(expects="paper"),
            },
        )
    )
    monkeypatch.setenv("IBPROXY_URL", proxy.urls[0])

    def outcome(strategy: str, port: int) -> str:
        ib = RemoteIB()
        ib.strategy = strategy
        try:
            ib.connect("127.0.0.1", port, clientId=1)
        except RefusedError as error:
            return str(error)
        ib.disconnect()
        return "connected"

    try:
        proxy.wait_until_ready()
        for strategy, port in (("open", 5002), ("alpha", 7497), ("alpha", 7496)):
            assert outcome(strategy, port) == "connected"
        for strategy, port in (("alpha", 5002), ("shy", 7496)):
            text = outcome(strategy, port)
            if account.startswith("D"):
                assert text == "connected"
            else:
                assert f'write expects = "any" under [strategies.{strategy}]' in text
        warned = [each for each in caplog.records if "no real money" in each.getMessage()]
        assert len(warned) == (1 if account.startswith("D") else 0)
    finally:
        proxy.stop()
