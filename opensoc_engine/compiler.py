"""The whole pipeline on one screen: policies and lists in, a policy set out.

No file is read here. All that is wrong is collected; a set comes out only if nothing
is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.analysis.checker import check
from opensoc_engine.analysis.cost import check_cost
from opensoc_engine.analysis.limits import check_nesting
from opensoc_engine.analysis.program import parse_helpers, parse_program
from opensoc_engine.analysis.resolver import resolve
from opensoc_engine.analysis.scope import Environment, Strictness
from opensoc_engine.assembly import LoweredPolicy, assemble, fraction_names
from opensoc_engine.decision import CompiledPolicy, Content, PolicySet, RuleInfo
from opensoc_engine.diagnostics import DiagnosticCollector, Label, diagnose
from opensoc_engine.errors import InputError
from opensoc_engine.lower import lower
from opensoc_engine.schema_types import schema_type, value_type
from opensoc_engine.set_files import set_digest
from opensoc_engine.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opensoc_engine import ir
    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.analysis.program import Helper
    from opensoc_engine.evaluation import Part
    from opensoc_engine.policy.model import ListFile, Manifest, Name, Policy
    from opensoc_engine.policy.schema_validator import SchemaStore


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """A policy without errors; its program has the shared helpers of its set too."""

    policy: Policy
    environment: Environment
    checked: CheckedProgram


def compile_set(
    manifest: Manifest,
    policies: Sequence[Policy],
    lists: Mapping[str, ListFile],
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> PolicySet | None:
    """The policies compiled against their schemas, or None if any has an error."""
    ordered = sorted(policies, key=lambda policy: policy.slug.text)
    values = {name: item.values for name, item in lists.items()}
    lowered = [
        LoweredPolicy(
            item.policy,
            lower(item.checked, values),
            item.environment.document,
            _hidden(item.environment.document, item.environment.forbidden),
        )
        for item in check_set(manifest, ordered, lists, store, collector)
    ]
    if collector.has_errors:
        return None
    parts = assemble(manifest, lowered)
    content = Content(manifest, tuple(_compiled(item, parts) for item in lowered))
    return PolicySet(
        manifest.name,
        manifest.version,
        digest_of(manifest, ordered, lists),
        manifest.decision,
        manifest.order,
        manifest.default or "",
        {item.policy.slug.text: input_of(item.policy, manifest) for item in lowered},
        parts,
        {info.rule: info for item in lowered for info in _rule_infos(item.policy)},
        values,
        lambda: content,
    )


def input_of(policy: Policy, manifest: Manifest) -> str:
    """The schema of a policy's input."""
    return (policy.input_schema or manifest.input_schema).text


def _rule_infos(policy: Policy) -> Iterator[RuleInfo]:
    for rule in policy.rules:
        yield RuleInfo(
            policy.slug.text,
            rule.id.text,
            rule.title,
            "\n\n# or\n".join(body.text.strip() for body in rule.bodies),
            policy.source.name,
            rule.span.begin.line,
            rule.metadata,
        )


def _compiled(item: LoweredPolicy, parts: tuple[Part, ...]) -> CompiledPolicy:
    slug = item.policy.slug.text
    part = next(part for part in parts if slug in part.policies)
    fractions = next(fraction_names(item.document), None) is not None
    module = part.code.module(slug)
    return CompiledPolicy(
        item.policy, module, item.hidden, fractions, item.program, item.document
    )


