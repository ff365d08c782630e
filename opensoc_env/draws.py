"""Names of facts become random streams: the same name gives the same draws, always.

Each fact of an incident is drawn from a stream of its own. So changing one fact, or
adding one, leaves every other as it was: that is what makes flip pairs possible. The
seed of a stream is a SHA-256 of its name, never `hash()`, so runs and machines agree.
"""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring_ascii
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash


def stream(*name: str | int) -> Random:
    """The stream of draws that belongs to a name."""
    seed = int.from_bytes(_hash(name).digest())
    return Random(seed)  # noqa: S311 - nothing secret is drawn


def fingerprint(*name: str | int) -> str:
    """A SHA-256 of the parts of a name, in hex; parts can't run into each other."""
    return _hash(name).hexdigest()


def _hash(name: tuple[str | int, ...]) -> _Hash:
    """Of the name as `json.dumps` writes it, which takes three times as long."""
    parts = [
        encode_basestring_ascii(part) if isinstance(part, str) else str(part)
        for part in name
    ]
    return hashlib.sha256(f"[{', '.join(parts)}]".encode())
