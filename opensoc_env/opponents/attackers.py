"""Attackers: what an attacker is, and the simplest one.

An attacker is shown an estate and gives back the payload of `craft_incident`. Whatever
it gives back is checked like a stranger's: one that does not fit costs it a reward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from opensoc_env.models import MAX_EVENTS, MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opensoc_env.models import Observation


@dataclass(frozen=True, slots=True)
class CraftItem:
    """One attacker's turn.

    Attributes:
        observation: The estate, as any attacker sees it.
        incident: What the generator made on it. Only scripted attackers may look.
        look: How the defender would see an incident. Only they may ask.
        key: Names the draws that belong to this turn.
    """

    observation: Observation
    incident: Mapping[str, Any]
    look: Callable[[dict[str, Any]], Observation]
    key: str

    @property
    def estate(self) -> Mapping[str, Any]:
        """The estate that the attack happens on."""
        found: Mapping[str, Any] = self.incident["context"]
        return found


class Attacker(Protocol):
    """Crafts incidents; a text that could not be read is any other value."""

    @property
    def name(self) -> str:
        """How tables and saved episodes call it."""

    def craft(self, item: CraftItem) -> Any:
        """The payload of `craft_incident`."""


@dataclass(frozen=True, slots=True)
class TemplateAttacker:
    """Plays the generator's own incident and claims that it is nothing."""

    name: str = "template"

    def craft(self, item: CraftItem) -> Any:
        """The incident of the episode's seed."""
        return claimed(item.incident)


def claimed(incident: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that crafts an incident's events, claimed to be benign."""
    return {
        "target_label": "dismiss",
        "category": incident.get("category", "benign_noise"),
        "events": incident["events"][:MAX_EVENTS],
        "narrative": incident.get("narrative", "")[:MAX_TEXT],
    }
