"""Sessions of the lane that outlive their links: who may take them up, and what then comes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from ibproxy.wire import lane
from ibproxy_server.core import events as ev
from tests.shells.zmq_stage import Stage, data_of, hear_data, until


def test_a_session_goes_on_by_a_new_link(run: Callable[..., None]) -> None:
    """What was on its way, and what was said without a link, comes once, both ways."""

    async def body(stage: Stage) -> None:
        old = await stage.session(pid=os.getpid())
        old.data(b"one")
        await until(lambda: data_of(stage.events))
        stage.lane.send(1, b"answer one")
        assert await hear_data(old, 1) == [b"answer one"]
        stage.lane.send(1, b"on its way")
        lost = old.channel.pack(b"never came")
        await stage.cut_off(old)
        stage.lane.send(1, b"without a link")
        new = stage.peer()
        new.resume(old)
        resumed = await new.hear_control()
        assert resumed == lane.Resumed(1)
        assert stage.events[-1] == ev.ClientBack(1)
        assert await hear_data(new, 2) == [b"on its way", b"without a link"]
        new.channel.rewind(1)
        assert new.channel.next_parts()[1] == lost[1]
        new.socket.send_multipart(new.channel.next_parts(now_s=2.5))
        new.channel.has_left()
        new.data(b"two")
        await until(lambda: data_of(stage.events)[-1] == b"two")
        assert data_of(stage.events) == [b"one", b"never came", b"two"]
        assert [e.age_s for e in stage.events if isinstance(e, ev.ClientData)] == [0.0, 2.5, 0.0]

    run(body)


def test_a_link_that_seems_whole_is_left_for_a_new_one(run: Callable[..., None]) -> None:
    """A client may know before the proxy; what still comes by the old link counts no more."""

    async def body(stage: Stage) -> None:
        old = await stage.session(pid=os.getpid())
        new = stage.peer()
        new.resume(old)
        assert await new.hear_control() == lane.Resumed(0)
        late = old.channel.pack(b"the same order")
        old.socket.send_multipart(late)
        assert isinstance(await old.hear_control(), lane.Goodbye)
        new.channel.rewind(0)
        new.socket.send_multipart(new.channel.next_parts())
        new.channel.has_left()
        await until(lambda: data_of(stage.events))
        old.close()
        stage.lane.probe()
        stage.lane.send(1, b"still here")
        assert await hear_data(new, 1) == [b"still here"]
        assert [type(each) for each in stage.events] == [ev.ClientArrived, ev.ClientData]

    run(body)


@pytest.mark.parametrize("token", ["", "0" * 32, "ü"])
def test_only_who_holds_the_token_takes_up_a_session(run: Callable[..., None], token: str) -> None:
    """Others are turned away, and its client is not disturbed."""

    async def body(stage: Stage) -> None:
        good, bad = await stage.session(pid=os.getpid()), stage.peer()
        assert len(good.welcome.token) == 32
        bad.resume(good, token)
        goodbye = await bad.hear_control()
        assert goodbye == lane.Goodbye("the proxy does not know this session")
        good.data(b"still here")
        await until(lambda: data_of(stage.events) == [b"still here"])

    run(body)


def test_every_session_has_a_token_of_its_own(run: Callable[..., None]) -> None:
    """One cannot be made of another."""

    async def body(stage: Stage) -> None:
        tokens = {(await stage.session()).welcome.token for _ in range(20)}
        assert len(tokens) == 20

    run(body)


def test_a_session_of_another_run_is_gone(run: Callable[..., None]) -> None:
    """A client of a proxy that was restarted is told so."""

    async def body(stage: Stage) -> None:
        old, new = await stage.session(pid=os.getpid()), stage.peer()
        new.resume(old, run="run0")
        assert await new.hear_control() == lane.Goodbye("the proxy has been restarted")

    run(body)


def test_who_was_dropped_without_a_link_is_told_why_when_it_comes(
    run: Callable[..., None],
) -> None:
    """But only who holds the token."""

    async def body(stage: Stage) -> None:
        old = await stage.session(pid=os.getpid())
        await stage.cut_off(old)
        stage.lane.drop(1, "it reads too slowly")
        new, other = stage.peer(), stage.peer()
        new.resume(old)
        assert await new.hear_control() == lane.Goodbye("it reads too slowly")
        other.resume(old, "another")
        assert await other.hear_control() == lane.Goodbye("the proxy does not know this session")

    run(body)


def test_a_client_on_another_machine_may_come_back(run: Callable[..., None]) -> None:
    """Nobody here knows whether its process lives."""

    async def body(stage: Stage) -> None:
        await stage.cut_off(await stage.session("elsewhere"))

    run(body)


def test_a_process_that_ends_without_a_link_is_noticed(run: Callable[..., None]) -> None:
    """Its session is not kept for longer than it lives."""

    def end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie

    async def body(stage: Stage) -> None:
        await stage.cut_off(await stage.session(pid=process.pid))
        stage.lane.probe()
        assert stage.events[-1] == ev.ClientAway(1)
        end(process)
        stage.lane.probe()
        assert stage.events[2:] == [ev.ClientLeft(1, "its process has ended")]

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run(body)


def test_who_claims_too_much_or_too_little_is_turned_out(run: Callable[..., None]) -> None:
    """A client that has lost its memory cannot go on."""

    async def body(stage: Stage) -> None:
        old, new = await stage.session(pid=os.getpid()), stage.peer()
        old.channel.received = 7
        new.resume(old)
        goodbye = await new.hear_control()
        assert isinstance(goodbye, lane.Goodbye)
        assert "only 0 were sent" in goodbye.reason
        assert isinstance(stage.events[-1], ev.ClientLeft)

    run(body)


def test_a_second_session_on_one_link_is_no_session(run: Callable[..., None]) -> None:
    """Who has one cannot take up another as well."""

    async def body(stage: Stage) -> None:
        one, two = await stage.session(pid=os.getpid()), await stage.session(pid=os.getpid())
        one.resume(two)
        assert isinstance(await one.hear_control(), lane.Goodbye)
        assert stage.events[-1] == ev.ClientLeft(1, stage.events[-1].reason)  # type: ignore[union-attr]
        two.data(b"still here")
        await until(lambda: data_of(stage.events) == [b"still here"])

    run(body)
