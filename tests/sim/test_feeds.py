"""News, bulletins, events, advisors' groups and display groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.feeds.articles import CODES, Archive
from ibproxy_sim.testing import AMD, RawClient, contract
from ibproxy_sim.wire.settings import Settings

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]
MONDAY_S = 1776092400.0


def test_a_headline_leads_to_its_article(client: RawClient, decode: Decode) -> None:
    """What is streamed is in the archive, newest first, under the same id, with a text."""
    client.send(1, 11, 7, *AMD, 0, "mdoff,292", 0, 0, "")
    streamed = [c[1] for c in decode(client.read()) if c[0] == "tickNews"]
    assert len(streamed) == 4
    client.send(86, 8, 4391, "BRFG+BRFUPDN+DJNL", "", "", 4, "")
    *past, end = decode(client.read())
    assert end == ("historicalNewsEnd", (8, True))
    assert [c[1][3] for c in past] == [row[3] for row in reversed(streamed)]
    _, _, provider, article_id, headline, _ = streamed[0]
    ((name, (_, _, text)),) = decode(client.ask(84, 9, provider, article_id, ""))
    assert name == "newsArticle"
    assert text.startswith(headline)


def test_headlines_come_as_they_are_written(
    sim: Simulation, client: RawClient, decode: Decode
) -> None:
    """The next one at its time, and the archive has it afterwards; none after a cancel."""
    amd = sim.universe.by_con_id(4391)
    assert amd
    article = Archive(1).after(amd, CODES, MONDAY_S)
    assert article
    client.send(1, 11, 7, *AMD, 0, "mdoff,292", 0, 0, "")
    client.read()
    live = [c for c in decode(client.wait(article.time_s - MONDAY_S + 1)) if c[0] == "tickNews"]
    (call,) = live
    assert call[1] == (
        7, int(article.time_s * 1000), *article[2:3], article.article_id, article.headline,
        call[1][5],
    )  # fmt: skip
    client.send(86, 8, 4391, "BRFG+BRFUPDN+DJNL", "2026-04-13 15:00:00.0", "", 100, "")
    assert [c[1][3] for c in decode(client.read())[:-1]] == [article.article_id]


def test_a_source_that_is_not_enabled_ends_the_request_twice(client: RawClient) -> None:
    """10094, and 10197 some seconds later (fact 4.27)."""
    client.send(1, 11, 7, *AMD, 0, "mdoff,292:XYZ", 0, 0, "")
    assert client.read()[-1][3] == "10094"
    assert [m[3] for m in client.wait(6)] == ["10197"]
    assert client.ask(2, 2, 7)[0][3] == "300"


def test_broad_tapes_are_contracts_of_their_own(client: RawClient) -> None:
    """News of all kinds is had by a contract of type NEWS."""
    tape = contract("BRFG:BRFG_ALL", "NEWS", "BRFG")
    kinds = {m[0] for m in client.ask(1, 11, 7, *tape, 0, "mdoff,292", 0, 0, "")}
    assert kinds == {"58", "81", "84"}


def test_bulletins_of_the_day_and_new_ones(sim: Simulation, client: RawClient) -> None:
    """The day's at once if they are wanted, the same to all, new ones as they come."""
    other = RawClient(sim, client_id=2)
    (first,) = client.ask(12, 1, 1)
    assert other.ask(12, 1, 0) == []
    sim.bulletins.publish(2, "Closed.", "NYSE")
    (second,) = client.read()
    assert other.read() == [second]
    assert second[2:] == ["26041302", "2", "Closed.", "NYSE"]
    other.send(13, 1)
    assert [m[0] for m in client.wait(6 * 3600)] == ["14"]
    assert other.read() == []
    assert first[2] == "26041301"


def test_events_are_asked_for_one_at_a_time(client: RawClient) -> None:
    """The kinds first; a second request of a kind is refused while one is under way (8.21)."""
    assert client.ask(102, 5, 4391, "", 0, 0, 0, "", "", "")[0][3] == "10282"
    assert client.ask(100, 6) == []
    assert client.ask(100, 7)[0][3] == "10278"
    (kinds,) = client.wait(1)
    assert [row["tag"] for row in json.loads(kinds[2])["meta_data"]["event_types"]]
    assert client.ask(102, 5, "", "", 0, 0, 0, "", "", "")[0][3] == "10309"
    assert client.ask(102, 5, "", '{"watchlist": ["4391", "8314"]}', 0, 0, 0, "", "", "") == []
    assert client.ask(102, 8, 4391, "", 0, 0, 0, "", "", "")[0][3] == "10281"
    (events,) = client.wait(1)
    assert {row["con_id"] for row in json.loads(events[2])} == {4391, 8314}


def test_groups_are_read_replaced_and_read_again() -> None:
    """What cannot be a group leaves them as they are."""
    client = RawClient(make_simulation(Settings(accounts=("DF1", "DU1", "DU2")), MONDAY_S))
    (before,) = client.ask(18, 1, 1)
    group = ET.fromstring(before[3]).find("Group")
    assert group is not None
    assert [s.text for s in group.iter("String")] == ["DU1", "DU2"]
    wrong = before[3].replace("DU2", "DU3")
    assert client.ask(19, 1, 1, wrong, 9)[0][2:4] == ["9", "10231"]
    assert client.ask(19, 1, 1, before[3].replace("Equal", "Fair"), 9)[0][3] == "10260"
    assert client.ask(19, 1, 1, before[3].replace("All", "Two"), 9) == []
    assert client.ask(18, 1, 1)[0][3] == "10230"  # unsaved (fact 2.46)
    assert client.wait(1) == [["103", "9", "FA data saved"]]
    assert "<name>Two</name>" in client.ask(18, 1, 1)[0][3]
    assert "<alias>DU1</alias>" in client.ask(18, 1, 3)[0][3]
    assert client.ask(79, 8)[0][2] == "2"


def test_who_is_no_advisor_has_no_groups(client: RawClient) -> None:
    """321, under the request's id where there is one."""
    assert client.ask(18, 1, 1)[0][2:4] == ["-1", "321"]
    assert client.ask(19, 1, 1, "<x/>", 9)[0][2:4] == ["9", "321"]


@pytest.mark.parametrize("text", ["4391@SMART", "none", "combo"])
def test_a_display_group_is_shared(sim: Simulation, text: str) -> None:
    """What one client shows all that watch the group are told; the next one to join too."""
    one, two = RawClient(sim, client_id=1), RawClient(sim, client_id=2)
    assert one.ask(68, 1, 5, 3) == [["68", "1", "5", "none"]]
    assert two.ask(68, 1, 6, 3) == [["68", "1", "6", "none"]]
    assert one.ask(69, 1, 5, text) == [["68", "1", "5", text]]
    assert two.read() == [["68", "1", "6", text]]
    two.send(70, 1, 6)
    assert two.ask(68, 1, 7, 3) == [["68", "1", "7", text]]
    assert one.ask(69, 1, 5, "1@SMART")[0][3] == "321"
