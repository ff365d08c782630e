"""How new an incident is, in the space that the verifier sees.

The pattern of an incident is which rules fire and of which types the events are that
prove them. Names, padding, paraphrase and decoy events change neither, so they are
never novel; all incidents that no rule fires on are one pattern.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine import Decision

Pattern: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


class Archive:
    """How often each pattern has been seen; threads may share one."""

    def __init__(self, counts: Mapping[Pattern, int] | None = None) -> None:
        self._counts = dict(counts or {})
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def counts(self) -> dict[Pattern, int]:
        """A copy of the counts, to go on from later."""
        return dict(self._counts)

    def add(self, pattern: Pattern) -> float:
        """Count a pattern once more; 1 over its new count, so 1.0 the first time."""
        with self._lock:
            count = self._counts.get(pattern, 0) + 1
            self._counts[pattern] = count
        return 1 / count


def pattern_of(incident: Mapping[str, Any], truth: Decision) -> Pattern:
    """Fired rules and types of the events that prove them, each sorted."""
    proof = {
        log_id
        for finding in truth.findings
        for way in finding.alternatives
        for log_id in way
    }
    types = {e["event_type"] for e in incident["events"] if e["log_id"] in proof}
    return tuple(sorted(f.rule for f in truth.findings)), tuple(sorted(types))
