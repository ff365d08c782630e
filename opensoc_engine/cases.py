"""Cases run against a compiled policy set: what came out, beside what was expected.

The inputs are built here: `given` over the set's base, `input` over that, or another
case's input with facts changed. An input that does not fit the schema is a diagnostic,
never a verdict.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector, Label, diagnose
from opensoc_engine.policy.schema_validator import validate_instance
from opensoc_engine.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opensoc_engine.decision import Decision, PolicySet
    from opensoc_engine.policy.model import Case, CasesFile, Name, Policy
    from opensoc_engine.policy.schema_validator import SchemaStore
    from opensoc_engine.source import Span

KINDS = ("fires", "near-miss", "quiet")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that came out otherwise than the case expects."""

    what: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case that ran on its document; it passed if nothing came out otherwise."""

    policy: str
    case: Case
    mismatches: tuple[Mismatch, ...]
    document: Mapping[str, Any] = field(repr=False)

    @property
    def passed(self) -> bool:
        """True if everything came out as expected."""
        return not self.mismatches


def run_cases(
    policy_set: PolicySet,
    files: Sequence[CasesFile],
    base: Any,
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> tuple[CaseResult, ...]:
    """The results of all cases; what is wrong with the cases themselves is reported.

    Args:
        policy_set: What is tested.
        files: Its cases.
        base: What every input extends; None if the set has no base.
        store: Has the schema of the inputs.
        collector: Is told what is wrong with the cases.
    """
    documents = case_documents(files, policy_set.inputs, base, store, collector)
    results = tuple(_run(policy_set, *found) for found in documents)
    report_missing(policy_set.policies, files, collector)
    return results


def case_documents(
    files: Sequence[CasesFile],
    inputs: Mapping[str, str],
    base: Any,
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> list[tuple[str, Case, dict[str, Any]]]:
    """The policy, the case and the input of all that fit; the rest is reported.

    Args:
        files: The cases.
        inputs: The schema of the input of each policy.
        base: What every input extends; None if the set has no base.
        store: Has the schemas.
        collector: Is told what is wrong with the cases.
    """
    found: list[tuple[str, Case, dict[str, Any]]] = []
    for cases in files:
        slug = cases.policy.text
        if slug not in inputs:
            problem = f"there is no policy `{slug}` in this folder"
            advice = suggest(slug, inputs)
            collector.add(
                diagnose("E609", cases.policy.span, help=advice, problem=problem)
            )
            continue
        builder = _Builder(cases, base or {}, collector)
        for case in builder.known.values():
            document = builder.document(case)
            if document is not None and _is_valid(
                document, case, cases, inputs[slug], store, collector
            ):
                found.append((slug, case, document))
    return found


def _run(
    policy_set: PolicySet, slug: str, case: Case, document: dict[str, Any]
) -> CaseResult:
    if policy_set.manifest.decision == "sum":
        decision = policy_set.evaluate_policy(document, slug)
    else:
        decision = policy_set.evaluate(document)
    found = tuple(_mismatches(decision, slug, case))
    return CaseResult(slug, case, found, document)


def _mismatches(decision: Decision, policy: str, case: Case) -> Iterator[Mismatch]:
    own = {f.rule: f for f in decision.findings if f.policy == policy}
    expect, rule = case.expect, case.rule.text if case.rule else None
    if rule is not None and (rule in own) != (case.shows == "fires"):
        fired = "fires" if rule in own else "does not fire"
        wanted = "fires" if case.shows == "fires" else "does not fire"
        yield Mismatch(f"rule `{rule}`", wanted, fired)
    if expect.fired is not None and set(expect.fired) != set(own):
        yield Mismatch("fired", _shown(expect.fired), _shown(own))
    if expect.action is not None and expect.action != decision.outcome:
        yield Mismatch("action", expect.action, decision.outcome)
    if expect.value is not None and expect.value != decision.total:
        yield Mismatch("value", str(expect.value), str(decision.total))
    if expect.evidence is not None and rule is not None:
        evidence = own[rule].evidence if rule in own else ()
        if set(evidence) != set(expect.evidence):
            yield Mismatch("evidence", _shown(expect.evidence), _shown(evidence))


def _shown(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _is_valid(
    document: dict[str, Any],
    case: Case,
    cases: CasesFile,
    schema: str,
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> bool:
    problems = validate_instance(document, schema, store)
    for problem in problems:
        where = ".".join(str(step) for step in problem.path) or "the input"
        words = f"`{where}`: {problem.message}; expected {problem.expected}"
        span = _place(problem.path, case, cases)
        collector.add(diagnose("E609", span, problem=words))
    return not problems


def _place(path: tuple[str | int, ...], case: Case, cases: CasesFile) -> Span:
    """Where the nearest written part of a path stands."""
    for places in (case.places, cases.places):
        for length in range(len(path), 0, -1):
            if path[:length] in places:
                return places[path[:length]]
    return case.span


@dataclass(slots=True)
class _Builder:
    """Builds the inputs of one file's cases."""

    cases: CasesFile
    base: Any
    collector: DiagnosticCollector
    known: dict[str, Case] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for case in self.cases.cases:
            first = self.known.get(case.name.text)
            if first is None:
                self.known[case.name.text] = case
                continue
            others = (Label(first.name.span, "first written here"),)
            self._report(case.name, f"case `{case.name.text}` stands twice", others)

    def _report(
        self,
        name: Name,
        problem: str,
        others: tuple[Label, ...] = (),
        help: str = "",  # noqa: A002
    ) -> None:
        found = diagnose(
            "E609", name.span, others=others, help=help or None, problem=problem
        )
        self.collector.add(found)

    def document(self, case: Case, above: tuple[str, ...] = ()) -> Any:
        """The input of a case, or None if that was reported."""
        own = {} if case.input is None else case.input
        if case.vary is None:
            return merge(merge(self.base, self.cases.given or {}), own)
        base = case.vary.base
        if base.text in above or base.text == case.name.text:
            self._report(base, f"case `{case.name.text}` varies itself")
            return None
        if base.text not in self.known:
            advice = suggest(base.text, self.known) or ""
            self._report(base, f"there is no case `{base.text}`", help=advice)
            return None
        start = self.document(self.known[base.text], (*above, case.name.text))
        return None if start is None else self._varied(case, merge(start, own))

    def _varied(self, case: Case, document: Any) -> Any:
        assert case.vary is not None
        changed = copy.deepcopy(document)
        for path, value in case.vary.changes:
            if not _set(changed, path.text.split("."), value):
                self._report(path, f"`{path.text}` leads nowhere in the base case")
                return None
        for path in case.vary.removals:
            if not _remove(changed, path.text.split(".")):
                self._report(path, f"there is no `{path.text}` in the base case")
                return None
        return changed


