"""Thresholds become lines of the defender's view, so that nobody has to guess them.

A verdict may turn on one event more or less. Whoever answers is told where, if the
window has such events; which lines are shown depends on the kinds and fields of events
and on facts of the estate alone, never on a verdict. Amounts that are not shown are
kept away from their cut-offs by `rules/plausibility/margin.yaml`.

The texts ship beside this module. The numbers in them are those of the rules that give
the verdict: the list `thresholds` of their own folder. A line with a number that this
list lacks is left out, as such rules can't compare with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import read_source
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opensoc_engine import PolicySet

FILE = Path(__file__).with_suffix(".yaml")
THRESHOLDS = "thresholds"
"""The list of a rules folder that its rules take their numbers from."""
_KEPT = 16


@dataclass(frozen=True, slots=True)
class CutOff:
    """A line about thresholds, and what it is shown beside.

    Attributes:
        text: The line; in a template it has slots such as `${scan.min_ports}`.
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
    cut_offs: Iterable[CutOff],
    events: Sequence[Mapping[str, Any]],
    facts: Sequence[str],
) -> list[str]:
    """The lines that concern a window and the facts beside it, in their order."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        kinds.setdefault(event["event_type"], []).append(event["fields"])
    return [
        line.text
        for line in cut_offs
        if (line.fact and any(line.fact in fact for fact in facts))
        or _count(kinds.get(line.event, ()), line.has) >= line.least
    ]


@lru_cache(maxsize=_KEPT)
def cut_offs_of(verifier: PolicySet) -> tuple[CutOff, ...]:
    """The lines with the numbers that a verifier compares with, in the file's order."""
    numbers = dict(_numbers("", verifier.lists.get(THRESHOLDS)))
    return tuple(
        line for template in _templates() for line in _filled(template, numbers)
    )


@cache
def _templates() -> tuple[CutOff, ...]:
    return tuple(CutOff(**line) for line in read_plain(FILE)["shown"])


class _Text(Template):
    """A text with slots in braces, which are names in dots."""

    braceidpattern = r"[a-z][a-z_.]*"


def _filled(template: CutOff, numbers: Mapping[str, str]) -> Iterator[CutOff]:
    """The line with its numbers, if there are all of them."""
    try:
        text = _Text(template.text).substitute(numbers)
    except KeyError:
        return
    yield replace(template, text=text)


def _numbers(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """The numbers in a list as texts, by their names in dots."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _numbers(f"{path}.{name}" if path else name, part)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        yield path, str(value)


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
