"""A compiled policy set, and what it decides about a document.

A document must fit the set's input schema: callers validate it once, where it enters.
Decisions are frozen and depend on the document and the policies alone.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InputError
from opensoc_engine.evaluation import Finding
from opensoc_engine.runtime import add, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opensoc_engine import ir
    from opensoc_engine.codegen.generated import GeneratedModule
    from opensoc_engine.evaluation import Part
    from opensoc_engine.policy.model import Manifest, Policy
    from opensoc_engine.types import Type

__all__ = [
    "CompiledPolicy",
    "Content",
    "Decision",
    "Finding",
    "PolicySet",
    "RuleInfo",
    "exact",
]


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
    metadata: Mapping[str, Any] = dataclasses.field(compare=False)


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy and what it was compiled to.

    Attributes:
        module: The functions of its rules.
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


@dataclass(frozen=True, slots=True)
class Content:
    """What a set was compiled from."""

    manifest: Manifest
    compiled: tuple[CompiledPolicy, ...]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of one folder, compiled; immutable, and safe to share by threads.

    Attributes:
        decision: `strongest`, `violations` or `sum`.
        order: Outcomes, strongest first, without the default.
        default: The outcome when no rule fires, in a verifier.
        digest: SHA-256 of the manifest, the policies and the lists.
        inputs: The schema of the input of each policy.
        parts: The compiled rules; a rubric has a part for each policy.
        rules: The rules as people see them, by id, in the order of the policies.
        lists: The values of the lists beside it, by name.
        read: Gives what the set was compiled from; only people and tools ask for it,
            as a set from the cache has to be compiled for it.
    """

    name: str
    version: str
    digest: str
    decision: str
    order: tuple[str, ...]
    default: str
    inputs: Mapping[str, str] = dataclasses.field(compare=False)
    parts: tuple[Part, ...] = dataclasses.field(compare=False)
    rules: Mapping[str, RuleInfo] = dataclasses.field(compare=False, repr=False)
    lists: Mapping[str, Any] = dataclasses.field(compare=False, repr=False)
    read: Callable[[], Content] = dataclasses.field(compare=False, repr=False)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the set."""
        return self.read().manifest

    @property
    def compiled(self) -> tuple[CompiledPolicy, ...]:
        """The policies with their programs, by name."""
        return self.read().compiled

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies, by name."""
        return tuple(item.policy for item in self.compiled)

    def evaluate(self, document: Mapping[str, Any]) -> Decision:
        """What the whole set decides about a document.

        Raises:
            InputError: The set is a rubric, whose policies are evaluated one by one.
        """
        self._refuse_rubric()
        findings = [f for part in self.parts for f in part.findings(document)]
        if self.decision != "strongest":
            outcome = "implausible" if findings else "plausible"
            return self._decision(outcome, None, findings)
        rank = {action: at for at, action in enumerate(self.order)}
        findings.sort(key=lambda f: (rank[f.outcome], f.policy, f.rule))
        outcome = findings[0].outcome if findings else self.default
        return self._decision(outcome, None, findings)

    def outcome(self, document: Mapping[str, Any]) -> str:
        """The outcome that `evaluate` decides, without what leads to it: faster.

        Raises:
            InputError: The set is a rubric, whose policies are evaluated one by one.
        """
        if self.decision == "strongest" and len(self.parts) == 1:
            return self.parts[0].outcome(document) or self.default
        self._refuse_rubric()
        found = [part.outcome(document) for part in self.parts]
        fired = [outcome for outcome in found if outcome is not None]
        if self.decision != "strongest":
            return "implausible" if fired else "plausible"
        return min(fired, key=self.order.index) if fired else self.default

    def _refuse_rubric(self) -> None:
        if self.decision == "sum":
            raise InputError("a rubric set is evaluated by `evaluate_policy`")

    def evaluate_policy(self, document: Mapping[str, Any], policy: str) -> Decision:
        """The exact sum of the terms of one rubric policy.

        Raises:
            InputError: There is no policy of that name.
        """
        found = next((part for part in self.parts if policy in part.policies), None)
        if found is None:
            known = ", ".join(name for part in self.parts for name in part.policies)
            raise InputError(f"there is no policy `{policy}`; there are {known}")
        findings = [f for f in found.findings(document) if f.policy == policy]
        total: int | Decimal = Decimal(0)
        for finding in findings:
            total = total if finding.value is None else add(total, finding.value)
        return self._decision("graded", total, findings)

    def rule(self, rule_id: str) -> RuleInfo:
        """A rule as people see it.

        Raises:
            InputError: There is no rule of that id.
        """
        found = self.rules.get(rule_id)
        if found is None:
            raise InputError(f"there is no rule `{rule_id}` in `{self.name}`")
        return found

    def _decision(
        self, outcome: str, total: int | Decimal | None, findings: list[Finding]
    ) -> Decision:
        return Decision(
            outcome, total, tuple(findings), self.name, self.version, self.digest
        )
