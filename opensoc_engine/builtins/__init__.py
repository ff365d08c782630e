"""The builtins of policies: one table with a row each, in OPA's names and semantics.

What the checker lets pass never raises: an implementation takes any values of its
types, and gives None exactly where its signature is partial and there is no value.
Texts, arrays and numbers are bounded: what would be larger is cut at the limit, so no
chain of helpers can fill the memory. Sets of sets do not exist, hence no `union` and no
`intersection`: `|` and `&` say the same.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from opensoc_engine.builtins import (
    collection_rows,
    encoding_rows,
    measure_rows,
    network_rows,
    number_rows,
    pattern_rows,
    string_rows,
)
from opensoc_engine.builtins.overloads import resolve
from opensoc_engine.builtins.rows import Builtin, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUILTINS", "Builtin", "Signature", "resolve"]

# The documents show the rows in this order.
_THEMES = (
    number_rows,
    collection_rows,
    string_rows,
    pattern_rows,
    network_rows,
    measure_rows,
    encoding_rows,
)
BUILTINS: Mapping[str, Builtin] = {
    row.name: row for row in chain.from_iterable(theme.ROWS for theme in _THEMES)
}
