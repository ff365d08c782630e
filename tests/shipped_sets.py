"""A shipped policy set, compiled, with its cases as they ran."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from opensoc_engine import PolicySet, data_root
from opensoc_engine.cases import CaseResult, run_cases
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import PolicyFolder, load_folder
from opensoc_engine.render import render_text

if TYPE_CHECKING:
    from opensoc_engine.policy.model import Policy

RULES = data_root() / "rules"


@dataclass(frozen=True)
class Loaded:
    """A set, its files, its cases as they ran, and what was wrong, as text."""

    policy_set: PolicySet
    folder: PolicyFolder
    results: tuple[CaseResult, ...]
    problems: str

    def policy(self, slug: str) -> Policy:
        """The policy of that name."""
        return next(p for p in self.folder.policies if p.slug.text == slug)

    def failures(self, slug: str) -> list[tuple[str, object]]:
        """The cases of a policy that came out otherwise than they say."""
        return [
            (result.case.name.text, result.mismatches)
            for result in self.results
            if result.policy == slug and not result.passed
        ]


def slugs(name: str) -> list[str]:
    """The names of a set's policies."""
    stems = sorted(path.stem for path in (RULES / name).glob("*.yaml"))
    return [stem for stem in stems if stem != "set" and not stem.endswith(".cases")]


@cache
def loaded(name: str) -> Loaded:
    """A set by the name of its folder."""
    found = load_folder(RULES / name)
    collector = DiagnosticCollector()
    collector.extend(found.diagnostics)
    assert found.policy_set is not None, render_text(collector.sorted())
    assert found.folder is not None
    parts = found.folder
    results = run_cases(
        found.policy_set, parts.cases, parts.case_base, parts.store, collector
    )
    return Loaded(found.policy_set, parts, results, render_text(collector.sorted()))
