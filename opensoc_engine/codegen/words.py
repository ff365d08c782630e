"""Words that are looked for in one text are grouped by parts that they share.

Most texts lack the part, so one search stands for several. A part is long, or has a
character that few texts have.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONG = 4
_RARE = frozenset("%$@|\"'`{}<>=;&^~!?*")
# These bound the time to compile: more words stay as they are, and of a longer word
# only the beginning is looked at.
_MAX_WORDS, _MAX_WORD = 64, 32


def grouped(words: Iterable[str]) -> dict[str, list[str]]:
    """Each word under a part of it that others share, or under itself."""
    left = list(dict.fromkeys(words))
    found: dict[str, list[str]] = {}
    while len(left) <= _MAX_WORDS:
        part = _shared(left)
        if part is None:
            break
        found[part] = [word for word in left if part in word]
        left = [word for word in left if part not in word]
    return found | {word: [word] for word in left}


def _shared(words: list[str]) -> str | None:
    """The part that most words share, the longest of those; None if none is shared."""
    counts = Counter(part for word in words for part in _parts(word[:_MAX_WORD]))
    best = max(counts, key=lambda part: (counts[part], len(part), part), default=None)
    return best if best is not None and counts[best] > 1 else None


def _parts(word: str) -> set[str]:
    """The parts of a word that are worth a search of their own."""
    ends = range(len(word) + 1)
    parts = {word[a:b] for a in ends for b in ends[a + 1 :]}
    return {part for part in parts if len(part) >= _LONG or _is_rare(part)}


def _is_rare(part: str) -> bool:
    is_doubled = len(part) > 1 and len(set(part)) == 1 and not part.isalnum()
    return bool(_RARE.intersection(part)) or is_doubled
