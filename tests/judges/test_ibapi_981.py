"""ibapi 9.81, which knows server versions up to 157, asks and decodes all that ibapi 10.50 does.

It is the last one that IBKR has put on PyPI itself, and still what many programs run on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.judges.apart import HERE, serve

REQUIREMENT = "ibapi==9.81.1.post1"


def test_an_old_client_is_served_in_its_own_version(install_apart: Callable[..., Path]) -> None:
    """Straight on the stand-in at 157, and by a door of a proxy that speaks 178 with it."""
    serve(install_apart("ibapi-981", REQUIREMENT), HERE / "test_ibapi.py")


def test_each_message_is_to_it_what_its_own_version_would_be(
    install_apart: Callable[..., Path],
) -> None:
    """Its decoder and its encoder agree with the stand-in at both ends of the translation."""
    serve(install_apart("ibapi-981", REQUIREMENT), HERE / "layouts_981.py")
