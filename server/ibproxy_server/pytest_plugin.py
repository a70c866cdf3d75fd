"""pytest's plugin: `ib_proxy`, a proxy in front of the stand-in gateway of `ib_gateway`.

pytest loads this module in every project where the package is installed, so it imports nothing
but pytest until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from ibproxy_server.shells.threaded import ThreadedProxy

MARKER = "ib_strategies"


class RunningGateway(Protocol):
    """What is needed of the gateway."""

    host: str
    port: int


class RunningProxy:
    """A running proxy.

    Attributes:
        url: where strategies find it; IBPROXY_URL says so too.
    """

    def __init__(self, gateway: RunningGateway, strategies: Mapping[str, tuple[str, ...]]) -> None:
        from ibproxy.config import Config, StrategyConfig  # noqa: PLC0415 - see above
        from ibproxy_server.shells.threaded import ThreadedProxy  # noqa: PLC0415

        bound = {name: StrategyConfig(tuple(codes)) for name, codes in strategies.items()}
        self._proxy: ThreadedProxy = ThreadedProxy(
            Config(
                gateway=f"{gateway.host}:{gateway.port}",
                listen=("tcp://127.0.0.1:0",),
                strategies=bound,
            )
        )
        self.url = self._proxy.urls[0]

    def status(self) -> dict[str, Any]:
        """Return what `ibproxy status --json` prints."""
        return self._proxy.status()

    def wait_until_ready(self) -> None:
        """Wait until the proxy is connected to its gateway."""
        try:
            self._proxy.wait_until_ready()
        except TimeoutError as error:
            pytest.fail(str(error))

    def stop(self) -> None:
        """End it."""
        self._proxy.stop()


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(**accounts): which accounts each strategy of the fixture ib_proxy is bound to",
    )


@pytest.fixture
def ib_proxy(
    request: pytest.FixtureRequest,
    ib_gateway: RunningGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningProxy]:
    """A proxy that is connected to `ib_gateway`; `from ibproxy import IB` finds it."""
    marker = request.node.get_closest_marker(MARKER)
    proxy = RunningProxy(ib_gateway, marker.kwargs if marker else {})
    monkeypatch.setenv("IBPROXY_URL", proxy.url)
    try:
        proxy.wait_until_ready()
        yield proxy
    finally:
        proxy.stop()
