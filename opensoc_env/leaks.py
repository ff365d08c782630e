"""Incidents lose their names, and what is then alike in two data sets is a leak.

The normal form of an incident is what a defender may see of it, without ids and times,
and with machines, accounts, addresses, domains and hashes numbered in order of
appearance: two incidents of one form are the same to a reader who does not mind names.
How near two others are is the Jaccard index of their single facts with names left out.
The work is one comparison for each pair of rows, so sets are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InputError
from opensoc_env.context import mentions_of, window_facts
from opensoc_env.draws import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

NEAR = 0.9
"""From this Jaccard index on, two incidents are near-duplicates."""

MAX_ROWS = 5_000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z|\b[A-Z]{3}-\d{4}\b")
# What may be a name; a full stop at its end is not part of it.
_TOKEN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._$-]*[A-Za-z0-9$])?")
_COMMON = re.compile(r"[0-9a-f]{64}|\d{1,3}(?:\.\d{1,3}){3}|[a-z0-9.-]+\.example")


@dataclass(frozen=True, slots=True)
class Form:
    """An incident without names.

    Attributes:
        digest: Names the form; the same for two incidents that differ in names alone.
        words: The single facts that hold in it.
    """

    digest: str
    words: frozenset[str]

    def likeness(self, other: Form) -> float:
        """The Jaccard index of the facts of two forms."""
        shared = len(self.words & other.words)
        return shared / (len(self.words) + len(other.words) - shared)


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of one set is in another.

    Attributes:
        rows: Rows of the set.
        same: Those whose form is in the other set.
        near: Those that are near-duplicates of one in the other set.
        middle: The median likeness to the nearest row of the other set.
    """

    rows: int
    same: int
    near: int
    middle: float


def form_of(incident: Mapping[str, Any]) -> Form:
    """The normal form of a normal incident."""
    events, estate = incident["events"], incident["context"]
    rename = _Renamer(item["name"] for item in (*estate["hosts"], *estate["users"]))
    seen = [f"{e['event_type']} {fact}" for e in events for fact in _facts(e["fields"])]
    sentences = window_facts(estate, mentions_of(events), {})
    beside = [_TIME.sub("", sentence) for sentence in sentences]
    numbered = [rename.number(fact) for fact in seen]
    # Their order must not depend on names: those that events do not have come last.
    beside.sort(key=rename.number_known)
    numbered += [rename.number(fact) for fact in beside]
    words = frozenset(rename.blank(fact) for fact in (*seen, *beside))
    return Form(fingerprint(*numbered), words)


def overlap(forms: Sequence[Form], others: Sequence[Form]) -> Overlap:
    """How much of some forms is among others.

    Raises:
        InputError: There are too many to compare each with each.
    """
    if max(len(forms), len(others)) > MAX_ROWS:
        raise InputError(f"at most {MAX_ROWS} rows can be compared with each other")
    known = {form.digest for form in others}
    nearest = sorted(nearest_of(form, others) for form in forms)
    return Overlap(
        rows=len(forms),
        same=sum(form.digest in known for form in forms),
        near=sum(likeness >= NEAR for likeness in nearest),
        middle=nearest[len(nearest) // 2] if nearest else 0.0,
    )


def nearest_of(form: Form, others: Sequence[Form]) -> float:
    """The likeness to the nearest of some forms; 0 if there are none."""
    return max(map(form.likeness, others), default=0.0)


class _Renamer:
    """Replaces names in texts, and numbers them in order of appearance."""

    def __init__(self, named: Iterable[str]) -> None:
        self._named = frozenset(name.lower() for name in named)
        self._numbers: dict[str, int] = {}

    def blank(self, text: str) -> str:
        """The text with the same mark for every name."""
        return self._replace(text, lambda _: "")

    def number(self, text: str) -> str:
        """The text with a number for each name; a new one gets the next."""
        numbers = self._numbers
        return self._replace(text, lambda name: numbers.setdefault(name, len(numbers)))

    def number_known(self, text: str) -> str:
        """The text with the numbers that names have so far."""
        return self._replace(text, lambda name: self._numbers.get(name, ""))

    def _replace(self, text: str, mark: Callable[[str], int | str]) -> str:
        def renamed(found: re.Match[str]) -> str:
            name = found[0].lower()
            is_name = name in self._named or _COMMON.fullmatch(name)
            return f"<{mark(name)}>" if is_name else found[0]

        return _TOKEN.sub(renamed, text)


def _facts(value: Any, path: str = "") -> Iterator[str]:
    """`path=value` for each value inside."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _facts(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _facts(item, path)
    else:
        yield f"{path}={value}"
