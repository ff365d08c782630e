"""Policy, manifest, list and cases files become the data of `model`.

Each function reads a text, checks it against its schema and builds it. What comes out
fits the schema, has the name of its file or a diagnostic that says so, and says what
its kind must say; None comes out if that is not so.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector, Label, diagnose
from opensoc_engine.frozen import FrozenDict, freeze
from opensoc_engine.policy import node_access as take
from opensoc_engine.policy.cases_parser import CASES_SUFFIX, build_cases
from opensoc_engine.policy.model import Define, ListFile, Manifest, Policy, Rule
from opensoc_engine.policy.yaml_reader import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    to_plain,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from opensoc_engine.policy.model import CasesFile, Name
    from opensoc_engine.policy.schema_validator import SchemaStore
    from opensoc_engine.policy.yaml_reader import Node
    from opensoc_engine.source import EmbeddedSource, Source

SUFFIX = ".yaml"

_METADATA = ("category", "attack", "references", "falsepositives", "status")
# What a rule of each kind must say; of these words it may say no other.
_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "verifier": ("action",),
    "plausibility": ("field", "message"),
    "rubric": ("value",),
}
_OUTCOME_WORDS = tuple(word for words in _OUTCOMES.values() for word in words)
_DECISIONS: Mapping[str, str] = {
    "verifier": "strongest",
    "plausibility": "violations",
    "rubric": "sum",
}


def parse_policy(
    source: Source, store: SchemaStore, collector: DiagnosticCollector
) -> Policy | None:
    """The policy that a text says, or None with diagnostics."""
    node = take.read_mapping(source, "policy.schema.json", store, collector)
    if node is None:
        return None
    slug = take.name(node, "policy")
    _check_file_name("policy", slug, source, SUFFIX, collector)
    found = DiagnosticCollector()
    _check_kind(node, slug, found)
    collector.extend(found.sorted())
    return None if found.has_errors else _policy(node, slug, source)


def parse_manifest(
    source: Source, store: SchemaStore, collector: DiagnosticCollector
) -> Manifest | None:
    """The manifest that a text says, or None with diagnostics."""
    node = take.read_mapping(source, "set.schema.json", store, collector)
    if node is None:
        return None
    found = DiagnosticCollector()
    _check_decision(node, found)
    collector.extend(found.sorted())
    return None if found.has_errors else _manifest(node, source)


def parse_list(
    source: Source, store: SchemaStore, collector: DiagnosticCollector
) -> ListFile | None:
    """The table that a text says, or None with diagnostics."""
    node = take.read_mapping(source, "list.schema.json", store, collector)
    if node is None:
        return None
    name = take.name(node, "list")
    _check_file_name("list", name, source, SUFFIX, collector)
    values = node.get("values")
    frozen = () if values is None else freeze(to_plain(values))
    return ListFile(name, take.text(node, "version"), frozen, source)


def parse_cases(
    source: Source, store: SchemaStore, collector: DiagnosticCollector
) -> CasesFile | None:
    """The cases that a text says, or None with diagnostics."""
    node = take.read_mapping(source, "cases.schema.json", store, collector)
    if node is None:
        return None
    name = take.name(node, "cases")
    _check_file_name("cases", name, source, CASES_SUFFIX, collector)
    return build_cases(node, source)


def _check_file_name(
    key: str, name: Name, source: Source, suffix: str, collector: DiagnosticCollector
) -> None:
    file = PurePath(source.name.replace("\\", "/")).name
    if file == name.text + suffix:
        return
    advice = f"rename the file to `{name.text}{suffix}`"
    if file.endswith(suffix):
        advice += f", or write `{key}: {file.removesuffix(suffix)}`"
    found = diagnose("E601", name.span, help=advice, name=name.text, file=file)
    collector.add(found)


def _check_kind(node: MappingNode, slug: Name, collector: DiagnosticCollector) -> None:
    kind = take.text(node, "kind")
    _check_bounds(node, slug, kind, collector)
    for item in take.shaped(node.get("rules"), SequenceNode).items:
        rule = take.shaped(item, MappingNode)
        _check_outcome(rule, kind, collector)


def _check_outcome(
    rule: MappingNode, kind: str, collector: DiagnosticCollector
) -> None:
    wanted = _OUTCOMES.get(kind, ())
    for word in wanted:
        if rule.get(word) is None:
            span = take.name(rule, "id").span
            problem = f"a {kind} rule needs `{word}`"
            advice = f"add `{word}:` to this rule"
            collector.add(diagnose("E604", span, help=advice, problem=problem))
    for word in _OUTCOME_WORDS:
        key = rule.key(word)
        if key is not None and word not in wanted:
            needs = " and ".join(f"`{name}`" for name in wanted)
            problem = f"`{word}` has no meaning in a {kind} rule"
            advice = f"remove it: a {kind} rule says {needs}"
            collector.add(diagnose("E604", key.span, help=advice, problem=problem))


def _check_bounds(
    node: MappingNode, slug: Name, kind: str, collector: DiagnosticCollector
) -> None:
    key, bounds = node.key("bounds"), _bounds(node)
    if kind == "rubric" and bounds is None:
        advice = "add the least and the greatest sum: `bounds: {min: -1, max: 1}`"
        problem = "a rubric needs `bounds`"
        collector.add(diagnose("E610", slug.span, help=advice, problem=problem))
    if key is None:
        return
    if kind != "rubric":
        problem = f"`bounds` has no meaning in a {kind} policy"
        advice = "remove it: only rubrics have sums"
        collector.add(diagnose("E610", key.span, help=advice, problem=problem))
    elif bounds is not None and bounds[0] > bounds[1]:
        problem = f"`min` {bounds[0]} is greater than `max` {bounds[1]}"
        collector.add(diagnose("E610", key.span, problem=problem))


def _check_decision(node: MappingNode, collector: DiagnosticCollector) -> None:
    kind, decision = take.name(node, "kind"), take.name(node, "decision")
    wanted = _DECISIONS.get(kind.text, decision.text)
    if decision.text != wanted:
        others = (Label(kind.span, "the kind of the set"),)
        problem = f"a {kind.text} set can't decide by `{decision.text}`"
        advice = f"write `decision: {wanted}`"
        collector.add(
            diagnose("E203", decision.span, help=advice, others=others, problem=problem)
        )
    elif decision.text == "strongest":
        _check_order(node, decision, collector)


def _check_order(
    node: MappingNode, decision: Name, collector: DiagnosticCollector
) -> None:
    for key in ("order", "default"):
        if node.get(key) is None:
            label = f"`strongest` needs `{key}`"
            collector.add(diagnose("E202", decision.span, label=label, key=key))


def _policy(node: MappingNode, slug: Name, source: Source) -> Policy:
    metadata = _metadata(node)
    rules = take.shaped(node.get("rules"), SequenceNode).items
    return Policy(
        slug=slug,
        kind=take.text(node, "kind"),
        version=take.text(node, "version"),
        status=take.text(node, "status"),
        title=take.text(node, "title"),
        category=take.text_or_none(node, "category"),
        input_schema=take.name_or_none(node, "input"),
        bounds=_bounds(node),
        defines=_defines(node),
        rules=tuple(_rule(take.shaped(r, MappingNode), metadata) for r in rules),
        metadata=metadata,
        source=source,
        span=node.span,
    )


def _rule(node: MappingNode, metadata: Mapping[str, Any]) -> Rule:
    value = node.get("value")
    return Rule(
        id=take.name(node, "id"),
        title=take.text(node, "title"),
        bodies=take.embedded_list(node.get("when")),
        action=take.name_or_none(node, "action"),
        value=_value(node),
        value_span=value.span if value is not None else None,
        field=take.text_or_none(node, "field"),
        message=take.text_or_none(node, "message"),
        evidence=take.names(node, "evidence"),
        metadata=FrozenDict({**metadata, **_metadata(node)}),
        span=node.span,
    )


def _value(node: MappingNode) -> EmbeddedSource | Decimal | None:
    """The value of a rubric's term: a number, or a text that is an expression."""
    value = node.get("value")
    if isinstance(value, ScalarNode) and value.embedded is not None:
        return value.embedded
    return take.number(node, "value")


