"""A folder of rules becomes advice: the warnings of every set, and of their lists.

A set that does not compile gives its errors instead. Lists are shared by the sets that
stand beside each other, so all of them are read, whichever part is asked about. A
comment `# lint: allow W106` on the line, or alone above it, silences a warning.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from opensoc_engine.analysis.lints import lint, lists_read, unread_lists
from opensoc_engine.compiler import check_set
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import read_folder
from opensoc_engine.set_files import policy_folders, rules_root

if TYPE_CHECKING:
    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.policy.model import ListFile

# Such as `# lint: allow W106, an image alone is enough`.
_ALLOWED = re.compile(r"#.*\blint: allow ((?:W[0-9]+[, ]*)+)")


def lint_path(path: Path) -> tuple[Diagnostic, ...] | None:
    """What is found in a file, a set or a folder of sets; None if no set is there."""
    root = rules_root(path)
    folders = policy_folders(root)
    if not folders:
        return None
    collector = DiagnosticCollector()
    programs: list[CheckedProgram] = []
    lists: dict[str, ListFile] = {}
    for folder in folders:
        found, read = _lint_folder(folder, collector)
        programs += found
        lists |= read
    if not collector.has_errors:
        collector.extend(tuple(unread_lists(lists, lists_read(programs))))
    return tuple(
        item
        for item in collector.sorted()
        if _is_within(item, path) and not is_allowed(item)
    )


def _lint_folder(
    folder: Path, collector: DiagnosticCollector
) -> tuple[list[CheckedProgram], dict[str, ListFile]]:
    found = DiagnosticCollector()
    parts = read_folder(folder, found)
    if parts is None:
        collector.extend(found.sorted())
        return [], {}
    ordered = sorted(parts.policies, key=lambda policy: policy.slug.text)
    checked = check_set(parts.manifest, ordered, parts.lists, parts.store, found)
    programs = [item.checked for item in checked]
    if not found.has_errors:
        found.extend(lint(parts.manifest, programs, parts.lists))
    collector.extend(found.sorted())
    return programs, parts.lists


def _is_within(found: Diagnostic, path: Path) -> bool:
    place = Path(found.label.span.source.name).resolve()
    return place.is_relative_to(path.resolve())


def is_allowed(found: Diagnostic) -> bool:
    """True for a warning that a comment allows, on its line or alone above it."""
    span = found.label.span
    number = span.begin.line
    above = span.source.line(number - 1).strip()
    lines = (span.source.line(number), above if above.startswith("#") else "")
    allowed = (match[1] for line in lines for match in _ALLOWED.finditer(line))
    return any(found.code in codes for codes in allowed)
