"""Elements of an array become more of the same: new ids, a little later each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.explanation.paths import Path
    from opensoc_engine.explanation.world import World

# More of the same than this is no small change.
MAX_COPIES = 64
_MINUTE = timedelta(minutes=1)


def copies(world: World, path: Path, more: int) -> Iterator[tuple[Any, ...]]:
    """Groups of copies of an element: at the pace of the last two, then at once."""
    siblings, element, kind = world.siblings(path)
    if kind is None or not isinstance(element, dict) or not 0 < more <= MAX_COPIES:
        return
    clock = _clock(kind)
    for pace in _paces(siblings, clock):
        yield tuple(
            _copy(element, kind.identity, clock, pace * (number + 1), siblings, number)
            for number in range(more)
        )
