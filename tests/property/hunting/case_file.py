"""An incident becomes a case that can be pasted into a `.cases.yaml` file."""

from __future__ import annotations

from typing import Any

import yaml

from opensoc_env.judge import default_judge


def case_of(incident: dict[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    """The policy that the incident belongs to, and its example there.

    The example says what the rules decide today.
    """
    truth = default_judge().truth(incident)
    own = default_judge().verifier.policies[0].slug.text
    policy = truth.findings[0].policy if truth.findings else own
    fired = sorted(f.rule for f in truth.findings if f.policy == policy)
    shown = {"is": "quiet"}
    if truth.findings:
        shown = {"rule": truth.findings[0].rule, "is": "fires"}
    told = {"events": incident["events"], "context": incident["context"]}
    expect = {"action": truth.outcome, "fired": fired}
    return policy, {"name": name, **shown, "input": told, "expect": expect}


def render_case(incident: dict[str, Any], name: str) -> str:
    """The text of a cases file with one example."""
    policy, example = case_of(incident, name)
    file = {"cases": policy, "examples": [example]}
    return yaml.safe_dump(file, sort_keys=False, width=88, allow_unicode=True)
