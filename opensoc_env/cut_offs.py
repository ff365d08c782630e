"""Thresholds become lines of the defender's view, so that nobody has to guess them.

A verdict may turn on one event more or less. Whoever answers is told where, if the
window has such events; which lines are shown depends on the kinds and fields of events
and on facts of the estate alone, never on a verdict. Amounts that are not shown are
kept away from their cut-offs by `rules/plausibility/margin.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine import data_root
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import read_source
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_env.scenario import fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FILE = Path(__file__).with_suffix(".yaml")
THRESHOLDS = Path("rules", "lists", "thresholds.yaml")


@dataclass(frozen=True, slots=True)
class CutOff:
    """A line about thresholds, and what it is shown beside.

    Attributes:
        event: A kind of event, or empty.
        has: A field of it in dots, or empty.
        least: How many of them there must be: a count far below its cut-off needs none.
        fact: Words of a fact of the estate, or empty.
    """

    text: str
    event: str = ""
    has: str = ""
    least: int = 1
    fact: str = ""


def cut_offs_for(
    events: Sequence[Mapping[str, Any]], facts: Sequence[str]
) -> list[str]:
    """The lines that concern a window and the facts beside it, in the file's order."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        kinds.setdefault(event["event_type"], []).append(event["fields"])
    return [
        line.text
        for line in load_cut_offs()
        if (line.fact and any(line.fact in fact for fact in facts))
        or _count(kinds.get(line.event, ()), line.has) >= line.least
    ]


@cache
def load_cut_offs() -> tuple[CutOff, ...]:
    """The shipped lines with the shipped thresholds in them."""
    numbers = read_plain(data_root() / THRESHOLDS)["values"]
    lines = fill(read_plain(FILE)["shown"], numbers, FILE.name)
    return tuple(CutOff(**line) for line in lines)


def read_plain(path: Path) -> dict[str, Any]:
    """The plain values of a shipped YAML file."""
    collector = DiagnosticCollector()
    source = read_source(path, collector)
    node = source and read_yaml(source, collector)
    assert node, f"{path} is shipped and readable"
    return dict(to_plain(node))


def _count(found: Iterable[Mapping[str, Any]], path: str) -> int:
    return sum(_has(fields, path) for fields in found)


def _has(fields: Mapping[str, Any], path: str) -> bool:
    node: Any = fields
    for name in filter(None, path.split(".")):
        node = node.get(name) if isinstance(node, dict) else None
    return node is not None
