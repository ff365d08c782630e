"""A hunted incident becomes a case, by the policies that ship."""

from __future__ import annotations

from typing import Any

from opensoc_env import case_file
from opensoc_env.judge import default_judge


def case_of(incident: dict[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    """The policy that the incident belongs to, and its example there."""
    return case_file.case_of(incident, name, default_judge())


def render_case(incident: dict[str, Any], name: str) -> str:
    """The text of a cases file with one example."""
    files = case_file.render_cases([(name, incident)], default_judge())
    (text,) = files.values()
    return text
