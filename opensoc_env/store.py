"""Finished episodes in one SQLite file, which outlives the process that wrote them.

`record` returns when the episode is in the file's write-ahead log: killing the process
afterwards loses nothing, and killing it before leaves no trace of the episode. A power
cut may take the last moments, never the file. Several processes may write one file, and
it may be read while they do. Episode ids are the clients' and may repeat, so the store
counts: a number names an episode for good.

Callers of the HTTP API get ids that the server makes, and no client can take one. Such
episodes are noted apart, so that they can be asked for again, after a restart as well.
"""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeAlias

from opensoc_engine import OpenSocError
from opensoc_env.finished import FinishedEpisode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from opensoc_env.finished import Key
    from opensoc_env.models import Mode, Role, TaskName

    Value: TypeAlias = str | int | float | bytes | None
    # The body is None if nothing of a fitting size is there.
    _Row: TypeAlias = tuple[int, bytes | None]

# "OSOC": what the file says that it is.
_APPLICATION = 0x4F534F43
_FORMAT = 1
_STAMP = {"application_id": _APPLICATION, "user_version": _FORMAT}
# A file from elsewhere could have views and triggers, which are programs.
_KINDS = "SELECT DISTINCT type FROM sqlite_master"
_WAIT_SECONDS = 30.0
_PAGE = 256
# Incidents repeat their keys: the fastest level makes them five times smaller.
_LEVEL = 1
# Many times what fits into a request; a file that somebody sends may claim any size.
MAX_EPISODE_BYTES = 8_000_000
_TOO_LARGE = f"expected at most {MAX_EPISODE_BYTES} bytes of JSON"
_TABLE = """
CREATE TABLE episodes (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  episode_id TEXT NOT NULL,
  task TEXT NOT NULL,
  mode TEXT NOT NULL,
  role TEXT,
  digest TEXT NOT NULL,
  seed INTEGER NOT NULL,
  position INTEGER NOT NULL,
  truth TEXT NOT NULL,
  answer TEXT,
  reward REAL,
  attacker_reward REAL,
  body BLOB NOT NULL
)
"""
_INDEX = "CREATE INDEX episode_ids ON episodes (episode_id)"
# The seed is NULL where the caller named none. Files from before this table get it.
_SERVED_TABLE = """
CREATE TABLE IF NOT EXISTS served (
  episode_id TEXT PRIMARY KEY,
  number INTEGER NOT NULL REFERENCES episodes,
  task TEXT NOT NULL,
  mode TEXT NOT NULL,
  seed INTEGER
) WITHOUT ROWID
"""
_SERVED_INDEX = """
CREATE INDEX IF NOT EXISTS served_keys ON served (task, mode, seed, number)
"""
_INSERT = """
INSERT INTO episodes (episode_id, task, mode, role, digest, seed, position, truth,
  answer, reward, attacker_reward, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_SERVED = """
