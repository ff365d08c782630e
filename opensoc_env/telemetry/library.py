"""The mapping files that ship with OpenSOC, read and compiled once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.schema_validator import validate_node
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
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
    return read_mapping(path.read_text("utf-8"), path.name)


def read_mapping(text: str, file_name: str) -> Mapping:
    """The mapping of a YAML text.

    Raises:
        MappingError: The text is no YAML, does not fit the schema of mapping files, or
            names what does not exist.
    """
    collector = DiagnosticCollector()
    node = read_yaml(Source(file_name, text), collector)
    if node is not None and validate_node(
        node, MAPPING_SCHEMA, default_store(), collector
    ):
        return compile_mapping(to_plain(node), Path(file_name).stem)
    faults = (f"{_place(found)}: {found.message}" for found in collector.sorted())
    raise MappingError("\n".join(faults))


def _place(found: Diagnostic) -> str:
    span = found.label.span
    return f"{span.source.name}:{span.begin.line}"
