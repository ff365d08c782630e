"""A search for incidents that could have happened and that one defender gets wrong.

It starts from the generator's incident and changes one fact at a time. What the schema
or plausibility refuses is thrown away. What shows the verifier or the defender
something new is kept and changed further, so the search spreads over patterns and not
over names. The same turn, defender and budget find the same incident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_env.defenders import TriageItem
from opensoc_env.draws import stream
from opensoc_env.incident import IncidentError, craft_incident
from opensoc_env.judge import default_judge
from opensoc_env.novelty import pattern_of
from opensoc_env.opponents.attackers import claimed
from opensoc_env.opponents.mutations import mutate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from opensoc_engine import Decision
    from opensoc_env.defenders import Defender
    from opensoc_env.judge import Judge
    from opensoc_env.models import SubmitTriage
    from opensoc_env.opponents.attackers import CraftItem
    from opensoc_env.opponents.mutations import Change

BUDGET = 128
"""Incidents that one search may try."""
MAX_CHANGES = 6
"""Facts that one incident may differ in from where the search began."""
# Answers that a defender is asked for at once, so that a model can batch them.
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Attempt:
    """A plausible incident, and how it came from the one that the search began with."""

    incident: dict[str, Any]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a defender made of an attempt, beside what is true of it.

    Attributes:
        answer: None if it could not be read.
    """

    attempt: Attempt
    truth: Decision
    answer: SubmitTriage | None

    @property
    def is_wrong(self) -> bool:
        """True if the defender is beaten."""
        return self.answer is None or self.answer.action != self.truth.outcome

    @property
    def shows(self) -> object:
        """What verifier and defender saw in it."""
        said = self.answer and (self.answer.action, self.answer.rationale)
        return pattern_of(self.attempt.incident, self.truth), said


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of a search.

    Attributes:
        beaten: None if the budget was spent without a find.
        tried: How many incidents it made, refused ones included.
        plausible: How many of them the defender was asked about.
    """

    beaten: Reply | None
    tried: int
    plausible: int

    def payload(self, item: CraftItem) -> dict[str, Any]:
        """What to craft: the find, or the incident that the search began with."""
        found = self.beaten.attempt.incident if self.beaten else item.incident
        return claimed(found)


@dataclass(frozen=True, slots=True)
class SearchAttacker:
    """Crafts what beats a given defender; the template if it finds nothing."""

    defender: Defender
    judge: Judge = field(default_factory=default_judge)
    budget: int = BUDGET

    @property
    def name(self) -> str:
        """How tables and saved episodes call it."""
        return f"search:{self.defender.name}"

    def craft(self, item: CraftItem) -> Any:
        """The payload of the incident that beats the defender."""
        return self.hunt(item).payload(item)

    def hunt(self, item: CraftItem) -> Hunt:
        """Search until the defender is beaten or the budget is spent."""
        draws = stream(item.key, "search", self.defender.name)
        front = [Attempt(craft_incident(claimed(item.incident), item.estate))]
        seen: set[object] = set()
        batch, tried, asked = front[:], 1, 0
        while batch or tried < self.budget:
            asked += len(batch)
            for reply in self._ask(item, batch):
                if reply.is_wrong:
                    return Hunt(reply, tried, asked)
                if reply.shows not in seen:
                    seen.add(reply.shows)
                    front.append(reply.attempt)
            size = min(_BATCH, self.budget - tried)
            tried += size
            batch = list(self._children(front, size, draws))
        return Hunt(None, tried, asked)

    def _ask(self, item: CraftItem, batch: Sequence[Attempt]) -> Iterator[Reply]:
        items = [TriageItem(item.look(a.incident), a.incident) for a in batch]
        answers = self.defender.answer(items) if items else []
        for attempt, answer in zip(batch, answers, strict=True):
            yield Reply(attempt, self.judge.truth(attempt.incident), answer)

    def _children(
        self, front: Sequence[Attempt], size: int, draws: Random
    ) -> Iterator[Attempt]:
        for _ in range(size):
            child = self._child(draws.choice(front), draws)
            if child is not None:
                yield child

    def _child(self, parent: Attempt, draws: Random) -> Attempt | None:
        """A plausible incident one fact further, if the draw gives one."""
        if len(parent.changes) == MAX_CHANGES:
            return None
        estate = parent.incident["context"]
        mutated = mutate(parent.incident["events"], estate, draws)
        if mutated is None:
            return None
        change, events = mutated
        try:
            child = craft_incident(
                claimed({**parent.incident, "events": events}), estate
            )
        except IncidentError:
            return None
        if self.judge.check_plausible(child).findings:
            return None
        return Attempt(child, (*parent.changes, change))
