"""`opensoc explain INCIDENT`: why this verdict, and what would change it?"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from opensoc_engine import PolicySet


class Form(StrEnum):
    """How the explanation is written."""

    TEXT = "text"
    JSON = "json"


class Kind(StrEnum):
    """Which policies are asked."""

    VERIFIER = "verifier"
    PLAUSIBILITY = "plausibility"


def run(
    incident: Annotated[
        str,
        typer.Argument(
            metavar="INCIDENT",
            help="A JSON file, a line of a JSONL file (`FILE:3`), or `-` for stdin; "
            "a row of a data set will do.",
        ),
    ],
    kind: Annotated[
        Kind, typer.Option("--set", help="Which policies to ask.")
    ] = Kind.VERIFIER,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Explain this rule alone.")
    ] = None,
    *,
    flips: Annotated[
        bool,
        typer.Option(
            "--flips/--no-flips", help="Look for the fewest facts that flip a rule."
        ),
    ] = True,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every rule and every line.")
    ] = False,
    form: Annotated[
        Form, typer.Option("--format", help="How to write the explanation.")
    ] = Form.TEXT,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="A rules folder; `rules` here, or the shipped one, if absent."
        ),
    ] = None,
) -> None:
    """Explain a verdict: rules that fired, the nearest that did not, and why."""
    from opensoc_cli.explain_text import write
    from opensoc_cli.incident_file import read_incident
    from opensoc_engine.explain import explain

    document = read_incident(incident)
    policies = _policies(rules or reporting.default_rules(), kind)
    if rule is not None:
        _require(policies, rule)
    found = explain(policies, document, _accept, rule=rule, flips=flips)
    if form is Form.JSON:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        _echo(write(found, is_whole=everything, is_single=rule is not None))


def _echo(lines: list[str]) -> None:
    """Write lines; what the terminal's code lacks is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        typer.echo(line.encode(encoding, "backslashreplace").decode(encoding))


def _accept(document: dict[str, Any]) -> dict[str, Any] | None:
    from opensoc_env.incident import IncidentError, normalise_incident

    try:
        return normalise_incident(document)
    except IncidentError:
        return None


def _policies(root: Path, kind: Kind) -> PolicySet:
    from opensoc_engine import OpenSocError, load_policy_set

    try:
        return load_policy_set(root / kind.value)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None


def _require(policies: PolicySet, rule: str) -> None:
    from opensoc_engine import InputError
    from opensoc_engine.suggestions import suggest

    try:
        policies.rule(rule)
    except InputError as error:
        raise reporting.stop(str(error), suggest(rule, policies.rules) or "") from None
