"""How new an incident is, in the space that the verifier sees.

The pattern of an incident is which rules fire, of which types the events are that prove
them, and which facts of the estate are in play there: tiers, records, controls. Names,
padding, paraphrase and decoy events change none of these, so they are never novel; all
incidents that no rule fires on are one pattern. An archive counts patterns and is kept
as JSON lines: the same counts give the same bytes.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opensoc_engine import InputError
from opensoc_env.log_text import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from opensoc_engine import Decision

_STOPPED = frozenset({"blocked", "quarantined"})
_MAX_ARCHIVE = 64_000_000


class Pattern(NamedTuple):
    """What the verifier sees of an incident; each part is sorted.

    Attributes:
        rules: Ids of the fired rules.
        types: Types of the events that prove them.
        facts: What is in play in these events, such as `tier T0` or `record`.
    """

    rules: tuple[str, ...]
    types: tuple[str, ...]
    facts: tuple[str, ...]


class Archive:
    """How often each pattern has been seen; threads may share one."""

    def __init__(self, counts: Mapping[Pattern, int] | None = None) -> None:
        self._counts = dict(counts or {})
        self._lock = Lock()

    @classmethod
    def load(cls, path: Path) -> Archive:
        """The archive that `save` wrote; an empty one if there is no file yet.

        Raises:
            InputError: The file can't be read, or a line is no counted pattern.
        """
        try:
            if not path.exists():
                return cls()
            if path.stat().st_size > _MAX_ARCHIVE:
                raise InputError(f"{path}: too large for an archive of patterns")
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8 text"
            raise InputError(f"{path}: {why}; name an archive of patterns") from None
        rows = (_read(line, f"{path}:{at}") for at, line in enumerate(lines, 1))
        return cls(dict(rows))

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def counts(self) -> dict[Pattern, int]:
        """A copy of the counts, to go on from later."""
        with self._lock:
            return dict(self._counts)

    def add(self, pattern: Pattern) -> float:
        """Count a pattern once more; 1 over its new count, so 1.0 the first time."""
        with self._lock:
            count = self._counts.get(pattern, 0) + 1
            self._counts[pattern] = count
        return 1 / count

    @contextmanager
    def counting(self, pattern: Pattern) -> Iterator[float]:
        """Count a pattern, for good only if what is done with its worth succeeds."""
        worth = self.add(pattern)
        try:
            yield worth
        except BaseException:
            self._take_back(pattern)
            raise

    def save(self, path: Path) -> None:
        """Write one sorted JSON line for each pattern; a stop leaves the old file.

        Raises:
            InputError: The file can't be written.
        """
        rows = ({**p._asdict(), "count": n} for p, n in sorted(self.counts.items()))
        text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
        fresh = path.with_name(f"{path.name}.new")
        try:
            fresh.write_bytes(text.encode())
            fresh.replace(path)
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"{path}: {why}; name another file") from None

    def _take_back(self, pattern: Pattern) -> None:
        with self._lock:
            self._counts[pattern] -= 1
            if not self._counts[pattern]:
                del self._counts[pattern]


def pattern_of(incident: Mapping[str, Any], truth: Decision) -> Pattern:
    """The pattern of a normal incident."""
    proof = {
        log_id
        for finding in truth.findings
        for way in finding.alternatives
        for log_id in way
    }
    events = [event for event in incident["events"] if event["log_id"] in proof]
    return Pattern(
        tuple(sorted({finding.rule for finding in truth.findings})),
        tuple(sorted({event["event_type"] for event in events})),
        tuple(sorted(set(_facts(events, incident.get("context", {}))))),
    )


def _facts(events: list[Mapping[str, Any]], estate: Mapping[str, Any]) -> Iterator[str]:
    """What the estate knows of the names in some events, and what controls did."""
    named = {text.lower() for text in texts_of([e["fields"] for e in events])}
    for host in estate.get("hosts", ()):
        if {host["name"].lower(), host["ip"]} & named:
            yield f"tier {host['tier']}"
            if not host["tolerates_isolation"]:
                yield "must stay up"
    for user in estate.get("users", ()):
        if user["name"].lower() in named and user["privileged"]:
            yield "privileged"
    for record in estate.get("authorisations", ()):
        if {record["actor"].lower(), record["asset"].lower()} <= named:
            yield "record"
    for known in estate.get("threat_intelligence", ()):
        if known["indicator"].lower() in named:
            yield "intelligence"
    if any(event["fields"].get("disposition") in _STOPPED for event in events):
        yield "stopped"


def _read(line: str, place: str) -> tuple[Pattern, int]:
    try:
        row = json.loads(line)
        parts = [row[name] for name in Pattern._fields]
        count = row["count"]
    except (ValueError, RecursionError, KeyError, TypeError):
        parts, count = [], 0
    are_texts = all(isinstance(p, list) and _are_texts(p) for p in parts)
    if not parts or not are_texts or not isinstance(count, int) or count < 1:
        raise InputError(
            f"{place}: expected an object with `rules`, `types` and `facts`, lists of "
            "text, and `count`, at least 1"
        )
    return Pattern(*(tuple(cast("list[str]", part)) for part in parts)), count


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
