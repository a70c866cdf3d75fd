"""The journal on disk: one SQLite file in WAL mode, written by one proxy, read by anybody.

What an order waits for is written with a sync, so that a power cut does not undo it; news are
not, and survive whatever happens to the process. Times are UTC seconds since 1970, and only the
file knows them: they decide what is old enough to be forgotten, nothing else.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from ibproxy.errors import BusyError, ConfigError
from ibproxy_server.core.orders import journal_entries as je

KEEP_DONE_S = 14 * 86_400.0
"""Orders that are done are forgotten after this time."""

KEEP_SILENT_S = 100 * 86_400.0
"""So are others of which nothing was heard for so long; what works is listed at every connect."""

MAX_DONE = 50_000
"""More orders than this that are done are never kept; the newest stay."""

PRUNE_EVERY_S = 86_400.0
BUSY_TIMEOUT_S = 1.0
"""How long another program, such as sqlite3's shell, may hold up a write."""

_VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE owners (
    strategy TEXT NOT NULL, client_id INTEGER NOT NULL, highest_order_id INTEGER NOT NULL,
    PRIMARY KEY (strategy, client_id)
) WITHOUT ROWID;
CREATE TABLE oca_names (
    upstream BLOB PRIMARY KEY, shown BLOB NOT NULL, used_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE orders (
    upstream_id INTEGER PRIMARY KEY,
    strategy TEXT NOT NULL, client_id INTEGER NOT NULL, client_order_id INTEGER NOT NULL,
    oca_group BLOB NOT NULL, is_transmitted INTEGER NOT NULL, day TEXT NOT NULL,
    request BLOB NOT NULL, placed_at REAL NOT NULL, updated_at REAL NOT NULL,
    perm_id BLOB NOT NULL DEFAULT x'', account BLOB NOT NULL DEFAULT x'',
    is_stated INTEGER NOT NULL DEFAULT 0,
    is_gone INTEGER NOT NULL DEFAULT 0, is_done INTEGER NOT NULL DEFAULT 0,
    fills INTEGER NOT NULL DEFAULT 0, status BLOB NOT NULL DEFAULT x'',
    state TEXT NOT NULL DEFAULT ''
);
"""
MIGRATIONS = (_VERSION_1,)
"""What makes version N of the schema out of version N - 1; the file says its version itself."""

_Run = Callable[[sqlite3.Connection, Any, float], object]


class Journal:
    """A journal that is open for writing.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, client_id: int, clock: Callable[[], float] = time.time) -> None:
        """Open it, or begin a new one.

        Args:
            path: the file; its folder is made if need be.
            client_id: the proxy's own id at the gateway, which the order ids belong to.
            clock: returns UTC seconds since 1970.

        Raises:
            BusyError: another proxy writes to it.
            ConfigError: it cannot be opened, or is not for this proxy.
        """
        self.path = path
        self._clock = clock
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _lock(path)
        except BusyError:  # which is an OSError as well
            raise
        except OSError as error:
            raise ConfigError(f"the journal {path} cannot be opened: {error.strerror}") from None
        try:
            self._database = self._open(client_id)
        except BaseException:
            self._lock.close()
            raise
        self._file = _identity(path)
        self._prune_at = self._prune()

    def entries(self) -> tuple[je.Entry, ...]:
        """Return all that it holds, orders in the order of their upstream ids."""
        return tuple(_entries(self._database))

    def write(self, entries: Iterable[je.Entry], *, is_urgent: bool) -> str:
        """Write entries, all or none.

        Args:
            entries: what to write.
            is_urgent: whether they must survive a power cut from now on.

        Returns:
            Why it could not be done; empty if it was.
        """
        if _identity(self.path) != self._file:
            return f"{self.path} has been removed or replaced; start the proxy again"
        now = self._clock()
        try:
            self._database.execute(f"PRAGMA synchronous = {'FULL' if is_urgent else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
            for entry in entries:
                _WRITE[type(entry)](self._database, entry, now)
            self._database.execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            self._undo()
            return f"{self.path}: {error}"
        if now >= self._prune_at:
            self._prune_at = self._prune()
        return ""

    def close(self) -> None:
        """Close it; another proxy may then open it."""
        self._database.close()
        self._lock.close()

    def _open(self, client_id: int) -> sqlite3.Connection:
        mask = os.umask(0o177)  # whoever can read it knows what is traded
        try:
            database = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        finally:
            os.umask(mask)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            _migrate(database, self.path)
            _check_client_id(database, self.path, client_id)
        except sqlite3.Error as error:
            database.close()
            raise ConfigError(f"the journal {self.path} cannot be used: {error}") from None
        except ConfigError:
            database.close()
            raise
        return database

    def _prune(self) -> float:
        """Forget what is old, if that can be written, and return when to do so again."""
        now = self._clock()
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(
                "DELETE FROM orders WHERE updated_at < ? OR (is_done AND updated_at < ?)",
                (now - KEEP_SILENT_S, now - KEEP_DONE_S),
            )
            self._database.execute(
                "DELETE FROM orders WHERE upstream_id IN (SELECT upstream_id FROM orders "
                "WHERE is_done ORDER BY upstream_id DESC LIMIT -1 OFFSET ?)",
                (MAX_DONE,),
            )
            self._database.execute(
                "DELETE FROM oca_names WHERE used_at < ? "
                "AND upstream NOT IN (SELECT oca_group FROM orders)",
                (now - KEEP_DONE_S,),
            )
            self._database.execute("COMMIT")
        except sqlite3.Error:
            self._undo()
        return now + PRUNE_EVERY_S

    def _undo(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the orders of a journal as rows, oldest first, also while a proxy writes to it.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise ConfigError(f"there is no journal {path}")
    try:
        with closing(_open_to_read(path)) as database:
            _check_version(database, path)
            database.row_factory = sqlite3.Row
            query = "SELECT * FROM orders ORDER BY upstream_id"
            return [dict(row) for row in database.execute(query)]
    except sqlite3.Error as error:
        raise ConfigError(f"the journal {path} cannot be read: {error}") from None


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open read-only; on a medium that cannot be written at all SQLite must be told so."""
    uri = path.absolute().as_uri()
    database = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        database.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        database.close()
        database = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
    return database


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _lock(path: Path) -> IO[str]:
    """Return a file that is locked as long as it is open, whatever becomes of the process.

    SQLite's own locks would keep readers out as well.
    """
    file = path.with_name(f"{path.name}.lock").open("a+", encoding="utf-8")
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise BusyError(
            f"another proxy writes to the journal {path}: stop it, or give each proxy a journal "
            "of its own (key journal of the configuration)"
        ) from None
    return file


def _check_version(database: sqlite3.Connection, path: Path) -> int:
    [version] = database.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"the journal {path} has been written by a newer ibproxy (its version is {version}, "
            f"this program knows {len(MIGRATIONS)}): update ibproxy"
        )
    return int(version)


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date, each step whole or not at all."""
    for number in range(_check_version(database, path) + 1, len(MIGRATIONS) + 1):
        script = MIGRATIONS[number - 1]
        database.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version = {number};COMMIT;")


def _check_client_id(database: sqlite3.Connection, path: Path, client_id: int) -> None:
    """Order ids count for one client id (fact 3.7): those of another must not be taken for ours."""
    known = database.execute("SELECT value FROM meta WHERE key = 'client_id'").fetchone()
    if known is None:
        database.execute("INSERT INTO meta VALUES ('client_id', ?)", (str(client_id),))
    elif int(known[0]) != client_id:
        raise ConfigError(
            f"the journal {path} is of client id {known[0]}, and the proxy's is {client_id}: "
            "give it a journal of its own, or its old client id"
        )


def _entries(database: sqlite3.Connection) -> Iterable[je.Entry]:
    meta = dict(database.execute("SELECT key, value FROM meta"))
    if "accounts" in meta:
        yield je.Login(tuple(json.loads(meta["accounts"])))
    if "highest_upstream_id" in meta:
        yield je.HighestId(int(meta["highest_upstream_id"]))
    for row in database.execute("SELECT strategy, client_id, highest_order_id FROM owners"):
        yield je.OwnerIds(*row)
    for row in database.execute("SELECT upstream, shown FROM oca_names"):
        yield je.OcaName(*row)
    intents = database.execute(
        "SELECT upstream_id, strategy, client_id, client_order_id, oca_group, is_transmitted, "
        "day, request FROM orders ORDER BY upstream_id"
    )
    for upstream_id, strategy, client_id, client_order_id, oca_group, *rest in intents:
        owner = strategy, client_id, client_order_id
        is_transmitted, day, request = rest
        yield je.OrderIntent(upstream_id, *owner, oca_group, bool(is_transmitted), day, request)
    states = database.execute(
        "SELECT upstream_id, perm_id, account, is_stated, is_gone, is_done, fills, status, state "
        "FROM orders WHERE state != '' ORDER BY upstream_id"
    )
    for upstream_id, perm_id, account, is_stated, is_gone, is_done, *rest in states:
        flags = bool(is_stated), bool(is_gone), bool(is_done)
        yield je.OrderState(upstream_id, perm_id, account, *flags, *rest)


def _write_meta(database: sqlite3.Connection, key: str, value: str) -> None:
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _write_login(database: sqlite3.Connection, entry: je.Login, _now: float) -> None:
    _write_meta(database, "accounts", json.dumps(entry.accounts))


def _write_highest_id(database: sqlite3.Connection, entry: je.HighestId, _now: float) -> None:
    _write_meta(database, "highest_upstream_id", str(entry.upstream_id))


def _write_owner(database: sqlite3.Connection, entry: je.OwnerIds, _now: float) -> None:
    values = entry.strategy, entry.client_id, entry.highest
    database.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?)", values)


def _write_oca_name(database: sqlite3.Connection, entry: je.OcaName, now: float) -> None:
    values = entry.upstream, entry.shown, now
    database.execute("INSERT OR REPLACE INTO oca_names VALUES (?, ?, ?)", values)


def _write_intent(database: sqlite3.Connection, entry: je.OrderIntent, now: float) -> None:
    database.execute(
        "INSERT INTO orders (upstream_id, strategy, client_id, client_order_id, "
        "oca_group, is_transmitted, day, request, placed_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (upstream_id) DO UPDATE SET "
        "oca_group = excluded.oca_group, "
        "is_transmitted = excluded.is_transmitted, day = excluded.day, request = excluded.request, "
        "updated_at = excluded.updated_at",
        (
            *(entry.upstream_id, entry.strategy, entry.client_id, entry.client_order_id),
            *(entry.oca_group, entry.is_transmitted, entry.day, entry.request, now, now),
        ),
    )


def _write_state(database: sqlite3.Connection, entry: je.OrderState, now: float) -> None:
    database.execute(
        "UPDATE orders SET perm_id = ?, account = ?, is_stated = ?, is_gone = ?, is_done = ?, "
        "fills = ?, status = ?, state = ?, updated_at = ? WHERE upstream_id = ?",
        (
            *(entry.perm_id, entry.account, entry.is_stated, entry.is_gone, entry.is_done),
            *(entry.fills, entry.status, entry.text, now, entry.upstream_id),
        ),
    )


def _forget(database: sqlite3.Connection, entry: je.OrderForgotten, _now: float) -> None:
    database.execute("DELETE FROM orders WHERE upstream_id = ?", (entry.upstream_id,))


_WRITE: dict[type[je.Entry], _Run] = {
    je.Login: _write_login,
    je.HighestId: _write_highest_id,
    je.OwnerIds: _write_owner,
    je.OcaName: _write_oca_name,
    je.OrderIntent: _write_intent,
    je.OrderState: _write_state,
    je.OrderForgotten: _forget,
}
