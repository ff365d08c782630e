"""A document and a policy set become reasons: why each rule fired, or what it lacks.

The verdict is the compiled set's. The reasons come from running every line of every
rule, without stopping at the first that fails. A changed fact is reported only if the
compiled set was asked, and its answer flipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import ir
from opensoc_engine.errors import InternalError
from opensoc_engine.explanation import lines as told
from opensoc_engine.explanation.paths import shown_path
from opensoc_engine.explanation.search import Budget, Question, find_flips
from opensoc_engine.explanation.tracer import Nearest, nearest
from opensoc_engine.explanation.world import TooMuchWorkError, World
from opensoc_engine.ir_walk import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine.decision import Decision, Finding, PolicySet
    from opensoc_engine.explanation.lines import LineReport, Seen
    from opensoc_engine.explanation.search import Flip
    from opensoc_engine.explanation.world import Frame
    from opensoc_engine.policy.model import Rule

    # The document as the set takes it, or None for one that is not valid.
    Accept: TypeAlias = Callable[[dict[str, Any]], dict[str, Any] | None]

NEAR_RULES = 3
# Changed documents that one explanation may evaluate, and for a rule that is to stop.
MAX_EVALUATIONS = 2000
MAX_STOPPING = 200
# A large document takes many steps to look at, and gets fewer evaluations for it.
_STEPS_TIMES_EVALUATIONS = 60_000_000
_FEWEST_EVALUATIONS = 20


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What came of one rule.

    Attributes:
        outcome: The action, or `violation`.
        state: `matched`, `not matched`, or `too large` if its lines could not be run.
        bindings: The elements that `some` chose, of the first way or the nearest.
        lines: The lines of that way; of a rule that did not match, up to the last.
        distance: How far it is from firing: how many lines did not hold, those of
            helpers included; a number that is near its threshold counts for less.
        flips: Changes after which the rule fires, or fires no more.
        tried: How many changed documents were evaluated; None if nothing was tried.
    """

    rule: str
    policy: str
    title: str
    outcome: str
    path: str
    line: int
    state: str
    evidence: tuple[str, ...] = ()
    bindings: tuple[Seen, ...] = ()
    lines: tuple[LineReport, ...] = ()
    distance: float = 0
    flips: tuple[Flip, ...] = ()
    tried: int | None = None

    @property
    def failing(self) -> tuple[LineReport, ...]:
        """The lines that did not hold, in their order."""
        return tuple(line for line in self.lines if line.state == "failed")

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "rule": self.rule,
            "policy": self.policy,
            "title": self.title,
            "outcome": self.outcome,
            "file": self.path,
            "line": self.line,
            "state": self.state,
            "evidence": list(self.evidence),
            "bindings": [seen.to_json() for seen in self.bindings],
            "lines": [line.to_json() for line in self.lines],
            "distance": round(self.distance, 3),
            "flips": [_flip_to_json(flip) for flip in self.flips],
            "tried": self.tried,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a policy set decided as it did.

    Attributes:
        answer: `matched` if a rule fired, `defaulted` if the outcome is the default of
            the set, `not matched` if nothing speaks against the document.
        fired: Rules that fired, strongest first.
        others: Rules that did not, the nearest first.
        evaluations: How many changed documents were evaluated.
    """

    decision: Decision
    answer: str
    fired: tuple[RuleReport, ...]
    others: tuple[RuleReport, ...]
    evaluations: int

    def to_json(self) -> dict[str, Any]:
        """The explanation as JSON values."""
        return {
            "outcome": self.decision.outcome,
            "answer": self.answer,
            "policy_set": self.decision.policy_set,
            "version": self.decision.version,
            "digest": self.decision.digest,
            "fired": [rule.to_json() for rule in self.fired],
            "others": [rule.to_json() for rule in self.others],
            "evaluations": self.evaluations,
        }


def explain(
    policy_set: PolicySet,
    document: dict[str, Any],
    accept: Accept,
    *,
    rule: str | None = None,
    near: int = NEAR_RULES,
    flips: bool = True,
) -> Explanation:
    """Why the set decides what it decides about a document.

    Args:
        policy_set: Of verifiers or of plausibility.
        document: A valid document; changes are told by places in it.
        accept: The document as the set takes it, or None for one that is not valid.
        rule: Explain this rule alone.
        near: For how many rules that did not fire flips are looked for.
        flips: Look for changes that flip a rule.

    Raises:
        InputError: There is no such rule, or the set is a rubric.
    """
    if rule is not None:
        policy_set.rule(rule)
    decision = policy_set.evaluate(document)
    found = {finding.rule: finding for finding in decision.findings}
    worlds = [World.of(item, document) for item in policy_set.compiled]
    reports = {
        report.rule: report
        for world in worlds
        for report in _policy_reports(world, found, rule)
    }
    fired = [reports[name] for name in found if name in reports]
    others = [report for name, report in reports.items() if name not in found]
    rank = {action: at for at, action in enumerate(policy_set.order)}
    others.sort(key=lambda report: _nearness(report, rank))
    if flips:
        asking = _Asking(policy_set, worlds, document, accept)
        fired, others = asking.answers(fired, others, near)
    return Explanation(
        decision,
        _answer(policy_set, decision),
        tuple(fired),
        tuple(others),
        sum(report.tried or 0 for report in (*fired, *others)),
    )


def _nearness(
    report: RuleReport, rank: Mapping[str, int]
) -> tuple[bool, float, int, int, str, str]:
    """The nearest first; then by lines that held, and by what would weigh most."""
    unknown = report.state == "too large"
    held = sum(line.state == "held" for line in report.lines)
    weight = rank.get(report.outcome, 0)
    return unknown, report.distance, -held, weight, report.policy, report.rule


def _answer(policy_set: PolicySet, decision: Decision) -> str:
    if decision.findings:
        return "matched"
    return "defaulted" if policy_set.default else "not matched"


def _evaluations(steps: int) -> int:
    """How many documents may be evaluated, if a look at one took so many steps."""
    affordable = _STEPS_TIMES_EVALUATIONS // max(steps, 1)
    return min(MAX_EVALUATIONS, max(affordable, _FEWEST_EVALUATIONS))


def _policy_reports(
    world: World, found: Mapping[str, Finding], only: str | None
) -> Iterator[RuleReport]:
    item = world.item
    for rule, compiled in zip(item.policy.rules, item.program.rules, strict=True):
        name = rule.id.text
        if only in (None, name):
            world.begin()
            try:
                yield _report(world, rule, compiled, found.get(name))
            except TooMuchWorkError:
                yield _blank(world, rule, "too large")


def _blank(world: World, rule: Rule, state: str) -> RuleReport:
    policy = world.item.policy
    action = rule.action.text if rule.action else "violation"
    begin, name = rule.span.begin, policy.source.name
    slug = policy.slug.text
    return RuleReport(rule.id.text, slug, rule.title, action, name, begin.line, state)


def _report(
    world: World, rule: Rule, compiled: ir.Rule, finding: Finding | None
) -> RuleReport:
    if finding is None:
        return _not_matched(_blank(world, rule, "not matched"), world, compiled)
    blank = replace(_blank(world, rule, "matched"), evidence=finding.evidence)
    for body in compiled.bodies:
        frame = world.root(body.block)
        for way in frame.ways(body.block)[:1]:
            rows = tuple(
                told.held(frame, line, way)
                for line in lines(body.block)
                if line[0].span is not None
            )
            return replace(blank, bindings=_bindings(frame.at(way), body), lines=rows)
    raise InternalError(f"`{rule.id.text}` fires, and no way through it was found")


def _not_matched(blank: RuleReport, world: World, rule: ir.Rule) -> RuleReport:
    """The report of the body that is nearest to holding."""
    best: tuple[Nearest, Frame, ir.RuleBody] | None = None
    for body in rule.bodies:
        frame = world.root(body.block)
        for found in nearest(frame, body.block)[:1]:
            if best is None or found.distance < best[0].distance:
                best = (found, frame, body)
    if best is None:
        raise InternalError(f"`{rule.id}` does not fire, and every line of it holds")
    found, frame, body = best
    attempt = found.attempt
    failures = {id(failure.line[0]): failure for failure in attempt.failures}
    unknown = {id(line[0]) for line in attempt.unknown}
    rows = []
    for line in lines(body.block):
        if id(line[0]) in failures:
            rows.append(told.failed(frame, failures[id(line[0])]))
        elif id(line[0]) in unknown:
            rows.append(told.report(line, "unknown", note="behind a line that failed"))
        else:
            rows.append(told.held(frame, line, attempt.way))
    bindings = _bindings(frame.at(attempt.way), body)
    return replace(blank, bindings=bindings, lines=tuple(rows), distance=found.distance)


def _bindings(frame: Frame, body: ir.RuleBody) -> tuple[Seen, ...]:
    """The elements that `some` chose, with their places."""
    return tuple(
        told.looked_up(frame, ir.Variable(step.value), step.value)
        for step in body.block.steps
        if isinstance(step, ir.Each) and step.value in frame.way
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks for the flips of reports on one document."""

    policy_set: PolicySet
    worlds: list[World]
    document: dict[str, Any]
    accept: Accept

    def answers(
        self, fired: list[RuleReport], others: list[RuleReport], near: int
    ) -> tuple[list[RuleReport], list[RuleReport]]:
        """Reports of rules that fired, and of the nearest others, with their flips."""
        asked, rest = others[:near], others[near:]
        total = _evaluations(sum(world.total for world in self.worlds))
        share = total // max(len(fired) + len(asked), 1)
        stopped = [self._answer(report, min(share, MAX_STOPPING)) for report in fired]
        return stopped, [self._answer(report, share) for report in asked] + rest

    def _answer(self, report: RuleReport, evaluations: int) -> RuleReport:
        if report.state == "too large":
            return report
        item, rule = next(
            (world.item, rule)
            for world in self.worlds
            for rule in world.item.program.rules
            if rule.id == report.rule
        )
        question = Question(
            self.policy_set,
            item,
            rule,
            self.document,
            self.accept,
            fires=report.state == "not matched",
        )
        budget = Budget(evaluations)
        flips = find_flips(question, budget)
        return replace(report, flips=flips, tried=budget.used)


def _flip_to_json(flip: Flip) -> dict[str, Any]:
    return {
        "outcome": flip.outcome,
        "changes": [
            {
                "kind": change.kind,
                "path": list(change.path),
                "place": shown_path(change.path),
                "owner": change.owner,
                "before": change.before,
                "after": change.after,
                "count": change.count,
            }
            for change in flip.changes
        ],
    }
