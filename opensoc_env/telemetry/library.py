"""The mapping files that ship with OpenSOC, loaded once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from opensoc_env.telemetry.mapping import Mapping, compile_mapping

_FOLDER = Path(__file__).parent / "mappings"


def mapping_names() -> tuple[str, ...]:
    """The names of the mappings, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def load_mapping(name: str) -> Mapping:
    path = _FOLDER / f"{name}.yaml"
    return compile_mapping(yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader), path.stem)
