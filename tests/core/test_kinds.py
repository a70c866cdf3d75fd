"""Paper and live: every combination of what is asked for and what is there."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ibproxy.config import Config, parse_config
from ibproxy_server.core.hub import HubSettings
from ibproxy_server.core.kinds import Ports, kind_of

PAPER, LIVE, MIXED = "DU1,DU2", "U1,U2", "DU1,U2"
PAPER_PORTS, LIVE_PORTS, OTHER_PORTS = (7497, 4002), (7496, 4001), (0, 1, 4100, 7498, 65535)
LOGINS = (PAPER, "DF1,DU2", "D1", LIVE, "U1", "F1,U1", "I1", "du1", MIXED, "U1,DU2", "DU1,DU2,F1")
LIVE_LOGINS = LOGINS[3:]


def arrive(make_world: Any, login: str, port: int, **settings: Any) -> tuple[str, str]:
    """Return the refusal and the warning that a script gets; each may be empty."""
    world = make_world(**settings).connect(accounts=login)
    before = len(world.effects)
    client = world.client("alpha", port=port)
    assert client.accepted is (client.dropped is None)
    notices = [each.text for each in world.effects[before:] if hasattr(each, "text")]
    if client.accepted:
        client.start()
        assert client.greeted
    warnings = [each for each in notices if not each.startswith("alpha was refused")]
    return client.dropped or "", " ".join(each for each in warnings if "alpha" in each)


@pytest.mark.parametrize(
    ("login", "port"), list(product(LOGINS, PAPER_PORTS + LIVE_PORTS + OTHER_PORTS))
)
def test_ports_say_what_a_script_wants(make_world: Any, login: str, port: int) -> None:
    """Paper on live is refused, live on paper is warned of, and nothing else is remarked."""
    refusal, warning = arrive(make_world, login, port)
    assert bool(refusal) is (port in PAPER_PORTS and login in LIVE_LOGINS)
    assert bool(warning) is (port in LIVE_PORTS and login not in LIVE_LOGINS)


@pytest.mark.parametrize(
    ("expects", "login", "port"),
    list(
        product(("paper", "live", "any"), (PAPER, LIVE, MIXED), PAPER_PORTS + LIVE_PORTS + (0, 1))
    ),
)
def test_the_configuration_goes_before_the_port(
    make_world: Any, expects: str, login: str, port: int
) -> None:
    """What is configured for a strategy holds whatever port it asks for."""
    refusal, warning = arrive(make_world, login, port, expects_of_strategy={"alpha": expects})
    assert bool(refusal) is (expects == "paper" and login != PAPER)
    assert bool(warning) is (expects == "live" and login == PAPER)


@pytest.mark.parametrize("login", [PAPER, LIVE, MIXED])
@pytest.mark.parametrize("port", [5002, 5001, 7497, 4002, 7496, 4001])
def test_other_ports_may_stand_for_paper_and_live(make_world: Any, login: str, port: int) -> None:
    """Ports named in the configuration take the place of the usual ones."""
    refusal, warning = arrive(make_world, login, port, ports=Ports(paper=(5002,), live=(5001,)))
    assert bool(refusal) is (port == 5002 and login != PAPER)
    assert bool(warning) is (port == 5001 and login == PAPER)


def test_only_the_strategy_that_is_configured_is_let_in(make_world: Any) -> None:
    """What one strategy is allowed is no matter of the others; a binding changes nothing."""
    world = make_world(
        expects_of_strategy={"alpha": "any", "beta": "port"},
        accounts_of_strategy={"beta": ("DU1",)},
    ).connect(MIXED)
    assert world.client("alpha", port=7497).accepted
    assert not world.client("beta", port=7497).accepted
    assert not world.client("gamma", port=7497).accepted


@pytest.mark.parametrize(
    ("expects", "port", "said"),
    [("port", 4002, "asks for port 4002"), ("paper", 4001, "expects a paper account")],
)
def test_the_refusal_says_how_to_allow_it(
    make_world: Any, expects: str, port: int, said: str
) -> None:
    """It names the script's wish and the live accounts, and what it says to write is enough."""
    refusal, _ = arrive(make_world, MIXED, port, expects_of_strategy={"alpha": expects})
    assert said in refusal
    assert "(U2)" in refusal
    line, table = 'expects = "any"', "[strategies.alpha]"
    assert line in refusal
    assert table in refusal
    allowed = parse_config(f"{table}\n{line}").strategies["alpha"].expects
    assert arrive(make_world, MIXED, port, expects_of_strategy={"alpha": allowed}) == ("", "")


def test_a_name_with_a_dot_is_quoted_as_the_file_needs_it(make_world: Any) -> None:
    """What the refusal says to write is good TOML."""
    client = make_world().connect(LIVE).client("my.script", port=7497)
    table = '[strategies."my.script"]'
    assert table in client.dropped
    assert parse_config(f'{table}\nexpects = "any"').strategies["my.script"].expects == "any"


def test_the_warning_names_strategy_and_accounts(make_world: Any) -> None:
    """Who reads the log knows who trades where."""
    _, warning = arrive(make_world, PAPER, 7496)
    assert "alpha asks for port 7496" in warning
    assert "DU1, DU2" in warning


def test_the_defaults_are_the_same_everywhere() -> None:
    """The configuration and the core know the same ports."""
    assert HubSettings().ports == Ports(Config().paper_ports, Config().live_ports)


def test_an_unknown_code_is_taken_for_a_live_one() -> None:
    """Only what surely is paper is treated so."""
    assert {kind_of([code]).value for code in ("DU1", "DF1")} == {"paper"}
    assert {kind_of([code]).value for code in ("U1", "F1", "I1", "", "du1")} == {"live"}
