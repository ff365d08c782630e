"""Labels of recordings that say what they are add up to: how often are we right?

A recording counts once, however many windows it was cut into. It is flagged if a window
has a verdict other than dismiss. It agrees if a rule that fired has a technique that
serves a published tactic, or that shares its parent with a published technique. A
published tactic that no rule names can't agree, and counts all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_env.telemetry.attack import load_attack
from opensoc_env.telemetry.share import Share
from opensoc_env.telemetry.tally import DISMISS, UNRECOGNISED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_env.telemetry.labeller import Label
    from opensoc_env.telemetry.recordings import Published

WINDOWS, ALL = "all Windows", "all"


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """Recordings of one telemetry, or of one tactic.

    Attributes:
        flagged: With a verdict other than dismiss.
        tactic: Flagged, and a rule that fired serves a published tactic.
        leading: The same, counting the rules alone that lead to the action.
        technique: Flagged, and a rule that fired has a published technique or its
            parent, of those recordings that name a technique.
    """

    name: str
    recordings: int
    flagged: Share
    tactic: Share
    leading: Share
    technique: Share

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            "name": self.name,
            "recordings": self.recordings,
            "flagged": self.flagged.to_json(),
            "tactic_agrees": self.tactic.to_json(),
            "leading_tactic_agrees": self.leading.to_json(),
            "technique_agrees": self.technique.to_json(),
        }


@dataclass(slots=True)
class _Recording:
    name: str
    published: Published
    is_windows: bool
    telemetry: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)
    techniques: set[str] = field(default_factory=set)
    leading: set[str] = field(default_factory=set)

    @property
    def is_flagged(self) -> bool:
        return bool(self.actions - {DISMISS})

    def agrees(self, techniques: Iterable[str]) -> bool:
        same = load_attack().same_tactic(techniques, self.published.tactics)
        return self.is_flagged and same

    @property
    def names_technique(self) -> bool:
        return load_attack().same_technique(self.techniques, self.published.techniques)

    def to_json(self) -> dict[str, Any]:
        return {
            "recording": self.name,
            "telemetry": sorted(self.telemetry),
            "published_tactics": list(self.published.tactics),
            "published_techniques": list(self.published.techniques),
            "actions": sorted(self.actions),
            "rules": sorted(self.fired),
            "tactic_agrees": self.agrees(self.techniques),
            "technique_agrees": self.names_technique,
        }


class Agreement:
    """Adds up labels of recordings that have published tactics; leaves others out."""

    def __init__(self) -> None:
        self._recordings: dict[tuple[str, str], _Recording] = {}

    def add(self, path: str, label: Label) -> None:
        """Count a label of a file."""
        if not label.published.tactics:
            return
        new = _Recording(label.name, label.published, label.is_windows)
        seen = self._recordings.setdefault((path, label.key), new)
        seen.telemetry.update(label.telemetry)
        if label.decision is not None:
            seen.actions.add(label.decision.outcome)
            seen.fired.update(finding.rule for finding in label.decision.findings)
            seen.techniques.update(label.all_techniques)
            seen.leading.update(label.techniques)

    def by_telemetry(self) -> list[AgreementRow]:
        """One row a telemetry, then Windows as a whole, then all."""
        groups: dict[str, list[_Recording]] = {}
        for item in self._recordings.values():
            groups.setdefault("+".join(sorted(item.telemetry)), []).append(item)
        names = sorted(groups, key=lambda name: (not name, name))
        rows = [_row(name or UNRECOGNISED, groups[name]) for name in names]
        everything = list(self._recordings.values())
        windows = [item for item in everything if item.is_windows]
        return [*rows, _row(WINDOWS, windows), _row(ALL, everything)]

    def by_tactic(self) -> list[AgreementRow]:
        """One row a published tactic; a recording with two stands in both."""
        groups: dict[str, list[_Recording]] = {}
        for item in self._recordings.values():
            for tactic in item.published.tactics:
                groups.setdefault(tactic, []).append(item)
        return [_row(name, groups[name]) for name in sorted(groups)]

    def to_json(self) -> dict[str, Any]:
        """Both tables and every recording, as JSON values."""
        return {
            "telemetry": [row.to_json() for row in self.by_telemetry()],
            "tactics": [row.to_json() for row in self.by_tactic()],
            "recordings": [item.to_json() for item in self._recordings.values()],
        }


def _row(name: str, items: list[_Recording]) -> AgreementRow:
    count = len(items)
    named = [item for item in items if item.published.techniques]
    return AgreementRow(
        name,
        count,
        flagged=Share(sum(item.is_flagged for item in items), count),
        tactic=Share(sum(item.agrees(item.techniques) for item in items), count),
        leading=Share(sum(item.agrees(item.leading) for item in items), count),
        technique=Share(sum(item.names_technique for item in named), len(named)),
    )
