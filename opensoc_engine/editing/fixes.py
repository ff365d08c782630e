"""Changes that an editor can make for its user: what a diagnostic says was meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opensoc_engine.editing.answers import Fix
from opensoc_engine.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opensoc_engine.diagnostics import Diagnostic

_MEANT = re.compile(r"did you mean `([^`\n]+)`\?")
_QUOTES = "\"'`"


def fixes(found: Iterable[Diagnostic]) -> Iterator[Fix]:
    """The word that was meant, for each diagnostic that knows it.

    Only a place that holds nothing but the wrong word is changed; quotes stay.
    """
    for item in found:
        meant = _MEANT.search(item.help or "")
        span = item.label.span
        if meant is None:
            continue
        word, quote = _unquoted(span.text)
        if word and suggest(word, (meant[1],)) is not None and "\n" not in word:
            text = f"{quote}{meant[1]}{quote}"
            yield Fix(f"Change to `{meant[1]}`", span, text, item)


def _unquoted(text: str) -> tuple[str, str]:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return (text[1:-1], text[0]) if is_quoted else (text, "")
