"""One seeded workload: incidents of all tasks with 1 to 12 events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_env.generator import generate
from opensoc_env.models import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENTS = 12


def incidents(number: int, seed: int) -> Iterator[dict[str, Any]]:
    """That many incidents, always the same ones; longer ones are left out."""
    index = found = 0
    while found < number:
        incident = generate(TASKS[index % len(TASKS)], seed, index)
        index += 1
        if len(incident["events"]) <= MAX_EVENTS:
            found += 1
            yield incident
