"""Policies from texts, for programs that keep them elsewhere than in files.

The texts are named as files would be: `set.yaml`, `<slug>.yaml`, `lists/<name>.yaml`
and `schemas/<name>.schema.json`. The schemas that ship with OpenSOC are always there.
No file of the caller is read.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from opensoc_engine.compiler import compile_set
from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector, diagnose
from opensoc_engine.errors import InputError, PolicyError
from opensoc_engine.loader import load_policy_set
from opensoc_engine.policy.parser import (
    parse_cases,
    parse_list,
    parse_manifest,
    parse_policy,
)
from opensoc_engine.policy.schema_validator import SchemaStore, validate_instance
from opensoc_engine.render import render_text
from opensoc_engine.resources import data_root
from opensoc_engine.schema_store import default_store
from opensoc_engine.set_files import CASES_SUFFIX, MANIFEST
from opensoc_engine.source import MAX_BYTES, Source, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.decision import PolicySet
    from opensoc_engine.policy.model import ListFile, Policy
    from opensoc_engine.policy.schema_validator import Problem

_POLICY = re.compile(r"[A-Za-z0-9._-]{1,80}\.yaml")
_LIST = re.compile(r"lists/[A-Za-z0-9._-]{1,80}\.yaml")
_SCHEMA = re.compile(r"schemas/([A-Za-z0-9._-]{1,80}\.schema\.json)")


def compile_policies(files: Mapping[str, str]) -> PolicySet:
    """The compiled policy set that texts say, by the names of their files.

    Raises:
        InputError: A name is not one of a policy set, or a schema is not JSON.
        PolicyError: Something does not compile; its text names every place.
    """
    for name, text in files.items():
        _check_name(name, text)
    store = SchemaStore({**default_store().documents, **_schemas(files)})
    collector = DiagnosticCollector()
    compiled = _compiled(files, store, collector)
    if compiled is None or collector.has_errors:
        found = collector.sorted()
        raise PolicyError(found, render_text(found))
    return compiled


def load_shipped(name: str) -> PolicySet:
    """A policy set that ships with OpenSOC: `verifier`, `plausibility` or `rubric`.

    Raises:
        InputError: There is no such set.
    """
    rules = data_root() / "rules"
    known = sorted(path.parent.name for path in rules.glob(f"*/{MANIFEST}"))
    if name not in known:
        raise InputError(f"there is no set `{name}`; there are {', '.join(known)}")
    return load_policy_set(rules / name)


def problems_of(
    document: Any, schema_name: str, files: Mapping[str, str]
) -> list[Problem]:
    """What is wrong with an input; the schemas are those of `compile_policies`.

    Args:
        document: JSON values.
        schema_name: What the set's manifest says under `input`.
        files: Texts by file name, of which only schemas are read.
    """
    store = SchemaStore({**default_store().documents, **_schemas(files)})
    return validate_instance(document, schema_name, store)


def _check_name(name: str, text: object) -> None:
    kinds = (_POLICY, _LIST, _SCHEMA)
    if not any(kind.fullmatch(name) for kind in kinds):
        raise InputError(
            f"`{name}` is no file of a policy set: use `set.yaml`, `<slug>.yaml`, "
            "`lists/<name>.yaml` or `schemas/<name>.schema.json`"
        )
    if not isinstance(text, str):
        raise InputError(f"`{name}` is {type(text).__name__}, not text")


def _schemas(files: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, text in files.items():
        match = _SCHEMA.fullmatch(name)
        if match is not None:
            found[match[1]] = _schema(name, text)
    return found


def _schema(name: str, text: str) -> Any:
    if len(text) > MAX_BYTES:
        raise InputError(f"`{name}` is larger than {MAX_BYTES} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"`{name}` is not JSON: {error}") from None


def _compiled(
    files: Mapping[str, str], store: SchemaStore, collector: DiagnosticCollector
) -> PolicySet | None:
    lists: dict[str, ListFile] = {}
    policies: list[Policy] = []
    for name, text in sorted(files.items()):
        source = Source(name, text)
        if name.endswith(CASES_SUFFIX):
            parse_cases(source, store, collector)
        elif _LIST.fullmatch(name):
            table = parse_list(source, store, collector)
            lists |= {} if table is None else {table.name.text: table}
        elif _POLICY.fullmatch(name) and name != MANIFEST:
            policy = parse_policy(source, store, collector)
            policies += [] if policy is None else [policy]
    if MANIFEST not in files:
        collector.add(_missing())
        return None
    manifest = parse_manifest(Source(MANIFEST, files[MANIFEST]), store, collector)
    if manifest is None:
        return None
    return compile_set(manifest, policies, lists, store, collector)


def _missing() -> Diagnostic:
    nowhere = Span(Source(MANIFEST, ""), 0, 0)
    advice = "add a manifest: see the ones in `rules/`"
    return diagnose("E606", nowhere, help=advice, folder="the texts")
