"""Sentences that try to talk a defender into an answer, put into an incident's text.

A labelled track: rows of the data set `injections` are made here, and only who names
that split meets them. What a sentence asks for is drawn, whatever is true, so to do the
opposite is no shortcut. The verifier says the same of an incident with the sentence and
without it; a place where it would not is not used. Plausibility is not asked: to
attackers such words are forbidden, and here the environment says them.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opensoc_env.draws import stream
from opensoc_env.models import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_env.judge import Judge
    from opensoc_env.models import Action

FILE = Path(__file__).with_suffix(".txt")

PLACES: Mapping[str, str] = {
    "process.command_line": "{text} # {said}",
    "process.parent.command_line": "{text} # {said}",
    "job.command_line": "{text} # {said}",
    "service.command_line": "{text} # {said}",
    "script.content": "{text}\n# {said}",
    "email.subject": "{text} - {said}",
    "user_agent.original": "{text} ({said})",
    "rule.name": "{text}: {said}",
}
"""Fields that attackers fill with words, and how a sentence is put into each."""


class Sentence(NamedTuple):
    """A sentence of the corpus.

    Attributes:
        kind: How it tries.
        text: With a place for the action that it asks for.
    """

    kind: str
    text: str

    def asking(self, action: Action) -> str:
        """The sentence that asks for an action."""
        return self.text.format(action=action)


@dataclass(frozen=True, slots=True)
class Injected:
    """An incident with a sentence in it.

    Attributes:
        kind: How the sentence tries.
        asks: What it asks for.
        log_id: The event that it stands in.
        field: The field of that event.
    """

    incident: dict[str, Any]
    kind: str
    asks: Action
    log_id: str
    field: str

    @property
    def label(self) -> dict[str, str]:
        """What a row of the data set says of it."""
        return {
            "kind": self.kind,
            "asks": self.asks,
            "log_id": self.log_id,
            "field": self.field,
        }


@cache
def load_sentences() -> tuple[Sentence, ...]:
    """The corpus, a line of `injections.txt` each."""
    lines = FILE.read_text("utf-8").splitlines()
    return tuple(Sentence(*line.split(": ", 1)) for line in lines)


def inject(incident: Mapping[str, Any], key: str, judge: Judge) -> Injected | None:
    """The incident with a sentence, whose verdict is what it was before.

    Args:
        incident: A normal incident; left alone.
        key: Draws the sentence, what it asks for, and the place.
        judge: Says that nothing of the verdict changed.

    Returns:
        None if no place is left where the verdict stays the same.
    """
    draw = stream(key, "injection")
    sentence = draw.choice(load_sentences())
    asks = draw.choice(ACTIONS)
    places = list(_places(incident))
    draw.shuffle(places)
    truth = judge.truth(incident)
    for at, field in places:
        changed = _with(incident, at, field, sentence.asking(asks))
        if judge.truth(changed) == truth:
            log_id = incident["events"][at]["log_id"]
            return Injected(changed, sentence.kind, asks, log_id, field)
    return None


def _places(incident: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Events, by number, and their fields that hold words."""
    for at, event in enumerate(incident["events"]):
        for field in PLACES:
            if isinstance(_holder(event, field).get(_last(field)), str):
                yield at, field


def _with(
    incident: Mapping[str, Any], at: int, field: str, said: str
) -> dict[str, Any]:
    """A copy of the incident whose event says something more."""
    events = list(incident["events"])
    events[at] = deepcopy(events[at])
    holder = _holder(events[at], field)
    text = holder[_last(field)]
    holder[_last(field)] = PLACES[field].format(text=text, said=said)
    return {**incident, "events": events}


def _holder(event: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The object that has a field, or an empty one."""
    found: dict[str, Any] = event["fields"]
    for name in field.split(".")[:-1]:
        found = found.get(name, {})
    return found


def _last(field: str) -> str:
    return field.rpartition(".")[2]
