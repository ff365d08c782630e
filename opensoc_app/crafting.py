"""An attacker's turn as text: where to begin, what is wrong with it, what fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from opensoc_engine import OpenSocError
from opensoc_engine.schema_store import default_store
from opensoc_env.episode import Episode
from opensoc_env.incident import IncidentError, craft_incident, place
from opensoc_env.opponents.attackers import TemplateAttacker
from opensoc_env.server.json_text import fault_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_env.models import TaskName


_CLAIMS = {"category": "benign_noise", "narrative": ""}


class Fault(NamedTuple):
    """What is wrong with a turn.

    Attributes:
        field: The place, as people write it.
    """

    field: str
    message: str
    expected: str


class CraftTextError(OpenSocError):
    """A text that is no JSON."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(f"{fault.field}: {fault.message}; expected {fault.expected}")


@dataclass(frozen=True, slots=True)
class Workbench:
    """What an attacker begins with.

    Attributes:
        text: A turn that fits, as JSON to be edited.
        estate: What it is checked against.
    """

    text: str
    estate: Mapping[str, Any]

    def faults(self, text: str) -> list[Fault]:
        """Where a turn does not fit the schema; empty if it does."""
        try:
            craft_incident(read_craft(text), self.estate)
        except CraftTextError as error:
            return [error.fault]
        except IncidentError as error:
            return [
                Fault(place(found.path), found.message, found.expected)
                for found in error.problems
            ]
        return []


def workbench(task: TaskName, seed: int) -> Workbench:
    """The generator's own events of a seed, to be changed.

    Its claims are left out: somebody else may be triaging the same seed.
    """
    episode = Episode(task, "self_play", seed, role="attacker")
    episode.reset()
    item = episode.craft_item()
    told = TemplateAttacker().craft(item) | _CLAIMS
    return Workbench(json.dumps(told, indent=2, ensure_ascii=False), item.estate)


def read_craft(text: str) -> Any:
    """What an attacker wrote, as values.

    Raises:
        CraftTextError: It is no JSON.
    """
    written = "JSON that text can be written in"
    try:
        fault = fault_of(text.encode())
        if fault is not None:
            raise CraftTextError(Fault("the text", fault, written))
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CraftTextError(Fault(where, error.msg, "JSON")) from None
    except ValueError as error:
        raise CraftTextError(Fault("the text", str(error), written)) from None


@cache
def kinds_of_event() -> tuple[Mapping[str, str], ...]:
    """What may happen, one row a kind, read from the schema."""
    branches = default_store().documents["event.schema.json"]["oneOf"]
    return tuple(row for branch in branches for row in _rows(branch))


def _rows(branch: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    fields = branch["properties"]["fields"]
    needed = fields.get("required", [])
    for kind in branch["title"].split(" | "):
        yield {
            "event_type": kind,
            "what": branch["description"],
            "needs": ", ".join(needed),
            "may have": ", ".join(k for k in fields["properties"] if k not in needed),
        }
