"""The JSON Schemas that ship with OpenSOC, read once, and documents checked by them."""

from __future__ import annotations

import json
from functools import cache
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


@cache
def load_store(*folders: Path) -> SchemaStore:
    """The schemas of some folders, by file name; a later folder wins.

    Raises:
        InputError: A file is not JSON.
    """
    documents = {}
    for path in (p for folder in folders for p in sorted(folder.glob(f"*{SUFFIX}"))):
        try:
            documents[path.name] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: not JSON: {error}") from None
    return SchemaStore(documents)


def default_store() -> SchemaStore:
    """The schemas that ship with OpenSOC."""
    return load_store(data_root() / "schemas")


def validate_document(schema_name: str, document: Any) -> list[Problem]:
    """What is wrong with a document, at most 50 problems; empty if it is valid.

    Args:
        schema_name: A file of `schemas/`, such as `incident.schema.json`.
        document: JSON values.
    """
    return validate_instance(document, schema_name, default_store())
