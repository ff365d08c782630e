"""Coverage-guided fuzzing of what reads hostile input: `make fuzz-atheris`.

    python tests/fuzz/fuzz.py policy|incident|rego CORPUS [options of libFuzzer]

CORPUS is a folder that is filled with shipped files first and then grows. Whatever is
refused with a message is fine; any other exception is a finding, which is written to a
file that the same command takes instead of the folder.

`policy`: a text is checked as a policy; one that compiles is evaluated. `incident`: a
document that fits its schema is decided, in both ways alike. `rego`: a module is
imported, and what comes out can be read.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import atheris

with atheris.instrument_imports(include=["opensoc_engine", "opensoc_env.incident"]):
    from opensoc_engine import InputError, PolicyError, compile_policies, data_root
    from opensoc_engine.codegen.rego_set import ExportedSet, export
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.importing.importer import import_module
    from opensoc_engine.loader import read_folder
    from opensoc_engine.policy.yaml_reader import read_yaml
    from opensoc_engine.source import Source
    from opensoc_env.incident import IncidentError, normalise_incident

from opensoc_engine.compiler import check_set
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULES = data_root() / "rules"
MANIFEST = """\
set: fuzzed
kind: verifier
version: 1.0.0
input: incident.schema.json
decision: strongest
order: [escalate, quarantine_host, block_ip, monitor]
default: dismiss
forbid: [claim, free_text]
"""
SEEDS = 60


@cache
def lists() -> dict[str, str]:
    """The shipped lists, which policies read."""
    paths = sorted((RULES / "lists").glob("*.yaml"))
    return {f"lists/{path.name}": path.read_text("utf-8") for path in paths}


@cache
def incidents() -> tuple[Any, ...]:
    """A few documents to evaluate."""
    return tuple(normalise_incident(r["incident"]) for r in read_rows(HOLDOUT)[:4])


def try_policy(text: str) -> None:
    """Check a policy, and evaluate it if it compiles."""
    try:
        compiled = compile_policies(
            {"set.yaml": MANIFEST, "fuzzed.yaml": text, **lists()}
        )
    except (PolicyError, InputError):
        return
    for incident in incidents():
        assert compiled.evaluate(incident).outcome == compiled.outcome(incident)


def try_incident(text: str) -> None:
    """Check a document, and decide about it if it fits."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    try:
        incident = normalise_incident(document)
    except IncidentError:
        return
    judge = default_judge()
    assert judge.truth(incident).outcome == judge.verifier.outcome(incident)
    judge.check_plausible(incident)


def try_rego(text: str) -> None:
    """Import a module, and read what comes out."""
    found = DiagnosticCollector()
    written = import_module(Source("m.rego", text), "fuzzed", {"log_id"}, (), found)
    assert (written is None) == found.has_errors
    if written is not None:
        assert read_yaml(Source("p.yaml", written), found) is not None


def shipped_policies() -> Iterator[str]:
    """The verifier's policies, by the name that fuzzed ones have."""
    for path in sorted((RULES / "verifier").glob("*.yaml")):
        if path.name != "set.yaml" and not path.stem.endswith(".cases"):
            text = path.read_text("utf-8")
            yield text.replace(f"policy: {path.stem}\n", "policy: fuzzed\n")


def shipped_incidents() -> Iterator[str]:
    """Incidents of the hold-out."""
    for row in read_rows(HOLDOUT)[:SEEDS]:
        yield json.dumps(row["incident"])


def shipped_modules() -> Iterator[str]:
    """The verifier as Rego."""
    found = DiagnosticCollector()
    folder = read_folder(RULES / "verifier", found)
    assert folder is not None
    checked = check_set(
        folder.manifest, folder.policies, folder.lists, folder.store, found
    )
    programs = tuple(item.checked for item in checked)
    files = export([ExportedSet(folder.manifest, programs, "")], folder.lists)
    yield from (text for name, text in files.items() if name.endswith(".rego"))


TARGETS: dict[str, tuple[Callable[[str], None], Callable[[], Iterator[str]]]] = {
    "policy": (try_policy, shipped_policies),
    "incident": (try_incident, shipped_incidents),
    "rego": (try_rego, shipped_modules),
}


def main(name: str, corpus: str, *options: str) -> None:
    """Fuzz one target."""
    attempt, seeds = TARGETS[name]
    folder = Path(corpus)
    if not folder.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(seeds()):
            (folder / f"seed-{number}").write_text(text, "utf-8")

    def attempt_bytes(data: bytes) -> None:
        attempt(data.decode("utf-8", "replace"))

    atheris.Setup([sys.argv[0], corpus, *options], attempt_bytes)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
