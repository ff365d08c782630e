"""Finished episodes in one SQLite file, which outlives the process that wrote them.

`record` returns when the episode is in the file's write-ahead log: killing the process
afterwards loses nothing, and killing it before leaves no trace of the episode. A power
cut may take the last moments, never the file. Several processes may write one file, and
it may be read while they do. Episode ids are the clients' and may repeat, so the store
counts: a number names an episode for good.
"""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeAlias

from pydantic import ValidationError

from opensoc_engine import OpenSocError
from opensoc_env.finished import FinishedEpisode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from opensoc_env.models import Mode, Role, TaskName

    Value: TypeAlias = str | int | float | bytes | None

# "OSOC": what the file says that it is.
_APPLICATION = 0x4F534F43
_FORMAT = 1
_WAIT_SECONDS = 30.0
_PAGE = 256
# Incidents repeat their keys: the fastest level makes them five times smaller.
_LEVEL = 1
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
_INSERT = """
INSERT INTO episodes (episode_id, task, mode, role, digest, seed, position, truth,
  answer, reward, attacker_reward, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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

    def record(self, episode: FinishedEpisode) -> None:
        """Keep an episode; when this returns, it outlives the process.

        Raises:
            StoreError: It could not be written, or the store is closed.
        """
        row = _row(episode)
        with self._lock, _errors(self.path):
            self._connection.execute(_INSERT, row)

    def get(self, number: int) -> FinishedEpisode:
        """The episode of a number.

        Raises:
            StoreError: There is none, or the store is closed.
        """
        rows = self._read("number = ?", [number])
        if not rows:
            raise StoreError(f"{self.path}: there is no episode {number}")
        return rows[0].episode

    def list(self, wanted: Wanted | None = None) -> Iterator[Stored]:
        """The episodes that are wanted, in the order in which they ended.

        Few are in memory at a time, and writers are not kept waiting.

        Raises:
            StoreError: The file is damaged, or the store is closed.
        """
        condition, values = (wanted or Wanted()).condition()
        last = 0
        while page := self._read(f"{condition} AND number > ?", [*values, last]):
            yield from page
            last = page[-1].number

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

    def _read(self, condition: str, values: Sequence[Value]) -> tuple[Stored, ...]:
        """One page of rows."""
        query = (
            f"SELECT number, body FROM episodes WHERE {condition} "  # noqa: S608 - ours
            f"ORDER BY number LIMIT {_PAGE}"
        )
        with self._lock, _errors(self.path):
            rows = self._connection.execute(query, values).fetchall()
        return tuple(self._stored(number, body) for number, body in rows)

    def _stored(self, number: int, body: bytes) -> Stored:
        try:
            text = zlib.decompress(body)
            return Stored(number, FinishedEpisode.model_validate_json(text))
        except (zlib.error, ValidationError) as error:
            raise StoreError(
                f"{self.path}: episode {number} can't be read: {error}; "
                "another version of OpenSOC may have written it"
            ) from None


def _row(episode: FinishedEpisode) -> tuple[Value, ...]:
    result = episode.result
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
        zlib.compress(episode.model_dump_json().encode(), _LEVEL),
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
    connection.execute("BEGIN IMMEDIATE")
    known = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if empty and known == (0, 0):
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
    connection.execute("COMMIT")
    if not empty and known != (_APPLICATION, _FORMAT):
        raise StoreError(_foreign(path, *known))
    connection.execute("PRAGMA journal_mode = WAL")


def _foreign(path: Path, application: int, version: int) -> str:
    if application == _APPLICATION:
        return (
            f"{path}: the store has format {version}, expected {_FORMAT}; "
            "use the version of OpenSOC that wrote it"
        )
    return f"{path}: this SQLite file is not a store of episodes; name another file"


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


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
