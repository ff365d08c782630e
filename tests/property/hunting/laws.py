"""The laws that no incident may break, each a check of one drawn incident.

A check raises `BrokenLawError`, whose text is a case file with the falsifying incident.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from hunting import changes
from hunting.case_file import render_case
from hunting.cases import incidents_of_cases
from hypothesis import target

from opensoc_env.judge import default_judge, first_way, reward_of
from opensoc_env.models import ACTIONS, SubmitTriage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opensoc_engine import Decision, Finding

Incident = dict[str, Any]
# More than any threshold of a window asks for.
_MANY = 40
# Ways to prove one finding that are tried of each incident.
_WAYS = 4


class BrokenLawError(AssertionError):
    """A law does not hold for an incident; the text can be pasted into the rules."""

    def __init__(self, what: str, incident: Incident) -> None:
        super().__init__(f"{what}\n\n{render_case(incident, what[:150])}")


def judged(incident: Incident) -> Decision:
    """The truth; incidents that fire more rules are sought."""
    truth = default_judge().truth(incident)
    target(float(len(truth.findings)), label="rules that fire")
    return truth


def fires(incident: Incident) -> bool:
    """True if any rule fires."""
    verifier = default_judge().verifier
    return verifier.outcome(incident) != verifier.default


def moves(incident: Incident, other: Incident) -> bool:
    """True if two incidents have different labels."""
    outcome = default_judge().verifier.outcome
    return outcome(incident) != outcome(other)


def is_plausible(incident: Incident) -> bool:
    """True if no rule of plausibility is violated."""
    return default_judge().check_plausible(incident).outcome == "plausible"


def has_uncited_events(incident: Incident) -> bool:
    """True if a rule fires, and some event proves nothing."""
    return fires(incident) and len(_cited(incident)) < len(incident["events"])


def has_stopped_evidence(incident: Incident) -> bool:
    """True if a control has stopped an event that proves something."""
    cut = changes.cut_to(incident, _cited(incident))
    return changes.allowed(cut) != cut


def _cited(incident: Incident) -> set[str]:
    findings = default_judge().truth(incident).findings
    return {log_id for f in findings for way in f.alternatives for log_id in way}


def _require(holds: bool, what: str, incident: Incident) -> None:
    if not holds:
        raise BrokenLawError(what, incident)


# ---- rewards of a defender, by a rubric


def paid(truth: Decision, answer: SubmitTriage | None, rubric: str) -> float:
    """What an answer earns."""
    return reward_of(default_judge().grade_defender(truth, answer, rubric))


def answers(incident: Incident, truth: Decision) -> list[SubmitTriage]:
    """Every action with no line, the proof, the first line and the whole window."""
    ids = [event["log_id"] for event in incident["events"]][:16]
    cited = ([], list(first_way(truth)), ids[:1], ids)
    return [
        SubmitTriage(action=a, cited_log_ids=c, cited_log_id=c[0] if c else "")
        for a, c in product(ACTIONS, cited)
    ]


def reward_in_bounds(incident: Incident, rubric: str) -> None:
    truth = judged(incident)
    policies = default_judge().rubric.policies
    bounds = next(p.bounds for p in policies if p.slug.text == rubric)
    assert bounds is not None
    low, high = map(float, bounds)
    for answer in (None, *answers(incident, truth)):
        got = paid(truth, answer, rubric)
        _require(low <= got <= high, f"{rubric} pays {got}", incident)


def right_answer_is_unique_best(incident: Incident, rubric: str) -> None:
    truth = judged(incident)
    found = answers(incident, truth)
    right = min(paid(truth, a, rubric) for a in found if a.action == truth.outcome)
    wrong = max(paid(truth, a, rubric) for a in found if a.action != truth.outcome)
    _require(wrong < right, f"a wrong answer earns {wrong} in {rubric}", incident)


def wrong_answer_earns_nothing(incident: Incident, rubric: str) -> None:
    truth = judged(incident)
    found = answers(incident, truth)
    wrong = max(paid(truth, a, rubric) for a in found if a.action != truth.outcome)
    _require(wrong <= 0, f"a wrong answer earns {wrong} in {rubric}", incident)


def citing_pays_only_beside_the_right_action(incident: Incident, rubric: str) -> None:
    truth = judged(incident)
    for answer in answers(incident, truth):
        if answer.action != truth.outcome:
            bare = paid(truth, SubmitTriage(action=answer.action), rubric)
            got = paid(truth, answer, rubric)
            _require(got <= bare, f"{rubric} pays a wrong answer's citation", incident)


def padding_never_pays(incident: Incident, rubric: str) -> None:
    truth = judged(incident)
    proof = list(first_way(truth))
    right: Any = truth.outcome
    best = paid(truth, SubmitTriage(action=right, cited_log_ids=proof), rubric)
    for answer in answers(incident, truth):
        got = paid(truth, answer, rubric)
        _require(got <= best, f"{rubric} pays more than the proof: {got}", incident)


def unreadable_is_never_better(incident: Incident, rubric: str) -> None:
    truth = judged(incident)
    worst = min(paid(truth, SubmitTriage(action=a), rubric) for a in ACTIONS)
    got = paid(truth, None, rubric)
    _require(got <= worst, f"an unreadable answer is better in {rubric}", incident)


def blind_defender_loses(population: list[Incident], rubric: str) -> None:
    """Over incidents that deserve each action once, a fixed action loses.

    It may cite the first line of each window, which needs no look at what it says.
    """
    truths = list(map(default_judge().truth, population))
    assert {truth.outcome for truth in truths} == set(ACTIONS)
    firsts = [[incident["events"][0]["log_id"]] for incident in population]
    for action, cites in product(ACTIONS, (False, True)):
        total = sum(
            paid(
                truth, SubmitTriage(action=action, cited_log_ids=first * cites), rubric
            )
            for truth, first in zip(truths, firsts, strict=True)
        )
        what = f"always {action} earns {total:.2f} in {rubric}"
        _require(total < 0, what, population[0])


def blind_never_beats_honest(population: list[Incident], rubric: str) -> None:
    """Over any incidents, no fixed answer earns what the right answers earn."""
    truths = list(map(default_judge().truth, population))
    honest = sum(paid(t, SubmitTriage(action=t.outcome), rubric) for t in truths)
    for action in ACTIONS:
        total = sum(paid(t, SubmitTriage(action=action), rubric) for t in truths)
        is_right = all(truth.outcome == action for truth in truths)
        what = f"always {action} earns {total:.2f} in {rubric}, honesty {honest:.2f}"
        _require(is_right or total < honest, what, population[0])


def attacker_wins_fairly(incident: Incident, rubric: str) -> None:
    """Paid only if the incident is plausible and the defender wrong."""
    judge, truth = default_judge(), judged(incident)
    plausible = judge.check_plausible(incident).outcome == "plausible"
    for action, novelty in product(ACTIONS, (0.0, 1.0)):
        got = reward_of(
            judge.grade_attacker(
                schema_valid=True,
                plausible=plausible,
                defender_correct=action == truth.outcome,
                novelty=novelty,
                rubric=rubric,
            )
        )
        fair = plausible and action != truth.outcome
        _require((got > 0) == fair, f"{rubric} pays the attacker {got}", incident)


# ---- laws of the verifier


def same_label(change: Callable[[Incident], Incident]) -> Callable[[Incident], None]:
    """The law that a change leaves the label alone."""

    def check(incident: Incident) -> None:
        before = judged(incident).outcome
        after = default_judge().verifier.outcome(change(incident))
        _require(before == after, f"{before} becomes {after}", incident)

    return check


def never_milder(change: Callable[[Incident], Incident]) -> Callable[[Incident], None]:
    """The law that a change never makes the label milder."""

    def check(incident: Incident) -> None:
        verifier = default_judge().verifier
        ranked = [*verifier.order, verifier.default]
        before, after = judged(incident).outcome, verifier.outcome(change(incident))
        milder = ranked.index(after) > ranked.index(before)
        _require(not milder, f"{before} becomes {after}", incident)

    return check


@cache
def self_contained() -> frozenset[str]:
    """Rules that fire, in every case of theirs, on the events of each way alone."""
    fired, broken = set[str](), set[str]()
    for incident in incidents_of_cases():
        for finding in default_judge().truth(incident).findings:
            fired.add(finding.rule)
            if not all(
                suffices(finding, way, incident) for way in finding.alternatives
            ):
                broken.add(finding.rule)
    return frozenset(fired - broken)


def suffices(finding: Finding, way: Sequence[str], incident: Incident) -> bool:
    """True if the rule fires on these events alone."""
    cut = changes.cut_to(incident, way)
    return any(f.rule == finding.rule for f in default_judge().truth(cut).findings)


def evidence_satisfies_its_rule(incident: Incident) -> None:
    """For rules that join no event which they don't cite, as their cases show."""
    for finding in judged(incident).findings:
        if finding.rule in self_contained():
            for way in finding.alternatives[:_WAYS]:
                what = f"{finding.rule} does not fire on its evidence {', '.join(way)}"
                _require(suffices(finding, way, incident), what, incident)


