"""The mapping files that ship with OpenSOC, read and compiled once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine import set_cache
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.resources import data_root
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import Source
from opensoc_env.telemetry.mapping import Mapping, MappingError, compile_mapping

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import Diagnostic

MAPPING_SCHEMA = "mapping.schema.json"
_FOLDER = Path(__file__).parent / "mappings"


def mapping_names() -> tuple[str, ...]:
    """The names of the mappings, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def load_mapping(name: str) -> Mapping:
    """The mapping of a name in `mapping_names()`.

    Raises:
        MappingError: Its file can't be used.
    """
    path = _FOLDER / f"{name}.yaml"
    text = path.read_text("utf-8")
    schema = (data_root() / "schemas" / MAPPING_SCHEMA).read_bytes()
    key = set_cache.key_of("mapping", {path.name: text.encode(), "schema": schema})
    values = set_cache.read(key)
    if values is None:
        values = _values(text, path.name)
        set_cache.write(key, values)
    return compile_mapping(values, name)


def read_mapping(text: str, file_name: str) -> Mapping:
    """The mapping of a YAML text.

    Raises:
        MappingError: The text is no YAML, does not fit the schema of mapping files, or
            names what does not exist.
    """
    return compile_mapping(_values(text, file_name), Path(file_name).stem)


def _values(text: str, file_name: str) -> Any:
    """The values of a YAML text that fits the schema of mapping files."""
    # Slow to import, and seldom needed.
    from opensoc_engine.policy.schema_validator import validate_node  # noqa: PLC0415
    from opensoc_engine.policy.yaml_reader import (  # noqa: PLC0415
        read_yaml,
        to_plain,
    )

    collector = DiagnosticCollector()
    node = read_yaml(Source(file_name, text), collector)
    if node is not None and validate_node(
        node, MAPPING_SCHEMA, default_store(), collector
    ):
        return to_plain(node)
    faults = (f"{_place(found)}: {found.message}" for found in collector.sorted())
    raise MappingError("\n".join(faults))


def _place(found: Diagnostic) -> str:
    span = found.label.span
    return f"{span.source.name}:{span.begin.line}"
