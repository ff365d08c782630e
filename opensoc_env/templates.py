"""Values with slots such as `${victim.name}` become functions that fill them.

A slot names a fact, or a field of one, and nothing is evaluated. What is filled is the
caller's own: nothing in it is shared with the template or with a fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from opensoc_engine.errors import OpenSocError

SLOT = re.compile(r"\$\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}")

# Gives a value for the names of facts; `_SlotError` if one of them is missing.
_Filler: TypeAlias = Callable[[Mapping[str, Any]], Any]


class ScenarioError(OpenSocError):
    """A scenario file that can't be used; the text names the place and the remedy."""


class _SlotError(Exception):
    """A slot that names nothing."""


class Template:
    """A value that is filled again and again; it is not looked at again each time."""

    __slots__ = ("_filler", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._filler = _filler(value)

    def fill(self, names: Mapping[str, Any], place: str) -> Any:
        """The value with its slots filled; one that is all of a text keeps its type.

        Raises:
            ScenarioError: A slot names nothing.
        """
        if self._filler is None:
            return self._value
        try:
            return self._filler(names)
        except _SlotError as slot:
            text = f"{place}: no value for the slot `${{{slot}}}`"
            raise ScenarioError(text) from None


def fill(value: Any, names: Mapping[str, Any], place: str) -> Any:
    """A value that is filled once, see `Template.fill`.

    Raises:
        ScenarioError: A slot names nothing.
    """
    return Template(value).fill(names, place)


def _filler(value: Any) -> _Filler | None:
    """What fills a value; None for one that always stays as it is."""
    if isinstance(value, str):
        return _of_text(value) if "$" in value else None
    if isinstance(value, list):
        return _of_list(value)
    return _of_object(value) if isinstance(value, dict) else None


def _of_list(values: list[Any]) -> _Filler:
    parts = [(value, _filler(value)) for value in values]
    return lambda names: [value if f is None else f(names) for value, f in parts]


def _of_object(values: dict[str, Any]) -> _Filler:
    found = ((key, _filler(value)) for key, value in values.items())
    parts = [(key, filler) for key, filler in found if filler is not None]

    def filled(names: Mapping[str, Any]) -> dict[str, Any]:
        own = values.copy()
        for key, filler in parts:
            own[key] = filler(names)
        return own

    return filled


# The same few texts come again in every scene.
@lru_cache(maxsize=4096)
def _of_text(text: str) -> _Filler | None:
    if whole := SLOT.fullmatch(text):
        look_up = _look_up(whole[1])
        return lambda names: _own(look_up(names))
    first, *rest = SLOT.split(text)
    shape = "%s".join(part.replace("%", "%%") for part in (first, *rest[1::2]))
    parts = list(map(_look_up, rest[::2]))
    return (lambda names: shape % tuple([p(names) for p in parts])) if parts else None


def _look_up(path: str) -> _Filler:
    """What finds the value at a path of names."""
    first, *rest = path.split(".")

    def found(names: Mapping[str, Any]) -> Any:
        try:
            value = names[first]
            for name in rest:
                value = value[name]
        except (KeyError, TypeError):
            raise _SlotError(path) from None
        return value

    return found


def _own(value: Any) -> Any:
    """A copy of a JSON value that shares nothing which could be changed."""
    if isinstance(value, dict):
        return {key: _own(part) for key, part in value.items()}
    return [_own(part) for part in value] if isinstance(value, list) else value