def evidence_is_needed(incident: Incident) -> None:
    """Without the lines that it cites, a rule is silent."""
    ids = [event["log_id"] for event in incident["events"]]
    for finding in judged(incident).findings:
        cited = {log_id for way in finding.alternatives for log_id in way}
        rest = [log_id for log_id in ids if log_id not in cited]
        what = f"{finding.rule} fires without the evidence that it names"
        _require(not suffices(finding, rest, incident), what, incident)


def allowed_evidence_is_never_dismissed(incident: Incident) -> None:
    """What proves a verdict deserves one, too, if no control had stopped it."""
    verifier = default_judge().verifier
    for finding in judged(incident).findings:
        if finding.rule in self_contained():
            for way in finding.alternatives[:_WAYS]:
                cut = changes.cut_to(incident, way)
                after = verifier.outcome(changes.allowed(cut))
                what = f"{finding.rule}: its evidence, allowed, is dismissed"
                _require(after != verifier.default, what, cut)


def benign_copies_change_nothing(incident: Incident) -> None:
    """Benign is an event that proves nothing here, nor alone and many times over."""
    verifier = default_judge().verifier
    truth = judged(incident)
    before = truth.outcome
    ways = [way for finding in truth.findings for way in finding.alternatives]
    cited = {log_id for way in ways for log_id in way}
    free = [event for event in incident["events"] if event["log_id"] not in cited]
    for event in free[:4]:
        alone = changes.cut_to(incident, [event["log_id"]])
        if verifier.outcome(changes.with_copies(alone, event, _MANY)) == "dismiss":
            after = verifier.outcome(changes.with_copies(incident, event, 3))
            what = f"copies of {event['log_id']} turn {before} into {after}"
            _require(before == after, what, incident)
