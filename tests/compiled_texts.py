"""Policies from texts, through the real passes, for a schema that a test chooses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine.analysis.checker import check
from opensoc_engine.analysis.program import parse_program
from opensoc_engine.analysis.resolver import resolve
from opensoc_engine.analysis.scope import Environment, Strictness
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.model import Define, Name, Policy, Rule
from opensoc_engine.schema_types import value_type
from opensoc_engine.source import EmbeddedSource, Source, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine import types as t
    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.diagnostics import Diagnostic


@dataclass(frozen=True)
class RuleTexts:
    """The bodies of a rule, the variables that are its evidence, and what it adds."""

    bodies: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    value: str | None = None


@dataclass(frozen=True)
class PolicyTexts:
    """Bodies of helpers by head, and rules by id."""

    rules: dict[str, RuleTexts]
    defines: dict[str, tuple[str, ...]] = field(default_factory=dict)


SPAN = Span(Source("test.yaml", ""), 0, 0)


def checked_texts(
    texts: PolicyTexts, document: t.Type, lists: Mapping[str, Any]
) -> tuple[CheckedProgram | None, tuple[Diagnostic, ...]]:
    """The checked policy, or None and what is wrong with it."""
    kinds = {name: value_type(value) for name, value in lists.items()}
    environment = Environment(
        document, kinds, frozenset(), "verifier", Strictness.NOTHING_REFUSED
    )
    found = DiagnosticCollector()
    program = parse_program(_policy(texts), found)
    resolve(program, found)
    checked = None if found.has_errors else check(program, environment, found)
    return None if found.has_errors else checked, found.sorted()


def _embedded(text: str) -> EmbeddedSource:
    return EmbeddedSource(Source("test.yaml", text), text, (), SPAN)


def _policy(texts: PolicyTexts) -> Policy:
    defines = tuple(
        Define(_embedded(head), tuple(map(_embedded, bodies)), SPAN)
        for head, bodies in texts.defines.items()
    )
    rules = tuple(
        Rule(
            id=Name(name, SPAN),
            title="",
            bodies=tuple(map(_embedded, rule.bodies)),
            action=None,
            value=None if rule.value is None else _embedded(rule.value),
            value_span=None,
            field=None,
            message=None,
            evidence=tuple(Name(text, SPAN) for text in rule.evidence),
            metadata={},
            span=SPAN,
        )
        for name, rule in texts.rules.items()
    )
    return Policy(
        slug=Name("test", SPAN),
        kind="verifier",
        version="1.0.0",
        status="test",
        title="",
        category=None,
        input_schema=None,
        bounds=None,
        defines=defines,
        rules=rules,
        metadata={},
        source=SPAN.source,
        span=SPAN,
    )
