"""The JSON Schemas that ship with OpenSOC, read once, and documents checked by them."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InputError
from opensoc_engine.policy.schema_validator import (
    Problem,
    SchemaStore,
    validate_instance,
)
from opensoc_engine.resources import data_root

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".schema.json"


def load_store(*folders: Path) -> SchemaStore:
    """The schemas of some folders, by file name; a later folder wins.

    Files are read each time, so that a schema that was edited counts at once.

    Raises:
        InputError: A file is not JSON.
    """
    paths = (p for folder in folders for p in sorted(folder.glob(f"*{SUFFIX}")))
    return _parsed(tuple((str(path), path.read_text("utf-8")) for path in paths))


@lru_cache(maxsize=8)
def _parsed(files: tuple[tuple[str, str], ...]) -> SchemaStore:
    documents = {}
    for name, text in files:
        try:
            documents[PurePath(name).name] = json.loads(text)
        except ValueError as error:
            raise InputError(f"{name}: not JSON: {error}") from None
    return SchemaStore(documents)


@cache
def default_store() -> SchemaStore:
    """The schemas that ship with OpenSOC, read once; tests say that they are sound."""
    documents = load_store(data_root() / "schemas").documents
    return SchemaStore(documents, frozenset(documents))


def validate_document(schema_name: str, document: Any) -> list[Problem]:
    """What is wrong with a document, at most 50 problems; empty if it is valid.

    Args:
        schema_name: A file of `schemas/`, such as `incident.schema.json`.
        document: JSON values.
    """
    return validate_instance(document, schema_name, default_store())
