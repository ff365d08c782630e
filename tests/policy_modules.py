"""Small policies from texts, compiled by the real passes, and run by both back ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.analysis.scope import Environment, Strictness
from opensoc_engine.codegen.python import generate
from opensoc_engine.compiler import compile_policy
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.interpreter import interpret
from opensoc_engine.policy.model import Define, Name, Policy, Rule
from opensoc_engine.schema_types import value_type
from opensoc_engine.source import EmbeddedSource, Source, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine import ir
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.ir import Solution

INTEGER = t.Number(integer=True)
PARENT = t.Object(
    "Parent", (t.Field("name", t.Text()), t.Field("user", t.Text(), required=False))
)
PROCESS = t.Object(
    "Process",
    (
        t.Field("id", t.Text(), identity=True),
        t.Field("kind", t.Enum(("process",))),
        t.Field("host", t.Text()),
        t.Field("size", INTEGER),
        t.Field("signed", t.Boolean()),
        t.Field("score", t.Number(), required=False),
        t.Field("parent", PARENT, required=False),
        t.Field("at", t.Timestamp()),
    ),
)
NETWORK = t.Object(
    "Network",
    (
        t.Field("id", t.Text(), identity=True),
        t.Field("kind", t.Enum(("network",))),
        t.Field("host", t.Text()),
        t.Field("size", INTEGER),
        t.Field("ip", t.Address()),
        t.Field("port", INTEGER),
    ),
)
DOCUMENT = t.Object(
    "Document",
    (
        t.Field("events", t.Array(t.Union("event", "kind", (NETWORK, PROCESS)))),
        t.Field("names", t.Array(t.Text())),
        t.Field("limits", t.Map(t.Text(), INTEGER)),
        t.Field("threshold", t.Number()),
        t.Field("networks", t.Array(t.Network())),
    ),
)


@dataclass(frozen=True)
class Texts:
    """A policy: helpers by head, and rules by id; several bodies mean OR.

    Attributes:
        evidence: Variables of every rule.
        value: What every rule adds.
    """

    rules: Mapping[str, tuple[str, ...]]
    defines: Mapping[str, tuple[str, ...]]
    evidence: tuple[str, ...] = ()
    value: str | None = None
    lists: Mapping[str, Any] | None = None


def rule(*bodies: str, **more: Any) -> Texts:
    """A policy of one rule, called `rule`."""
    return Texts({"rule": bodies}, more.pop("defines", {}), **more)


def lowered(
    texts: Texts, strictness: Strictness = Strictness.NOTHING_REFUSED
) -> ir.Module:
    """The policy as IR; a policy that does not compile fails the test."""
    module, found = attempt(texts, strictness)
    assert module is not None, [diagnostic.message for diagnostic in found]
    return module


def attempt(
    texts: Texts,
    strictness: Strictness = Strictness.NOTHING_REFUSED,
    kind: t.Type = DOCUMENT,
    forbidden: frozenset[str] = frozenset(),
) -> tuple[ir.Module | None, tuple[Diagnostic, ...]]:
    """The policy as IR, or what is wrong with it; `kind` is the type of its input."""
    collector = DiagnosticCollector()
    lists = texts.lists or {}
    kinds = {name: value_type(value) for name, value in lists.items()}
    environment = Environment(kind, kinds, forbidden, "verifier", strictness)
    module = compile_policy(_policy(texts), environment, lists, collector)
    return module, collector.sorted()


def run(texts: Texts, document: Any) -> dict[str, list[Solution]]:
    """The solutions of each rule, on which both back ends agree."""
    module = lowered(texts)
    generated, interpreted = generate(module, "test").rules, interpret(module)
    found = {name: list(call(document, {})) for name, call in generated.items()}

    assert found == {
        name: list(call(document, {})) for name, call in interpreted.items()
    }
    return found


def solutions(texts: Texts, document: Any) -> list[Solution]:
    """The solutions of the only rule."""
    (found,) = run(texts, document).values()
    return found


def fires(texts: Texts, document: Any) -> bool:
    """True if the only rule has a solution."""
    return bool(solutions(texts, document))


def process(number: int, **more: Any) -> dict[str, Any]:
    """A process event with all that is required."""
    return {
        "id": f"e{number}",
        "kind": "process",
        "host": "WS-1",
        "size": number,
        "signed": False,
        "at": "2026-01-31T08:00:00Z",
        **more,
    }


def document(*events: Any, **more: Any) -> dict[str, Any]:
    """A document with all that is required."""
    return {
        "events": list(events),
        "names": [],
        "limits": {},
        "threshold": 1,
        "networks": [],
        **more,
    }


def _policy(texts: Texts) -> Policy:
    source = Source("test.yaml", "")
    span = Span(source, 0, 0)

    def embedded(text: str) -> EmbeddedSource:
        return EmbeddedSource(Source("test.yaml", text), text, (0,), span)

    defines = tuple(
        Define(embedded(head), tuple(map(embedded, bodies)), span)
        for head, bodies in texts.defines.items()
    )
    rules = tuple(
        Rule(
            id=Name(name, span),
            title="",
            bodies=tuple(map(embedded, bodies)),
            action=None,
            value=None if texts.value is None else embedded(texts.value),
            value_span=None,
            field=None,
            message=None,
            evidence=tuple(Name(text, span) for text in texts.evidence),
            metadata={},
            span=span,
        )
        for name, bodies in texts.rules.items()
    )
    return Policy(
        slug=Name("test", span),
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
        source=source,
        span=span,
    )
