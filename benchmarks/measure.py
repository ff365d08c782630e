"""Contenders are timed in turn, round by round, so that all see the same machine.

CPU time of this process is counted. A round gives each contender all its incidents
once; reported is the median round.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that labels incidents.

    Attributes:
        takes: What it is handed: `dict`, `struct`, `JSON`, or its own `parsed` form.
        prepare: Turns an incident into that; it is not timed.
        label: The action for what was prepared.
        share: How many incidents it is timed on, as a part of all: slow ones get fewer.
    """

    name: str
    takes: str
    prepare: Callable[[Mapping[str, Any]], Any]
    label: Callable[[Any], str]
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """What came of a contender.

    Attributes:
        microseconds: For one incident, in the median round.
        wrong: Incidents whose label is not the expected one.
    """

    contender: Contender
    microseconds: float
    incidents: int
    wrong: int


def measure(
    contenders: Sequence[Contender],
    incidents: Sequence[Mapping[str, Any]],
    expected: Sequence[str],
    rounds: int,
) -> list[Timing]:
    """Every contender, checked label by label, then timed in interleaved rounds."""
    inputs = [_inputs(contender, incidents) for contender in contenders]
    wrong = [
        sum(c.label(x) != label for x, label in zip(given, expected, strict=False))
        for c, given in zip(contenders, inputs, strict=True)
    ]
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, given, found in zip(contenders, inputs, times, strict=True):
            found.append(_round(contender.label, given))
    return [
        Timing(c, median(found) / len(given) * 1e6, len(given), bad)
        for c, given, found, bad in zip(contenders, inputs, times, wrong, strict=True)
    ]


def _inputs(contender: Contender, incidents: Sequence[Mapping[str, Any]]) -> list[Any]:
    number = max(1, round(len(incidents) * contender.share))
    return [contender.prepare(incident) for incident in incidents[:number]]


def _round(label: Callable[[Any], str], inputs: Sequence[Any]) -> float:
    gc.collect()
    gc.disable()
    begin = time.process_time()
    for given in inputs:
        label(given)
    found = time.process_time() - begin
    gc.enable()
    return found
