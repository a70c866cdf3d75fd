"""The journal on disk: what is written is there, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibproxy.errors import BusyError, ConfigError
from ibproxy_server.core.orders import journal_entries as je
from ibproxy_server.shells import journal as journals
from ibproxy_server.shells.journal import (
    KEEP_DONE_S,
    KEEP_SILENT_S,
    PRUNE_EVERY_S,
    Journal,
    read_rows,
)

DAY_S = 86_400.0


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self) -> None:
        self.now_s = 1_776_092_400.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def intent(number: int, oca: bytes = b"", request: bytes = b"3\0") -> je.OrderIntent:
    """Return the intent of an order of alpha's."""
    return je.OrderIntent(number, "alpha", 1, number, oca, True, "20261122", request)


def state(number: int, text: str = "Submitted") -> je.OrderState:
    """Return the state of an order."""
    done = text == "Filled"
    return je.OrderState(number, b"9%d" % number, b"DU1", True, False, done, 0, b"3\0x\0", text)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "orders.sqlite"


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="journal")
def _journal(path: Path, clock: Clock) -> Iterator[Journal]:
    journal = Journal(path, 100, clock)
    yield journal
    journal.close()


def reopened(journal: Journal, clock: Clock) -> Journal:
    """Return the journal, closed and opened again; the caller closes it."""
    journal.close()
    return Journal(journal.path, 100, clock)


numbers = st.integers(1, 5)
entries = st.one_of(
    st.builds(je.Login, st.lists(st.sampled_from(["DU1", "DU2"]), max_size=2).map(tuple)),
    st.builds(je.HighestId, st.integers(0, 2**31)),
    st.builds(je.OwnerIds, st.sampled_from(["alpha", "beta"]), numbers, st.integers(0, 2**31)),
    st.builds(je.OcaName, st.binary(max_size=3), st.binary(max_size=3)),
    st.builds(
        je.OrderIntent,
        *(numbers, st.sampled_from(["alpha", "beta"]), st.just(1), numbers),
        *(st.binary(max_size=3), st.booleans(), st.just("20261122"), st.binary(max_size=9)),
    ),
    st.builds(
        je.OrderState,
        *(numbers, st.binary(max_size=3), st.binary(max_size=3)),
        *(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 9)),
        *(st.binary(max_size=9), st.sampled_from(["Submitted", "unknown"])),
    ),
    st.builds(je.OrderForgotten, numbers),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(entries, max_size=5), max_size=6))
def test_the_file_holds_what_the_entries_say(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[je.Entry]]
) -> None:
    """Closed and opened again it is the map of which each entry's key has its last value."""
    path = tmp_path_factory.mktemp("j") / "orders.sqlite"
    written: list[je.Entry] = []
    owners: dict[int, tuple[str, int, int]] = {}
    with closing(Journal(path, 100)) as journal:
        for batch in batches:
            # an order's owner never changes, and its state follows its intent
            kept = [each for each in batch if fits(each, owners)]
            assert journal.write(kept, is_urgent=True) == ""
            written += kept
    with closing(Journal(path, 100)) as journal:
        assert {each.key: each for each in journal.entries()} == je.compacted(written)


def fits(entry: je.Entry, owners: dict[int, tuple[str, int, int]]) -> bool:
    """Whether a hub may write this after what it has written."""
    if isinstance(entry, je.OrderForgotten):
        owners.pop(entry.upstream_id, None)
    if isinstance(entry, je.OrderIntent):
        owner = entry.strategy, entry.client_id, entry.client_order_id
        return owners.setdefault(entry.upstream_id, owner) == owner
    return not isinstance(entry, je.OrderState) or entry.upstream_id in owners


# whose it is


def test_only_one_proxy_writes_to_it(journal: Journal, path: Path) -> None:
    """A second one is refused in one line, until the first has closed it."""
    with pytest.raises(BusyError, match="another proxy writes to the journal"):
        Journal(path, 100)
    journal.close()
    Journal(path, 100).close()


def test_it_is_its_owners_alone(journal: Journal) -> None:
    """Nobody else on the machine can read what is traded."""
    assert journal.write([intent(1)], is_urgent=True) == ""
    for file in journal.path.parent.glob("orders.sqlite*"):
        if not file.name.endswith(".lock"):
            assert file.stat().st_mode & 0o077 == 0, file
    assert journal.path.parent.stat().st_mode & 0o077 == 0


