"""Advice about misspelt names: the nearest known one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 80
_CUTOFF = 0.6


def suggest(name: str, known: Iterable[str]) -> str | None:
    """A help line with the known name that looks most like `name`."""
    close = get_close_matches(name[:_LONGEST], sorted(known), n=1, cutoff=_CUTOFF)
    return f"did you mean `{close[0]}`?" if close else None