def _metadata(node: MappingNode) -> dict[str, Any]:
    found = ((key, node.get(key)) for key in _METADATA)
    plain = {key: to_plain(item) for key, item in found if item is not None}
    return FrozenDict({key: freeze(item) for key, item in plain.items()})


def _bounds(node: MappingNode) -> tuple[Decimal, Decimal] | None:
    bounds = node.get("bounds")
    if not isinstance(bounds, MappingNode):
        return None
    least, greatest = take.number(bounds, "min"), take.number(bounds, "max")
    return None if least is None or greatest is None else (least, greatest)


def _defines(node: MappingNode) -> tuple[Define, ...]:
    found = node.get("define")
    if found is None:
        return ()
    return tuple(_define(*item) for item in take.shaped(found, MappingNode).items)


def _define(key: ScalarNode, body: Node) -> Define:
    return Define(take.embedded(key), take.embedded_list(body), key.span.to(body.span))


def _manifest(node: MappingNode, source: Source) -> Manifest:
    strict = node.get("strict_absence")
    return Manifest(
        name=take.text(node, "set"),
        kind=take.text(node, "kind"),
        version=take.text(node, "version"),
        input_schema=take.name(node, "input"),
        decision=take.text(node, "decision"),
        order=take.texts(node, "order"),
        default=take.text_or_none(node, "default"),
        forbid=take.texts(node, "forbid"),
        strict_absence=strict is not None and take.scalar(strict).value is True,
        case_base=take.name_or_none(node, "case_base"),
        source=source,
        span=node.span,
        defines=_defines(node),
    )
