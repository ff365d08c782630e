"""Labels add up to a table: what was read, what became events, what was decided.

Recordings are told apart by file and key, so the windows of one count once. The
telemetry of a recording is the set of mappings that knew its records.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opensoc_env.telemetry.labeller import Label

UNRECOGNISED = "not recognised"
DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class Row:
    """Recordings of one telemetry, or all.

    Attributes:
        events: Records that became events.
        aside: Records that a mapping knows and sets aside.
        flagged: Recordings with a verdict other than dismiss.
        unjudged: Recordings without any verdict.
    """

    telemetry: str
    recordings: int
    records: int
    events: int
    aside: int
    flagged: int
    unjudged: int


@dataclass(slots=True)
class _Recording:
    records: int = 0
    events: int = 0
    aside: int = 0
    telemetry: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)


class Tally:
    """Adds labels up.

    Attributes:
        skipped: Reasons why records became no event.
        actions: Verdicts; a recording in windows has several.
    """

    def __init__(self) -> None:
        self._recordings: dict[tuple[str, str], _Recording] = {}
        self.skipped: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()

    def add(self, path: str, label: Label) -> None:
        """Count a label of a file."""
        seen = self._recordings.setdefault((path, label.key), _Recording())
        seen.records += label.records
        seen.events += label.events
        seen.aside += label.aside
        seen.telemetry.update(label.telemetry)
        self.skipped += label.skipped
        if label.decision is not None:
            seen.actions.add(label.decision.outcome)
            self.actions[label.decision.outcome] += 1

    def rows(self) -> list[Row]:
        """One row a telemetry, by name; what nothing recognised comes last."""
        groups: dict[str, list[_Recording]] = {}
        for item in self._recordings.values():
            groups.setdefault("+".join(sorted(item.telemetry)), []).append(item)
        names = sorted(groups, key=lambda name: (not name, name))
        return [_row(name or UNRECOGNISED, groups[name]) for name in names]

    def total(self) -> Row:
        """All recordings in one row."""
        return _row("all", list(self._recordings.values()))


def _row(name: str, items: list[_Recording]) -> Row:
    return Row(
        name,
        len(items),
        sum(item.records for item in items),
        sum(item.events for item in items),
        sum(item.aside for item in items),
        sum(bool(item.actions - {DISMISS}) for item in items),
        sum(not item.actions for item in items),
    )
