"""Labels of events that are no attack add up to: how often do we raise an alarm?

Counted is every recording whose author does not call it an attack. Sets of samples hold
one event a recording, so each is judged alone; what an event would be beside others
does not show here. A product without a mapping is told apart: nothing was judged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_env.telemetry.share import Share
from opensoc_env.telemetry.tally import DISMISS

if TYPE_CHECKING:
    from opensoc_env.telemetry.labeller import Label

ALL, NO_PRODUCT = "all", "no product named"


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Recordings of one product, or all.

    Attributes:
        judged: Recordings with a verdict.
        alarms: Of those, with a verdict other than dismiss.
    """

    product: str
    recordings: int
    judged: int
    alarms: Share

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            "product": self.product,
            "recordings": self.recordings,
            "judged": self.judged,
            "alarms": self.alarms.to_json(),
        }


@dataclass(slots=True)
class _Recording:
    name: str
    product: str
    actions: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)

    @property
    def is_alarm(self) -> bool:
        return bool(self.actions - {DISMISS})

    def to_json(self) -> dict[str, Any]:
        rules = sorted(self.rules)
        return {"recording": self.name, "product": self.product, "rules": rules}


class Alarms:
    """Adds up labels of recordings that are not called attacks.

    Attributes:
        rules: Rules that raised an alarm, and on how many recordings.
    """

    def __init__(self) -> None:
        self._recordings: dict[tuple[str, str], _Recording] = {}

    @property
    def rules(self) -> Counter[str]:
        """Rules that fired on what is no attack, and on how many recordings."""
        return Counter(
            rule for item in self._recordings.values() for rule in item.rules
        )

    def add(self, path: str, label: Label) -> None:
        """Count a label of a file."""
        if label.published.is_attack:
            return
        new = _Recording(label.name, label.published.product or NO_PRODUCT)
        seen = self._recordings.setdefault((path, label.key), new)
        if label.decision is not None:
            seen.actions.add(label.decision.outcome)
            seen.rules.update(finding.rule for finding in label.decision.findings)

    def rows(self) -> list[AlarmRow]:
        """One row a product that was judged, by name; then all."""
        groups: dict[str, list[_Recording]] = {}
        for item in self._recordings.values():
            groups.setdefault(item.product, []).append(item)
        rows = [_row(name, groups[name]) for name in sorted(groups)]
        judged = [row for row in rows if row.judged]
        return [*judged, _row(ALL, list(self._recordings.values()))]

    def unjudged(self) -> dict[str, int]:
        """Products of which no recording could be judged, and how many there are."""
        products = Counter(item.product for item in self._recordings.values())
        known = {item.product for item in self._recordings.values() if item.actions}
        return {name: products[name] for name in sorted(products.keys() - known)}

    def to_json(self) -> dict[str, Any]:
        """The table, the products without a mapping and every alarm, as JSON values."""
        items = self._recordings.values()
        return {
            "products": [row.to_json() for row in self.rows()],
            "unjudged": self.unjudged(),
            "alarms": [item.to_json() for item in items if item.is_alarm],
        }


def _row(name: str, items: list[_Recording]) -> AlarmRow:
    judged = sum(bool(item.actions) for item in items)
    alarms = sum(item.is_alarm for item in items)
    return AlarmRow(name, len(items), judged, Share(alarms, judged))
