"""A transcript notices when a message that it asks for is missing, or comes too early."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.transcripts.conftest import Mismatch, Play

RECORDED = re.findall(
    r"\w+",
    """
account_summary account_updates bracket cancel_unknown connect_only hist_keep_up_to_date
i105_combo_stock_smart lmt_cancel modify_cancelled oca_group pnl scanner_two i105_combo_directed
i105_combo_leg_prices depth_single_iex depth_smart depth_smart_status option_chain_aapl
overnight_tif premarket_order_types rth_order_types i105_combo_fill b1_429_keep_up_to_date
b1_431_hist_format b1_432_hist_ticks b1_458_news_dup b1_cleanup
""",
)
"""What was recorded inside IB Gateway 10.40 and published; five of them twice."""

FILES = sorted(Path(__file__).parent.glob("*.tws"))
Messages = list[list[str]]


def tampered(file: Path, change: Callable[[int, Messages, int], Messages], number: int) -> bool:
    """Whether it is noticed that message `number` is changed.

    Args:
        file: the transcript.
        change: gets a batch's first number, the batch, and the number; gives the batch to show.
        number: which message.
    """
    count = itertools.count()

    def tamper(batch: Messages) -> Messages:
        numbers = [next(count) for _ in batch]
        return change(numbers[0], batch, number) if number in numbers else batch

    play = Play()
    play.tamper = tamper
    try:
        play.file(file)
    except Mismatch:
        return True
    return False


def without(first: int, batch: Messages, number: int) -> Messages:
    """The batch without that message."""
    return [message for n, message in enumerate(batch, first) if n != number]


def swapped(first: int, batch: Messages, number: int) -> Messages:
    """The batch with that message behind the one that follows it."""
    at = number - first
    return [*batch[:at], *reversed(batch[at : at + 2]), *batch[at + 2 :]]


def test_every_recording_is_retold() -> None:
    """None of them is without a transcript that names it."""
    sources = [
        line
        for file in FILES
        for line in file.read_text().splitlines()
        if line.startswith("# Known from:")
    ]
    assert len(sources) == len(FILES)
    named = set(re.findall(r"\w+", " ".join(sources)))
    assert [name for name in RECORDED if name not in named] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_transcript_can_fail(file: Path) -> None:
    """Each message that a line wants next, left out or swapped with such a one, is missed."""
    play = Play()
    play.file(file)
    wanted = play.exact
    assert wanted
    assert [n for n in wanted if not tampered(file, without, n)] == []
    neighbours = [n for n, after in itertools.pairwise(wanted) if play.is_swappable(n, after)]
    assert [n for n in neighbours if not tampered(file, swapped, n)] == []
