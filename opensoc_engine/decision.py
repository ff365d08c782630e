"""A compiled policy set, and what it decides about a document.

A document must fit the set's input schema: callers validate it once, where it enters.
Decisions are frozen and depend on the document and the policies alone.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_engine import ir
    from opensoc_engine.codegen.python import GeneratedModule
    from opensoc_engine.ir import Solution
    from opensoc_engine.policy.model import Manifest, Policy, Rule
    from opensoc_engine.types import Type

MAX_ALTERNATIVES = 64
# Solutions that are looked at to find different evidence: bounds hostile documents.
MAX_SOLUTIONS = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired.

    Attributes:
        outcome: A verifier's action, `violation` or `term`.
        value: What a rubric's term adds.
        message: What to tell the author of an implausible incident.
        field: The part of the input that a plausibility rule objects to.
        evidence: Ids of the first way in which the rule holds, in the rule's order.
        alternatives: Evidence of every way, the first included; at most 64.
        metadata: Category, ATT&CK techniques, references and known false positives.
    """

    rule: str
    policy: str
    version: str
    title: str
    outcome: str
    value: int | Decimal | None
    message: str | None
    field: str | None
    evidence: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...]
    metadata: Mapping[str, Any] = dataclasses.field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values; decimals become strings."""
        techniques = self.metadata.get("attack", {}).get("techniques", ())
        found: dict[str, Any] = {
            "rule": self.rule,
            "policy": self.policy,
            "version": self.version,
            "title": self.title,
            "outcome": self.outcome,
            "evidence": list(self.evidence),
            "techniques": list(techniques),
        }
        if self.value is not None:
            found["value"] = str(self.value)
        if self.message is not None:
            found["message"] = self.message
        if self.field is not None:
            found["field"] = self.field
        return found


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy set decided.

    Attributes:
        outcome: The strongest action; `plausible` or `implausible`; `graded`.
        total: The exact sum of a rubric's terms.
        findings: All rules that fired, strongest first, then by policy and rule.
        digest: SHA-256 of the set's manifest, policies and lists.
    """

    outcome: str
    total: int | Decimal | None
    findings: tuple[Finding, ...]
    policy_set: str
    version: str
    digest: str

    def to_json(self) -> dict[str, Any]:
        """The decision as JSON values; decimals become strings."""
        return {
            "outcome": self.outcome,
            "total": None if self.total is None else str(self.total),
            "findings": [finding.to_json() for finding in self.findings],
            "policy_set": self.policy_set,
            "version": self.version,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule as people see it: its text and the place that it stands at."""

    policy: str
    rule: str
    title: str
    text: str
    path: str
    line: int
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy and the functions of its rules.

    Attributes:
        hidden: Fields of the document that its kind may not see.
        exact: True if its input may hold numbers that are not integers.
        program: What the functions were made from.
        document: The type of the input.
    """

    policy: Policy
    module: GeneratedModule
    hidden: frozenset[str]
    exact: bool
    program: ir.Module
    document: Type

    def seen(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document as the rules see it: without hidden fields, without floats."""
        seen = {key: document[key] for key in document if key not in self.hidden}
        return exact(seen) if self.exact else seen

    def findings(self, document: Mapping[str, Any], name: str) -> Iterator[Finding]:
        """The rules that fire on a document, in the order of the file."""
        value = self.seen(document)
        cache: dict[str, Any] = {}
        for rule in self.policy.rules:
            solutions = self.module.rules[rule.id.text](value, cache)
            first = next(solutions, None)
            if first is not None:
                yield self._finding(rule, name, first, solutions)

    def _finding(
        self, rule: Rule, outcome: str, first: Solution, rest: Iterator[Solution]
    ) -> Finding:
        ways = {first[0]: None}
        if rule.evidence:
            for evidence, _ in islice(rest, MAX_SOLUTIONS):
                ways[evidence] = None
                if len(ways) == MAX_ALTERNATIVES:
                    break
        return Finding(
            rule.id.text,
            self.policy.slug.text,
            self.policy.version,
            rule.title,
            rule.action.text if rule.action else outcome,
            first[1],
            rule.message,
            rule.field,
            first[0],
            tuple(ways),
            rule.metadata,
        )


def exact(value: Any) -> Any:
    """A JSON value with its floats as the decimals that they are written as."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [exact(part) for part in value]
    return value


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of one folder, compiled; immutable, and safe to share by threads.

    Attributes:
        order: Outcomes, strongest first; empty unless it is a verifier.
        default: The outcome when no rule fires, in a verifier.
        digest: SHA-256 of the manifest, the policies and the lists.
    """

    name: str
    version: str
    digest: str
    manifest: Manifest
    compiled: tuple[CompiledPolicy, ...]

    @property
    def order(self) -> tuple[str, ...]:
        """Outcomes, strongest first, without the default."""
        return self.manifest.order

    @property
    def default(self) -> str:
        """The outcome when no rule fires."""
        return self.manifest.default or ""

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies, by name."""
        return tuple(item.policy for item in self.compiled)

    def evaluate(self, document: Mapping[str, Any]) -> Decision:
        """What the whole set decides about a document.

        Raises:
            InputError: The set is a rubric, whose policies are evaluated one by one.
        """
        if self.manifest.decision == "sum":
            raise InputError("a rubric set is evaluated by `evaluate_policy`")
        strongest = self.manifest.decision == "strongest"
        findings = [
            finding
            for item in self.compiled
            for finding in item.findings(document, "violation")
        ]
        if not strongest:
            outcome = "implausible" if findings else "plausible"
            return self._decision(outcome, None, findings)
        rank = {action: at for at, action in enumerate(self.order)}
        findings.sort(key=lambda f: (rank[f.outcome], f.policy, f.rule))
        outcome = findings[0].outcome if findings else self.default
        return self._decision(outcome, None, findings)

    def evaluate_policy(self, document: Mapping[str, Any], policy: str) -> Decision:
        """The exact sum of the terms of one rubric policy.

        Raises:
            InputError: There is no policy of that name.
        """
        found = next((c for c in self.compiled if c.policy.slug.text == policy), None)
        if found is None:
            known = ", ".join(item.policy.slug.text for item in self.compiled)
            raise InputError(f"there is no policy `{policy}`; there are {known}")
        findings = list(found.findings(document, "term"))
        total = sum((f.value for f in findings if f.value is not None), Decimal(0))
        return self._decision("graded", total, findings)

    def rule(self, rule_id: str) -> RuleInfo:
        """A rule as people see it.

        Raises:
            InputError: There is no rule of that id.
        """
        for item in self.compiled:
            for rule in item.policy.rules:
                if rule.id.text == rule_id:
                    return _rule_info(item.policy, rule)
        raise InputError(f"there is no rule `{rule_id}` in `{self.name}`")

    def _decision(
        self, outcome: str, total: int | Decimal | None, findings: list[Finding]
    ) -> Decision:
        return Decision(
            outcome, total, tuple(findings), self.name, self.version, self.digest
        )


def _rule_info(policy: Policy, rule: Rule) -> RuleInfo:
    return RuleInfo(
        policy.slug.text,
        rule.id.text,
        rule.title,
        "\n\n# or\n".join(body.text.strip() for body in rule.bodies),
        policy.source.name,
        rule.span.begin.line,
        rule.metadata,
    )
