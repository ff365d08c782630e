"""A language model as an attacker: it is shown an estate and writes an incident.

What it writes is read as JSON and handed on as it is: the episode says what does not
fit. So a model that has never been trained to attack can play, and loses by the rules.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from opensoc_env.generator import generate
from opensoc_env.server.json_text import fault_of

if TYPE_CHECKING:
    from opensoc_env.models import Observation
    from opensoc_env.opponents.attackers import CraftItem
    from opensoc_train.prompts import ChatMessage
    from opensoc_train.replies import TextModel

SYSTEM = (
    "You write SIEM events for a training range. Answer with one JSON object: "
    '{"target_label": "dismiss", "category": kind of incident, "events": [events], '
    '"narrative": story}. Use only machines and accounts of the estate.'
)
# An incident of 32 events of some hundred bytes, with thought around it.
MAX_TEXT = 262_144
# A seed whose incident is short; it shows the form of events and is on no one's estate.
_EXAMPLE_SEED = 1


@dataclass(frozen=True, slots=True)
class ModelAttacker:
    """A model that crafts incidents."""

    model: TextModel

    @property
    def name(self) -> str:
        """How tables and saved episodes call it."""
        return self.model.name

    def craft(self, item: CraftItem) -> Any:
        """The payload that the model wrote; None if there is none in its text."""
        (text,) = self.model.complete([render_attack_prompt(item.observation)])
        return parse_attack(text)


def render_attack_prompt(observation: Observation) -> list[ChatMessage]:
    """The chat that asks for an incident on the estate of an observation."""
    facts = "\n".join(f"- {fact}" for fact in observation.context)
    asked = f"{observation.instructions}\nEstate:\n{facts}\n{_example()}"
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": asked},
    ]


def parse_attack(text: str) -> Any:
    """The outermost JSON object in a text, or None.

    >>> parse_attack('Here: {"events": []} Done.')
    {'events': []}
    """
    spoken = text[-MAX_TEXT:]
    begin, end = spoken.find("{"), spoken.rfind("}")
    if begin < 0:
        return None
    found = spoken[begin : end + 1]
    # What no client could send, no model may say either: it could not be kept.
    if fault_of(found.encode("utf-8", "surrogatepass")):
        return None
    try:
        return json.loads(found)
    except (ValueError, RecursionError):
        return None


@cache
def _example() -> str:
    """Events as they must look, from another estate."""
    events = generate("stage1_basic", _EXAMPLE_SEED)["events"]
    shown = json.dumps(events[:2], separators=(",", ":"))
    return f"Events look like these, which are of another estate: {shown}"