INSERT OR REPLACE INTO served (episode_id, number, task, mode, seed)
VALUES (?, ?, ?, ?, ?)
"""
# A body that is too large, or none at all, is not even read.
_BODY = f"""
CASE WHEN typeof(body) = 'blob' AND length(body) <= {MAX_EPISODE_BYTES} THEN body END
"""


class StoreError(OpenSocError):
    """A store that can't be used, or an episode that is not in it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which episodes are meant; what is None is not asked about.

    Attributes:
        digest: How the digest of the policies begins.
        episode_id: As the client knew it.
    """

    task: TaskName | None = None
    mode: Mode | None = None
    role: Role | None = None
    digest: str | None = None
    episode_id: str | None = None

    def condition(self) -> tuple[str, list[Value]]:
        """The condition in SQL, and its values."""
        tests: list[tuple[str, list[Value]]] = [
            ("task = ?", [self.task]),
            ("mode = ?", [self.mode]),
            ("role = ?", [self.role]),
            ("episode_id = ?", [self.episode_id]),
            ("substr(digest, 1, ?) = ?", [len(self.digest or ""), self.digest]),
        ]
        asked = [(text, values) for text, values in tests if values[-1] is not None]
        text = " AND ".join(["TRUE", *(text for text, _ in asked)])
        return text, [value for _, values in asked for value in values]


@dataclass(frozen=True, slots=True)
class Stored:
    """An episode with the number that the store gave it."""

    number: int
    episode: FinishedEpisode


class EpisodeStore:
    """Finished episodes in a file. Threads may share one.

    Use `open`; a store is its own context manager.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = Lock()

    @classmethod
    def open(cls, path: Path | str, *, create: bool = True) -> Self:
        """The store in a file.

        Args:
            path: The file; its folder must be there.
            create: False to refuse a file that is not there.

        Raises:
            StoreError: The file is not there, not a store or not readable.
        """
        path = Path(path)
        if not create and not path.is_file():
            raise StoreError(
                f"{path}: there is no such file; `opensoc serve --store {path}` "
                "writes one"
            )
        with _errors(path):
            connection = _connect(path)
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    def record(self, episode: FinishedEpisode, key: Key | None = None) -> None:
        """Keep an episode; when this returns, it outlives the process.

        Args:
            episode: What to keep.
            key: What its caller asked for, if the server made the id: `served` finds
                it by both.

        Raises:
            StoreError: It could not be written, or the store is closed.
        """
        row = _row(episode, self.path)
        with self._lock, _errors(self.path), _whole(self._connection):
            number = self._connection.execute(_INSERT, row).lastrowid
            if key is not None:
                served = (episode.episode_id, number, *key)
                self._connection.execute(_INSERT_SERVED, served)

    def served(self, asked: str | Key) -> FinishedEpisode | None:
        """The newest episode of an id that a server made, or of what was asked for.

        Raises:
            StoreError: It can't be read, or the store is closed.
        """
        if isinstance(asked, str):
            return self._newest_served("episode_id = ?", [asked])
        return self._newest_served("task = ? AND mode = ? AND seed IS ?", asked)

    def get(self, number: int) -> FinishedEpisode:
        """The episode of a number.

        Raises:
            StoreError: There is none, or the store is closed.
        """
        rows = self._read("number = ?", [number])
        if not rows:
            raise StoreError(f"{self.path}: there is no episode {number}")
        return self._stored(*rows[0]).episode

    def list(self, wanted: Wanted | None = None) -> Iterator[Stored]:
        """The episodes that are wanted, in the order in which they ended.

        Few are in memory at a time, and writers are not kept waiting.

        Raises:
            StoreError: The file is damaged, or the store is closed.
        """
        condition, values = (wanted or Wanted()).condition()
        last = 0
        while page := self._read(f"{condition} AND number > ?", [*values, last]):
            for number, body in page:
                yield self._stored(number, body)
            last = page[-1][0]

    def count(self, wanted: Wanted | None = None) -> int:
        """How many episodes are wanted.

        Raises:
            StoreError: The file is damaged, or the store is closed.
        """
        condition, values = (wanted or Wanted()).condition()
        query = f"SELECT count(*) FROM episodes WHERE {condition}"  # noqa: S608 - ours
        with self._lock, _errors(self.path):
            return int(self._connection.execute(query, values).fetchone()[0])

    def close(self) -> None:
        """Close the file; the store can't be used again."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _newest_served(
        self, condition: str, values: Sequence[Value]
    ) -> FinishedEpisode | None:
        query = (
            f"SELECT number FROM served WHERE {condition} "  # noqa: S608 - ours
            "ORDER BY number DESC LIMIT 1"
        )
        with self._lock, _errors(self.path):
            found = self._connection.execute(query, values).fetchone()
        return self.get(*found) if found else None

    def _read(self, condition: str, values: Sequence[Value]) -> Sequence[_Row]:
        """One page of rows, shorter where they are large."""
        query = (
            f"SELECT number, {_BODY} FROM episodes WHERE {condition} "  # noqa: S608
            f"ORDER BY number LIMIT {_PAGE}"
        )
        page: list[_Row] = []
        room = MAX_EPISODE_BYTES
        with self._lock, _errors(self.path):
            rows = self._connection.execute(query, values)
            while room > 0 and (row := rows.fetchone()) is not None:
                page.append(row)
                room -= len(row[1] or b"")
            rows.close()
        return page

    def _stored(self, number: int, body: bytes | None) -> Stored:
        try:
            return Stored(number, FinishedEpisode.model_validate_json(_text_of(body)))
        except (zlib.error, ValueError) as error:
            raise StoreError(
                f"{self.path}: episode {number} can't be read: {error}; "
                "another version of OpenSOC may have written it"
            ) from None


def _text_of(body: bytes | None) -> bytes:
    """The JSON text of a body.

    Raises:
        ValueError: It is too large, or incomplete.
        zlib.error: It is not compressed.
    """
    if body is None:
        raise ValueError(_TOO_LARGE)
    reader = zlib.decompressobj()
    text = reader.decompress(body, MAX_EPISODE_BYTES)
    if not reader.eof:
        raise ValueError(_TOO_LARGE if reader.unconsumed_tail else "it is cut off")
    return text


def _row(episode: FinishedEpisode, path: Path) -> tuple[Value, ...]:
    result = episode.result
    text = episode.model_dump_json().encode()
    if len(text) > MAX_EPISODE_BYTES:
        raise StoreError(f"{path}: an episode can't be kept: {_TOO_LARGE}")
    return (
        episode.episode_id,
        episode.task,
        episode.mode,
        episode.role,
        episode.policy_digest,
        episode.seed,
        episode.index,
        result.truth_action,
        episode.answer.action if episode.answer else None,
        result.reward,
        result.attacker_reward,
        zlib.compress(text, _LEVEL),
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=_WAIT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make a new file a store; refuse what is another's file.

    Raises:
        StoreError: It is no store of this version.
    """
    with _whole(connection):
        known = tuple(_pragma(connection, name) for name in _STAMP)
        kinds = {kind for (kind,) in connection.execute(_KINDS)}
        if not kinds and known == (0, 0):
            connection.execute(_TABLE)
            connection.execute(_INDEX)
            for name, value in _STAMP.items():
                connection.execute(f"PRAGMA {name} = {value}")
        elif known != (_APPLICATION, _FORMAT) or not kinds <= {"table", "index"}:
            raise StoreError(_foreign(path, *known))
        connection.execute(_SERVED_TABLE)
        connection.execute(_SERVED_INDEX)
    connection.execute("PRAGMA journal_mode = WAL")


def _foreign(path: Path, application: int, version: int) -> str:
    if application == _APPLICATION and version != _FORMAT:
        return (
            f"{path}: the store has format {version}, expected {_FORMAT}; "
            "use the version of OpenSOC that wrote it"
        )
    return f"{path}: this SQLite file is not a store of episodes; name another file"


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def _whole(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # A full disk may have ended it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Say what SQLite could not do, and with which file."""
    try:
        yield
    except sqlite3.Error as error:
        text = f"{error}"
        if "not a database" in text:
            text = "this is not a store of episodes; name another file"
        elif "unable to open" in text:
            text = "can't be opened; its folder must be there and writable"
        raise StoreError(f"{path}: {text}") from None
