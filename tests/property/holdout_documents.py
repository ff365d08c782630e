"""The committed hold-out as inputs of policies: incidents, and what grades answers.

Incidents are read as the environment reads them. The inputs of rubrics are those that
the environment hands them, for right, wrong, padded and missing answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS, MAX_CITED, SubmitTriage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine import Decision, PolicySet


@dataclass
class _Recorder:
    """Stands before a rubric set and keeps what it is asked."""

    rubrics: PolicySet
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rubrics, name)

    def evaluate_policy(self, document: Any, policy: str) -> Decision:
        self.asked.append((policy, document))
        return self.rubrics.evaluate_policy(document, policy)


@cache
def incidents() -> tuple[dict[str, Any], ...]:
    """The incidents of the hold-out."""
    return tuple(normalise_incident(row["incident"]) for row in read_rows(HOLDOUT))


def holdout_documents(name: str, slug: str) -> tuple[Any, ...]:
    """What the hold-out hands to a policy of a set."""
    if name != "rubric":
        return incidents()
    return tuple(document for policy, document in _gradings() if policy == slug)


@cache
def _gradings() -> tuple[tuple[str, Any], ...]:
    judge = default_judge()
    recorder: Any = _Recorder(judge.rubric)
    recording = replace(judge, rubric=recorder)
    for at, incident in enumerate(incidents()):
        truth = judge.truth(incident)
        for answer in _answers(incident, truth):
            for rubric in judge.defender_rubrics:
                recording.grade_defender(truth, answer, rubric)
        for rubric in judge.attacker_rubrics:
            recording.grade_attacker(
                schema_valid=at % 5 > 0,
                plausible=at % 5 > 1,
                defender_correct=at % 2 > 0,
                novelty=at % 9 / 8,
                rubric=rubric,
            )
    return tuple(recorder.asked)


def _answers(incident: Any, truth: Decision) -> Iterator[SubmitTriage | None]:
    """No answer, each action with the right lines, and the right action with others."""
    ids = [event["log_id"] for event in incident["events"]]
    right = list(truth.findings[0].evidence[:MAX_CITED]) if truth.findings else []
    yield None
    for action in ACTIONS:
        yield SubmitTriage(action=action, cited_log_ids=right)
    for cited in ([], ids[:1], ids[:MAX_CITED], [*right, *ids][: len(right) + 1]):
        yield SubmitTriage(action=truth.outcome, cited_log_ids=cited[:MAX_CITED])