def merge(under: Any, over: Any) -> Any:
    """`over` laid on `under`: objects merge key by key, all else replaces."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    merged = dict(under)
    for key, value in over.items():
        merged[key] = merge(merged[key], value) if key in merged else value
    return merged


def _step(document: Any, step: str) -> Any:
    if isinstance(document, dict):
        return document.get(step)
    if isinstance(document, list) and step.isdecimal() and int(step) < len(document):
        return document[int(step)]
    return None


def _set(document: Any, path: list[str], value: Any) -> bool:
    """Set the value at a path; a list may grow by one, an object by one key."""
    for step in path[:-1]:
        document = _step(document, step)
    last = path[-1]
    if isinstance(document, dict):
        document[last] = value
        return True
    if not isinstance(document, list) or not last.isdecimal():
        return False
    at = int(last)
    if at < len(document):
        document[at] = value
    elif at == len(document):
        document.append(value)
    return at < len(document)


def _remove(document: Any, path: list[str]) -> bool:
    for step in path[:-1]:
        document = _step(document, step)
    if _step(document, path[-1]) is None:
        return False
    del document[path[-1] if isinstance(document, dict) else int(path[-1])]
    return True


def report_missing(
    policies: Sequence[Policy],
    files: Sequence[CasesFile],
    collector: DiagnosticCollector,
) -> None:
    """Every rule needs a case of each kind, and every case a rule that exists."""
    shown = {
        (case.rule.text, case.shows)
        for cases in files
        for case in cases.cases
        if case.rule is not None
    }
    rules = {rule.id.text: rule for policy in policies for rule in policy.rules}
    for rule in rules.values():
        lacking = [f"`{kind}`" for kind in KINDS if (rule.id.text, kind) not in shown]
        if lacking:
            found = diagnose(
                "E608",
                rule.id.span,
                help="add it to the `.cases.yaml` file beside the policy",
                rule=rule.id.text,
                kind=" or ".join(lacking),
            )
            collector.add(found)
    for cases in files:
        for case in cases.cases:
            if case.rule is not None and case.rule.text not in rules:
                problem = f"there is no rule `{case.rule.text}`"
                advice = suggest(case.rule.text, rules) or ""
                found = diagnose(
                    "E609", case.rule.span, help=advice or None, problem=problem
                )
                collector.add(found)
