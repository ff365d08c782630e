"""Whole explanations beside their incident; `OPENSOC_REWRITE_GOLDEN=1` rewrites."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from opensoc_cli.explain_text import write
from opensoc_cli.incident_file import read_incident
from opensoc_engine import load_policy_set
from opensoc_engine.explain import explain
from opensoc_env.incident import IncidentError, normalise_incident

FOLDER = Path(__file__).parent / "explain"
INCIDENTS = sorted(path.stem for path in FOLDER.glob("*.json"))


def accept(document: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return normalise_incident(document)
    except IncidentError:
        return None


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_explanation_reads_as_it_always_did(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    policies = load_policy_set(Path("rules/small"))
    found = explain(policies, read_incident(f"{name}.json"), accept)
    text = "\n".join(write(found, is_whole=False, is_single=False)) + "\n"
    path = FOLDER / f"{name}.txt"
    if os.environ.get("OPENSOC_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")

    assert text == path.read_text("utf-8")