def test_the_journal_of_another_client_id_is_refused(journal: Journal, path: Path) -> None:
    """Order ids count for each client id, so those of another one mean other orders."""
    journal.close()
    with pytest.raises(ConfigError, match="is of client id 100, and the proxy's is 7"):
        Journal(path, 7)
    Journal(path, 100).close()  # the refused one has left no lock behind


def test_a_journal_of_the_future_is_refused(journal: Journal, path: Path) -> None:
    """An older program does not touch what it cannot understand, and can say so."""
    journal.close()
    change(path, "PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="newer ibproxy"):
        Journal(path, 100)
    with pytest.raises(ConfigError, match="newer ibproxy"):
        read_rows(path)


def change(path: Path, statement: str) -> None:
    """Change a journal behind the program's back."""
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """Whatever else it is, it is left as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at" * 40)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="cannot be used: file is not a database"):
        Journal(path, 100)
    with pytest.raises(ConfigError, match="cannot be read: file is not a database"):
        read_rows(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    """One line says which journal, and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"orders\.sqlite cannot be opened: \w"):
        Journal(tmp_path / "file" / "orders.sqlite", 100)


def test_each_version_is_migrated_to_the_next(
    journal: Journal, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an older program wrote is there afterwards; a step that fails leaves all as it was."""
    assert journal.write([intent(1)], is_urgent=True) == ""
    journal.close()
    more = "ALTER TABLE orders ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"
    steps = (*journals.MIGRATIONS, f"{more}; DELETE FROM no_such_table")
    monkeypatch.setattr(journals, "MIGRATIONS", steps)
    with pytest.raises(ConfigError, match="no_such_table"):
        Journal(path, 100, clock)
    monkeypatch.setattr(journals, "MIGRATIONS", (*journals.MIGRATIONS[:1], more))
    Journal(path, 100, clock).close()
    [row] = read_rows(path)
    assert (row["upstream_id"], row["note"]) == (1, "none")


# a disk that does not take it


@pytest.mark.parametrize(("is_urgent", "level"), [(True, 2), (False, 1)])
def test_what_an_order_waits_for_is_synced(journal: Journal, is_urgent: bool, level: int) -> None:
    """Synchronous is FULL for what must survive a power cut, and NORMAL for news."""
    assert journal.write([intent(1)], is_urgent=is_urgent) == ""
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (level,)
    assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_full_disk_is_a_reason_and_leaves_nothing_half_written(journal: Journal) -> None:
    """All of a batch or none of it; afterwards it goes on."""
    assert journal.write([intent(1)], is_urgent=True) == ""
    before = journal.entries()
    [pages] = journal._database.execute("PRAGMA page_count").fetchone()
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    big = [intent(2), intent(3, request=b"x" * 100_000)]
    assert "full" in journal.write(big, is_urgent=True)
    assert journal.entries() == before
    journal._database.execute("PRAGMA max_page_count = 1000000")
    assert journal.write(big, is_urgent=True) == ""
    assert [each["upstream_id"] for each in read_rows(journal.path)] == [1, 2, 3]


def test_an_entry_that_cannot_be_stored_spoils_its_own_batch_only(journal: Journal) -> None:
    """Nothing of the batch is written, and the next one is as always."""
    spoiled: list[je.Entry] = [intent(1), je.OwnerIds("alpha", 1, 2**70)]
    assert "too large" in journal.write(spoiled, is_urgent=True)
    assert journal.write([intent(2)], is_urgent=True) == ""
    assert [each.key for each in journal.entries()] == [("intent", 2)]


def test_a_file_that_may_not_be_written_is_a_reason(journal: Journal) -> None:
    """It can still be read, so that a proxy knows its orders and can cancel them."""
    assert journal.write([intent(1)], is_urgent=True) == ""
    journal._database.execute("PRAGMA query_only = 1")
    assert "readonly" in journal.write([intent(2)], is_urgent=True)
    assert [each.key for each in journal.entries()] == [("intent", 1)]


def test_a_file_that_was_removed_is_noticed(journal: Journal) -> None:
    """SQLite would go on writing to a file that nobody will ever find again."""
    journal.path.unlink()
    assert "has been removed" in journal.write([intent(1)], is_urgent=True)


def test_a_writer_that_locks_it_is_a_reason(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program in the middle of a change holds orders up for a moment, then refuses them."""
    monkeypatch.setattr(journals, "BUSY_TIMEOUT_S", 0.01)
    journal = Journal(path, 100, clock)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in journal.write([intent(1)], is_urgent=True)
    other.execute("ROLLBACK")
    other.close()
    assert journal.write([intent(1)], is_urgent=True) == ""
    journal.close()


WRITER = """
import sys
from pathlib import Path
from ibproxy_server.core.orders import journal_entries as je
from ibproxy_server.shells.journal import Journal

journal = Journal(Path(sys.argv[1]), 100)
number = 0
while True:
    number += 1
    intent = je.OrderIntent(number, "alpha", 1, number, b"", True, "", b"x" * 300)
    owner = je.OwnerIds("alpha", 1, number)
    if not journal.write([je.HighestId(number), owner, intent], is_urgent=number % 3 > 0):
        sys.stdout.write(f"{number}\\n")  # the order leaves
        sys.stdout.flush()
"""


@pytest.mark.parametrize("after", [1, 50, 333])
def test_a_killed_writer_has_lost_nothing_that_left(path: Path, after: int) -> None:
    """Killed in mid-stream, every order that left is in the journal, and ids are above it."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout
    for _ in range(after):
        writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    left = after + len([line for line in writer.stdout.read().split("\n")[:-1] if line])
    writer.wait()
    writer.stdout.close()
    assert len(read_rows(path)) in {left, left + 1}  # without a writer
    journal = Journal(path, 100)
    held = {each.key: each for each in journal.entries()}
    journal.close()
    assert {("intent", number) for number in range(1, left + 1)} <= set(held)
    highest = held["highest id",]
    assert isinstance(highest, je.HighestId)
    assert highest.upstream_id >= left


# reading


def test_it_is_read_while_it_is_written(journal: Journal) -> None:
    """A reader sees what is committed, and does not hold the writer up."""
    assert journal.write([intent(1), state(1)], is_urgent=True) == ""
    reader = journals._open_to_read(journal.path)
    rows = reader.execute("SELECT * FROM orders")
    rows.fetchone()
    assert journal.write([intent(2)], is_urgent=True) == ""
    reader.close()
    assert [each["state"] for each in read_rows(journal.path)] == ["Submitted", ""]


def test_reading_makes_no_journal(path: Path) -> None:
    """Where there is none, there is none afterwards."""
    with pytest.raises(ConfigError, match="there is no journal"):
        read_rows(path)
    assert not path.exists()


# what is forgotten


def test_old_orders_are_forgotten_and_what_may_work_is_not(journal: Journal, clock: Clock) -> None:
    """Done for two weeks, or silent for a hundred days; ids stay used."""
    begin: list[je.Entry] = [
        je.HighestId(3),
        je.OwnerIds("alpha", 1, 3),
        je.OcaName(b"up~1", b"up"),
    ]
    orders: list[je.Entry] = [
        intent(1),
        state(1, "Filled"),
        intent(2, oca=b"up~1"),
        state(2),
        intent(3),
    ]
    assert journal.write([*begin, *orders, je.OcaName(b"gone~1", b"gone")], is_urgent=True) == ""
    clock.now_s += KEEP_DONE_S - DAY_S
    assert journal.write([state(3, "Filled")], is_urgent=False) == ""
    clock.now_s += 2 * DAY_S
    journal = reopened(journal, clock)
    assert {each.key for each in journal.entries()} == {
        *(("highest id",), ("owner", "alpha", 1), ("oca", b"up~1")),
        *(("intent", 2), ("state", 2), ("intent", 3), ("state", 3)),
    }
    clock.now_s += KEEP_SILENT_S
    assert journal.write([], is_urgent=False) == ""  # a day has passed: it prunes
    assert read_rows(journal.path) == []
    assert ("owner", "alpha", 1) in {each.key for each in journal.entries()}
    journal.close()


def test_no_more_than_so_many_are_kept(
    journal: Journal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the orders that are done the newest stay, however young the others are."""
    monkeypatch.setattr(journals, "MAX_DONE", 2)
    for number in range(1, 6):
        assert journal.write([intent(number), state(number, "Filled")], is_urgent=True) == ""
    assert journal.write([intent(9)], is_urgent=True) == ""
    clock.now_s += PRUNE_EVERY_S
    assert journal.write([], is_urgent=False) == ""
    assert [each["upstream_id"] for each in read_rows(journal.path)] == [4, 5, 9]
