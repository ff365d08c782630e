"""Everything that is wrong with the rule files of a folder, by file.

The same passes as in `opensoc check`, `lint` and `test`, on the texts of the editor.
What did not change is not checked again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from opensoc_engine.analysis.lints import lint, lists_read, unread_lists
from opensoc_engine.cases import run_cases
from opensoc_engine.compiler import check_outcomes, check_set, compile_set
from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector, Label
from opensoc_engine.linter import is_allowed
from opensoc_engine.loader import read_folder
from opensoc_engine.set_files import policy_folders, rules_root

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.cases import CaseResult
    from opensoc_engine.compiler import CheckedPolicy
    from opensoc_engine.editing.workspace import Workspace
    from opensoc_engine.loader import PolicyFolder
    from opensoc_engine.policy.model import ListFile, Policy

FAILED_CASE = "failed-case"
"""Stands for a code in the diagnostic of a case that came out otherwise."""


FROM_CASES = frozenset({FAILED_CASE, "E608", "E609"})
"""What only a run of the cases finds."""


def find(
    workspace: Workspace, path: Path, *, cases: bool
) -> Mapping[Path, tuple[Diagnostic, ...]]:
    """What is wrong with the sets and lists that stand beside a file, by path.

    Args:
        workspace: Has the texts.
        path: A rule file.
        cases: True if the cases run too.
    """
    workspace.look_again()
    collector = DiagnosticCollector()
    programs: list[CheckedProgram] = []
    lists: dict[str, ListFile] = {}
    for folder in policy_folders(rules_root(path.parent)):
        found = DiagnosticCollector()
        parts = read_folder(folder, found, workspace.files())
        if parts is not None:
            programs += _check(workspace, parts, found, cases=cases)
            lists |= parts.lists
        collector.extend(found.sorted())
    if not collector.has_errors:
        collector.extend(tuple(unread_lists(lists, lists_read(programs))))
    return _by_file(collector.sorted())


def _by_file(
    found: tuple[Diagnostic, ...],
) -> Mapping[Path, tuple[Diagnostic, ...]]:
    files: dict[Path, list[Diagnostic]] = {}
    for item in found:
        if not is_allowed(item):
            files.setdefault(Path(item.label.span.source.name), []).append(item)
    return {path: tuple(items) for path, items in files.items()}


def _check(
    workspace: Workspace,
    parts: PolicyFolder,
    collector: DiagnosticCollector,
    *,
    cases: bool,
) -> list[CheckedProgram]:
    check_outcomes(parts.manifest, parts.policies, collector)
    checked: list[CheckedPolicy] = []
    for policy in parts.policies:
        found, policies = _check_policy(workspace, parts, policy)
        collector.extend(found)
        checked += policies
    programs = [item.checked for item in checked]
    if collector.has_errors:
        return programs
    key = _key("lint", parts)
    advice = workspace.checks.get(
        key, lambda: lint(parts.manifest, programs, parts.lists)
    )
    collector.extend(advice)
    if cases:
        sources = (item.source for item in parts.cases)
        key = (*_key("cases", parts), *sources, repr(parts.case_base))
        results = workspace.checks.get(key, lambda: _run_cases(parts))
        collector.extend(results)
    return programs


def _check_policy(
    workspace: Workspace, parts: PolicyFolder, policy: Policy
) -> tuple[tuple[Diagnostic, ...], tuple[CheckedPolicy, ...]]:
    """What is wrong with a policy, and the policy with its types if nothing is."""

    def make() -> tuple[tuple[Diagnostic, ...], tuple[CheckedPolicy, ...]]:
        found = DiagnosticCollector()
        checked = check_set(parts.manifest, [policy], parts.lists, parts.store, found)
        return found.sorted(), checked

    lists = tuple(item.source for item in parts.lists.values())
    key = (policy.source, parts.manifest.source, lists, id(parts.store))
    return workspace.checks.get(key, make)


def _key(what: str, parts: PolicyFolder) -> tuple[Hashable, ...]:
    """All texts that a set is made of."""
    policies = tuple(policy.source for policy in parts.policies)
    lists = tuple(item.source for item in parts.lists.values())
    return (what, parts.manifest.source, policies, lists, id(parts.store))


def _run_cases(parts: PolicyFolder) -> tuple[Diagnostic, ...]:
    """What is wrong with the cases of a set that compiles, and which of them fail."""
    found = DiagnosticCollector()
    compiled = compile_set(
        parts.manifest, parts.policies, parts.lists, parts.store, found
    )
    if compiled is not None:
        base, store = parts.case_base, parts.store
        results = run_cases(compiled, parts.cases, base, store, found)
        found.extend(tuple(_failures(results)))
    return found.sorted()


def _failures(results: tuple[CaseResult, ...]) -> Iterator[Diagnostic]:
    for result in results:
        if not result.passed:
            label = Label(result.case.name.span)
            yield Diagnostic(FAILED_CASE, failure_text(result), label)


def failure_text(result: CaseResult) -> str:
    """What came out of a case, beside what was expected."""
    parts = [
        f"{item.what}: expected {item.expected}, got {item.actual}"
        for item in result.mismatches
    ]
    return f"case `{result.case.name.text}` fails: {'; '.join(parts)}"
