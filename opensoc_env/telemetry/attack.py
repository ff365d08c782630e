"""MITRE ATT&CK as far as it is needed to compare a verdict with what was published.

`attack.yaml` says which tactics a technique serves and what older versions called it.
A sub-technique that has no row counts as its parent. What the file does not know agrees
with nothing: it is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FILE = Path(__file__).parent / "attack.yaml"


@dataclass(frozen=True, slots=True)
class Attack:
    """Tactics by technique, and the present names of former ones."""

    tactics: Mapping[str, frozenset[str]]
    former_tactics: Mapping[str, frozenset[str]]
    former_techniques: Mapping[str, str]

    def tactics_of(self, techniques: Iterable[str]) -> frozenset[str]:
        """The tactics that these techniques serve."""
        found = (self._tactics(self._present(name)) for name in techniques)
        return frozenset().union(*found)

    def same_tactic(self, techniques: Iterable[str], tactics: Iterable[str]) -> bool:
        """True if a technique serves one of the tactics, under any of their names."""
        known = (self.former_tactics.get(name, {name}) for name in tactics)
        return not self.tactics_of(techniques).isdisjoint(frozenset().union(*known))

    def same_technique(self, techniques: Iterable[str], others: Iterable[str]) -> bool:
        """True if two of them have one parent, or are one."""
        mine = {self._present(name).partition(".")[0] for name in techniques}
        return any(self._present(name).partition(".")[0] in mine for name in others)

    def _present(self, technique: str) -> str:
        return self.former_techniques.get(technique, technique)

    def _tactics(self, technique: str) -> frozenset[str]:
        parent = technique.partition(".")[0]
        return self.tactics.get(technique) or self.tactics.get(parent, frozenset())


@cache
def load_attack() -> Attack:
    """The facts that ship with OpenSOC."""
    document = yaml.safe_load(_FILE.read_text("utf-8"))
    return Attack(
        _sets(document["tactics"]),
        _sets(document["former_tactics"]),
        document["former_techniques"],
    )


def _sets(rows: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(values) for name, values in rows.items()}
