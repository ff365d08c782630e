"""Answers that are kept for as long as their question may come again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class Memo:
    """Keeps the values that were asked for last; safe to ask from several threads.

    Attributes:
        limit: How many values are kept.
    """

    limit: int
    _known: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable, make: Callable[[], ValueT]) -> ValueT:
        """The value of a key, made if it is not known.

        Args:
            key: Says all that the value depends on.
            make: Makes it; two threads may both do so, and either value counts.
        """
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                known: ValueT = self._known[key]
                return known
        value = make()
        with self._lock:
            self._known[key] = value
            while len(self._known) > self.limit:
                self._known.popitem(last=False)
        return value
