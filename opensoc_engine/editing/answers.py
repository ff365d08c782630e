"""What an editor gets: plain data with places as offsets and spans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.source import Span


@dataclass(frozen=True, slots=True)
class Hover:
    """What is to be known about the text of a span, as Markdown."""

    text: str
    span: Span


class ItemKind(Enum):
    """What a suggestion is."""

    FIELD = auto()
    FUNCTION = auto()
    HELPER = auto()
    VARIABLE = auto()
    KEYWORD = auto()
    KEY = auto()
    VALUE = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True)
class Item:
    """A suggestion; `insert` replaces the word that is being written."""

    label: str
    kind: ItemKind
    detail: str = ""
    text: str = ""
    insert: str = ""

    @property
    def written(self) -> str:
        """What is inserted: the label unless something else is said."""
        return self.insert or self.label


@dataclass(frozen=True, slots=True)
class Completions:
    """Suggestions for the word from `start` up to, not including, `end`."""

    items: tuple[Item, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that removes a diagnostic."""

    title: str
    span: Span
    text: str
    cause: Diagnostic
