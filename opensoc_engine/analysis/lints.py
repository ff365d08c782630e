"""Advice on a policy set that compiles: what is needless, risky or left unsaid.

Each warning names a code of family W. The advice is about single policies and about the
set; lists are shared by sets, so who reads them is told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine.analysis import constants, dead_lines, subsumption, vacuity
from opensoc_engine.analysis.scope import path_of
from opensoc_engine.analysis.walk import (
    called_names,
    helper_parts,
    program_parts,
    rule_parts,
)
from opensoc_engine.diagnostics import DiagnosticCollector, diagnose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.analysis.program import Program
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.policy.model import ListFile, Manifest, Policy
    from opensoc_engine.rego import nodes as n


def lint(
    manifest: Manifest,
    programs: Sequence[CheckedProgram],
    lists: Mapping[str, ListFile],
) -> tuple[Diagnostic, ...]:
    """All advice on a set.

    Args:
        manifest: How the set decides.
        programs: Its policies, each with the shared helpers, and free of errors.
        lists: What they may read.
    """
    collector = DiagnosticCollector()
    values = {name: item.values for name, item in lists.items()}
    for checked in programs:
        program = checked.program
        collector.extend(tuple(subsumption.needless_bodies(program)))
        collector.extend(tuple(subsumption.needless_rules(program, manifest)))
        collector.extend(tuple(vacuity.vacuous_every(program, values)))
        collector.extend(tuple(constants.costly_patterns(program)))
        if manifest.kind == "verifier":
            collector.extend(tuple(constants.bare_thresholds(program)))
            collector.extend(tuple(_unsaid(program.policy)))
    collector.extend(tuple(dead_lines.dead_lines(programs)))
    collector.extend(tuple(_unused_helpers(manifest, programs)))
    return collector.sorted()


def lists_read(programs: Sequence[CheckedProgram]) -> frozenset[str]:
    """The lists that any text of the programs mentions."""
    read: set[str] = set()
    for checked in programs:
        for part in program_parts(checked.program):
            path = path_of(part)
            if path is not None and path.root == "data" and path.steps:
                read.add(path.steps[0])
    return frozenset(read)


def unread_lists(
    lists: Mapping[str, ListFile], read: frozenset[str]
) -> Iterator[Diagnostic]:
    """A warning for each list that is not in `read`."""
    for name, item in sorted(lists.items()):
        if name not in read:
            advice = f"read it as `data.{name}`, or remove the file"
            yield diagnose("W112", item.name.span, help=advice, name=name)


def _unsaid(policy: Policy) -> Iterator[Diagnostic]:
    """What a policy about attacks should say of itself."""
    if not all("attack" in rule.metadata for rule in policy.rules):
        advice = 'add `attack: {version: "19", techniques: [T....]}`'
        span = policy.slug.span
        yield diagnose("W108", span, help=advice, policy=policy.slug.text)
    if not policy.metadata.get("references"):
        advice = "add `references:` with the published sources that the rules rest on"
        span = policy.slug.span
        yield diagnose("W109", span, help=advice, policy=policy.slug.text)


def _unused_helpers(
    manifest: Manifest, programs: Sequence[CheckedProgram]
) -> Iterator[Diagnostic]:
    """Helpers that no rule reaches; a shared one counts as used if any policy does."""
    used: set[str] = set()
    shared: dict[str, n.Name] = {}
    for checked in programs:
        program = checked.program
        reached = _reached(program)
        for name, helper in program.helpers.items():
            place = helper.head.name
            if place.span.source == manifest.source:
                shared[name] = place
                used |= reached & {name}
            elif name not in reached:
                advice = "remove it, or call it"
                yield diagnose("W107", place.span, help=advice, name=name)
    for name, place in shared.items():
        if name not in used:
            advice = "remove it, or call it in a policy of the set"
            yield diagnose("W107", place.span, help=advice, name=name)


def _reached(program: Program) -> set[str]:
    """The helpers that the rules call, directly or through others."""
    reached: set[str] = set()
    waiting = called_names(rule_parts(program))
    while waiting:
        name = waiting.pop()
        helper = program.helpers.get(name)
        if helper is not None and name not in reached:
            reached.add(name)
            waiting |= called_names(helper_parts(helper))
    return reached
