"""The policy sets become one judge: truth, plausibility and both rewards.

A judge takes normal incidents (`opensoc_env.incident`) and checks no shape again. It
is immutable, so threads may share one, and its digest names every policy in it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opensoc_engine import InputError, data_root, load_policy_set
from opensoc_env.models import MAX_CITED, Action, FiredRule, RewardTerm, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opensoc_engine import Decision, Finding, PolicySet
    from opensoc_env.models import SubmitTriage

DEFENDER_RUBRIC = "defender.v2"
ATTACKER_RUBRIC = "attacker.v2"
# What a rubric of each side reads.
_GRADING = {
    "defender_rubrics": "defender-grading.schema.json",
    "attacker_rubrics": "attacker-grading.schema.json",
}
# The schema's limits of `truth.evidence` and `truth.ways`.
_MAX_EVIDENCE = 512


class Solved(NamedTuple):
    """How many of several answers to one incident were right."""

    solved: int
    samples: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides what is right, what is possible and what it is worth.

    Attributes:
        digest: SHA-256 over the digests of the three sets.
        defender_rubrics: Names of the rubrics that can grade a defender.
        attacker_rubrics: Names of the rubrics that can grade an attacker.
    """

    verifier: PolicySet
    plausibility: PolicySet
    rubric: PolicySet
    digest: str = field(init=False)
    defender_rubrics: tuple[str, ...] = field(init=False, compare=False)
    attacker_rubrics: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        sets = (self.verifier, self.plausibility, self.rubric)
        text = "\n".join(f"{item.name} {item.digest}" for item in sets)
        digest = hashlib.sha256(text.encode()).hexdigest()
        object.__setattr__(self, "digest", digest)
        for side, schema in _GRADING.items():
            inputs = self.rubric.inputs.items()
            names = tuple(name for name, own in inputs if own == schema)
            object.__setattr__(self, side, names)

    def __hash__(self) -> int:
        """Of the digest alone, as every episode looks its situation up by its judge."""
        return hash(self.digest)

    @classmethod
    def load(cls, root: Path | None = None) -> Judge:
        """The judge by the policies of a rules folder; the shipped one by default.

        Raises:
            PolicyError: A policy does not compile.
        """
        folder = root or data_root() / "rules"
        names = ("verifier", "plausibility", "rubric")
        return cls(*(load_policy_set(folder / name) for name in names))

    def require_rubrics(self, defender: str, attacker: str) -> None:
        """Refuse rubrics that could not grade, before an episode is played.

        Raises:
            InputError: There is no such rubric for that side.
        """
        _require("defender", defender, self.defender_rubrics)
        _require("attacker", attacker, self.attacker_rubrics)

    def truth(self, incident: Mapping[str, Any]) -> Decision:
        """The right action for a normal incident, and every rule that says so."""
        return self.verifier.evaluate(incident)

    def check_plausible(self, incident: Mapping[str, Any]) -> Decision:
        """Whether a normal incident could have happened, and what objects to it."""
        return self.plausibility.evaluate(incident)

    def grade_defender(
        self,
        truth: Decision,
        answer: SubmitTriage | None,
        rubric: str = DEFENDER_RUBRIC,
    ) -> Decision:
        """What an answer is worth; None is one that could not be read.

        Raises:
            InputError: There is no such rubric.
        """
        ways = ways_of(truth)
        proof = {
            "action": truth.outcome,
            "evidence": list(_together(ways)),
            "ways": [list(way) for way in ways],
        }
        document = {"truth": proof, "response": _response(answer)}
        return self.rubric.evaluate_policy(document, rubric)

    def grade_attacker(
        self,
        *,
        schema_valid: bool,
        plausible: bool,
        defender_correct: bool,
        novelty: float,
        rubric: str = ATTACKER_RUBRIC,
        solved: Solved | None = None,
    ) -> Decision:
        """What a crafted incident is worth; `novelty` runs from 0 to 1.

        Raises:
            InputError: There is no such rubric.
        """
        document = {
            "schema_valid": schema_valid,
            "plausible": plausible,
            "defender_correct": defender_correct,
            "novelty": novelty,
            **(solved._asdict() if solved else {}),
        }
        return self.rubric.evaluate_policy(document, rubric)


@cache
def default_judge() -> Judge:
    """The judge by the shipped policies, loaded once."""
    return Judge.load()


def action_of(truth: Decision) -> Action:
    """The right action."""
    return cast("Action", truth.outcome)


def ways_of(truth: Decision) -> tuple[tuple[str, ...], ...]:
    """The minimal proofs of the right action: each way of each rule that led to it."""
    ways = {
        tuple(dict.fromkeys(way)): None
        for finding in truth.findings
        if finding.outcome == truth.outcome
        for way in finding.alternatives
        if way
    }
    return tuple(ways)[:_MAX_EVIDENCE]


def first_way(truth: Decision) -> tuple[str, ...]:
    """A shortest minimal proof of the right action; empty if there is none to give."""
    return min(ways_of(truth), key=len, default=())[:MAX_CITED]


def proof_of(truth: Decision) -> tuple[str, ...]:
    """Log ids that prove the right action, of all ways together."""
    return _together(ways_of(truth))


def evidence_f1(truth: Decision, cited: Sequence[str]) -> float | None:
    """F1 of cited lines over the nearest minimal proof; None if there is none.

    The rubric pays by the same number; this is for tables.
    """
    named = set(cited)
    ways = [set(way) for way in ways_of(truth)]
    shares = [2 * len(way & named) / (len(way) + len(named)) for way in ways]
    return max(shares, default=None)


def is_proved(truth: Decision, cited: Sequence[str]) -> bool:
    """True if a whole minimal proof was cited, or there is nothing to prove."""
    ways = ways_of(truth)
    return not ways or any(set(way).issubset(cited) for way in ways)


def reward_of(grade: Decision) -> float:
    """The sum of a grade's terms."""
    return float(grade.total or 0)


def terms_of(grade: Decision) -> list[RewardTerm]:
    """The terms of a grade as messages."""
    return [
        RewardTerm(rule=term.rule, value=float(term.value or 0))
        for term in grade.findings
    ]


def fired_rules(truth: Decision) -> list[FiredRule]:
    """The verifier's findings as messages, strongest first."""
    return [_fired(finding) for finding in truth.findings]


def violations_of(decision: Decision) -> list[Violation]:
    """The objections of plausibility as messages."""
    return [
        Violation(
            rule=finding.rule,
            message=finding.message or finding.title,
            field=finding.field or "",
        )
        for finding in decision.findings
    ]


def _together(ways: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    ids = dict.fromkeys(log_id for way in ways for log_id in way)
    return tuple(ids)[:_MAX_EVIDENCE]


def _require(side: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        names = ", ".join(known)
        raise InputError(f"there is no {side} rubric `{name}`; there are {names}")


def _fired(finding: Finding) -> FiredRule:
    techniques = finding.metadata.get("attack", {}).get("techniques", ())
    return FiredRule(
        rule=finding.rule,
        policy=finding.policy,
        version=finding.version,
        title=finding.title,
        action=cast("Action", finding.outcome),
        evidence=list(finding.evidence),
        technique=", ".join(techniques),
    )


def _response(answer: SubmitTriage | None) -> dict[str, Any]:
    if answer is None:
        return {"format_valid": False}
    response: dict[str, Any] = {
        "format_valid": True,
        "action": answer.action,
        "cited_log_ids": answer.cited_log_ids,
    }
    if answer.cited_log_id:
        response["cited_log_id"] = answer.cited_log_id
    return response
