"""Incidents become cases that can be pasted into `.cases.yaml` files of the verifier.

A case says what the rules decide today. Whether that is right is for a person to say:
a case that is wrong shows a gap in the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_env.judge import Judge

_HEADER = "# yaml-language-server: $schema=../../schemas/cases.schema.json\n"


def case_of(
    incident: Mapping[str, Any], name: str, judge: Judge
) -> tuple[str, dict[str, Any]]:
    """The policy that an incident belongs to, and its example there.

    One that no rule fires on belongs to the first policy of the set.
    """
    truth = judge.truth(incident)
    if truth.findings:
        strongest = truth.findings[0]
        policy, shown = strongest.policy, {"rule": strongest.rule, "is": "fires"}
    else:
        policy, shown = min(judge.verifier.inputs), {"is": "quiet"}
    fired = sorted(f.rule for f in truth.findings if f.policy == policy)
    told = {"events": incident["events"], "context": incident["context"]}
    expect = {"action": truth.outcome, "fired": fired}
    return policy, {"name": name, **shown, "input": told, "expect": expect}


def render_cases(
    incidents: Iterable[tuple[str, Mapping[str, Any]]], judge: Judge
) -> dict[str, str]:
    """The texts of cases files, by policy, from incidents with their names."""
    files: dict[str, list[dict[str, Any]]] = {}
    for name, incident in incidents:
        policy, example = case_of(incident, name, judge)
        files.setdefault(policy, []).append(example)
    return {policy: _render(policy, files[policy]) for policy in sorted(files)}


def _render(policy: str, examples: list[dict[str, Any]]) -> str:
    file = {"cases": policy, "examples": examples}
    return _HEADER + yaml.safe_dump(file, sort_keys=False, width=88, allow_unicode=True)
