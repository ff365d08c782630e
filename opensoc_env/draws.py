"""Names of facts become random streams: the same name gives the same draws, always.

Each fact of an incident is drawn from a stream of its own. So changing one fact, or
adding one, leaves every other as it was: that is what makes flip pairs possible. The
seed of a stream is a SHA-256 of its name, never `hash()`, so runs and machines agree.
"""

from __future__ import annotations

import hashlib
import json
from random import Random


def stream(*name: str | int) -> Random:
    """The stream of draws that belongs to a name."""
    return Random(int(fingerprint(*name), 16))  # noqa: S311 - nothing secret is drawn


def fingerprint(*name: str | int) -> str:
    """A SHA-256 of the parts of a name, in hex; parts can't run into each other."""
    return hashlib.sha256(json.dumps(name).encode()).hexdigest()
