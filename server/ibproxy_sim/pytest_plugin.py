"""pytest's plugin: `ib_gateway`, a stand-in gateway for each test that asks for one.

pytest loads this module in every project where the package is installed, so it imports nothing
but pytest until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ibproxy_sim.fixture import SimGateway

MARKER = "ib_scenario"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(name, *, accounts=, seed=, speed=, volatility=, server_version=): what the "
        "stand-in gateway of the fixture ib_gateway plays: the name of a scenario, or a file "
        "beside the test",
    )


@pytest.fixture
def ib_gateway(request: pytest.FixtureRequest) -> Iterator[SimGateway]:
    """A stand-in for IB Gateway on a free port; it is a Monday, 11:00 in New York."""
    from ibproxy_sim.fixture import SimGateway, marked_scenario  # noqa: PLC0415 - see above

    marker = request.node.get_closest_marker(MARKER)
    arguments, changes = (marker.args, marker.kwargs) if marker else ((), {})
    gateway = SimGateway(marked_scenario(request.path.parent, *arguments, **changes))
    yield gateway
    gateway.stop()