def check_set(
    manifest: Manifest,
    policies: Sequence[Policy],
    lists: Mapping[str, ListFile],
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> tuple[CheckedPolicy, ...]:
    """The policies that have no error, with their types; the rest is reported."""
    check_outcomes(manifest, policies, collector)
    kinds = _list_types(lists, collector)
    values = {name: item.values for name, item in lists.items()}
    parsed = parse_helpers(manifest.defines)
    found = []
    for policy in policies:
        document = _document_type(policy, manifest, store, collector)
        if document is None:
            continue
        environment = _environment(manifest, document, kinds)
        shared = replace(policy, defines=(*manifest.defines, *policy.defines))
        checked = _check_policy(shared, environment, values, collector, parsed)
        if checked is not None:
            found.append(CheckedPolicy(policy, environment, checked))
    return tuple(found)


def compile_policy(
    policy: Policy,
    environment: Environment,
    values: Mapping[str, Any],
    collector: DiagnosticCollector,
) -> ir.Module | None:
    """One policy as IR, or None if it has an error."""
    checked = _check_policy(policy, environment, values, collector)
    return None if checked is None else lower(checked, values)


def _check_policy(
    policy: Policy,
    environment: Environment,
    values: Mapping[str, Any],
    collector: DiagnosticCollector,
    parsed: Mapping[int, Helper] | None = None,
) -> CheckedProgram | None:
    found = DiagnosticCollector()
    program = parse_program(policy, found, parsed)
    is_parsed = not found.has_errors
    is_finite = resolve(program, found)
    is_checkable = is_parsed and is_finite and check_nesting(program, found)
    checked = check(program, environment, found) if is_checkable else None
    if checked is not None and not found.has_errors:
        check_cost(checked, values, found)
    collector.extend(found.sorted())
    return None if found.has_errors else checked


def environment_of(
    policy: Policy,
    manifest: Manifest,
    lists: Mapping[str, ListFile],
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> Environment | None:
    """What a policy is checked against, or None if its schema has no type."""
    document = _document_type(policy, manifest, store, collector)
    if document is None:
        return None
    return _environment(manifest, document, _list_types(lists, collector))


def _environment(
    manifest: Manifest, document: t.Type, lists: Mapping[str, t.Type]
) -> Environment:
    strict = manifest.strict_absence
    return Environment(
        document,
        lists,
        frozenset(manifest.forbid),
        manifest.kind,
        Strictness.FIELDS if strict else Strictness.NOTHING_REFUSED,
    )


def _list_types(
    lists: Mapping[str, ListFile], collector: DiagnosticCollector
) -> dict[str, t.Type]:
    kinds: dict[str, t.Type] = {}
    for name, item in sorted(lists.items()):
        try:
            kinds[name] = value_type(item.values)
        except InputError as error:
            problem = f"list `{name}`: {error}"
            collector.add(diagnose("E203", item.name.span, problem=problem))
    return kinds


def _document_type(
    policy: Policy,
    manifest: Manifest,
    store: SchemaStore,
    collector: DiagnosticCollector,
) -> t.Type | None:
    name = policy.input_schema or manifest.input_schema
    if name is None:
        problem = "neither the policy nor its set names the schema of `input`"
        collector.add(diagnose("E607", policy.slug.span, problem=problem))
        return None
    try:
        kind = schema_type(name.text, store.documents)
        if isinstance(kind, t.Object | t.Union):
            return kind
        problem, advice = f"`input` is an object, not {t.describe(kind)}", None
    except InputError as error:
        problem, advice = str(error), suggest(name.text, store.documents)
    collector.add(diagnose("E607", name.span, help=advice, problem=problem))
    return None


def check_outcomes(
    manifest: Manifest, policies: Sequence[Policy], collector: DiagnosticCollector
) -> None:
    """Report rules that stand twice in a set, and outcomes that the set lacks."""
    seen: dict[str, Name] = {}
    for policy in policies:
        if policy.kind != manifest.kind:
            found = diagnose(
                "E603", policy.slug.span, kind=policy.kind, expected=manifest.kind
            )
            collector.add(found)
        for rule in policy.rules:
            if rule.id.text in seen:
                others = (Label(seen[rule.id.text].span, "first defined here"),)
                found = diagnose("E602", rule.id.span, others=others, rule=rule.id.text)
                collector.add(found)
            seen.setdefault(rule.id.text, rule.id)
            action = rule.action
            if action is not None and action.text not in manifest.order:
                advice = suggest(action.text, manifest.order)
                problem = f"`{action.text}` is not an action of `{manifest.name}`"
                known = ", ".join(manifest.order)
                found = diagnose("E604", action.span, help=advice, problem=problem)
                collector.add(found if advice else replace(found, help=f"use {known}"))


def _hidden(document: t.Type, forbidden: frozenset[str]) -> frozenset[str]:
    """The fields of the document that its policies are not handed."""
    fields = document.fields if isinstance(document, t.Object) else ()
    return frozenset(item.name for item in fields if item.trust in forbidden)


def digest_of(
    manifest: Manifest, policies: Sequence[Policy], lists: Mapping[str, ListFile]
) -> str:
    """The digest of the texts that the set is made of."""
    texts = {"set": manifest.source.text}
    texts.update({f"policy {p.slug.text}": p.source.text for p in policies})
    texts.update({f"list {name}": item.source.text for name, item in lists.items()})
    return set_digest(texts)
