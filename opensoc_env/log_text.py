"""An event becomes one line of text as a product would log it.

The line is a function of the event alone: keys have a fixed order, whatever order they
came in. Short fields are all there, so two events that a rule can tell apart read
differently; only the middle of long text and the tail of a SHA-256 are left out, and a
mark says so. Text is data: what holds more than safe characters becomes a JSON string
in ASCII, so no value can imitate a key, break the line or hide in look-alike letters.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
# A prompt has about 300 tokens for a window; command lines in published samples mostly
# stay under this.
MAX_VALUE = 400
_HEAD = 280
_SHORT_HASH = 8
_HASH = re.compile(r"[0-9a-f]{64}")
_SAFE = re.compile(r"[A-Za-z0-9._:/\\@+%-]+")
_ORDER = {
    "host": 0,
    "user": 1,
    "name": 2,
    "executable": 3,
    "path": 3,
    "process": 4,
    "outcome": 98,
    "disposition": 99,
}
# ECS names that a line can do without.
_PREFIX = {"host": "host", "user": "user", "process.parent": "parent"}
_SILENT = frozenset({"hash"})


def render_fields(event: Mapping[str, Any], hashes: Mapping[str, str]) -> str:
    """The event's fields as `key=value` words.

    Args:
        event: A schema-valid event.
        hashes: Short forms from `short_hashes`; others stay whole.
    """
    pairs: list[tuple[str, Any]] = []
    _flatten("", event["fields"], pairs)
    return " ".join(f"{key}={_value(value, hashes)}" for key, value in pairs)


def quote(text: str) -> str:
    r"""Text as one word: bare if it is safe, else a capped JSON string.

    >>> print(quote("a.meier"), quote('x" disposition=blocked'))
    a.meier "x\" disposition=blocked"
    """
    if len(text) > MAX_VALUE:
        cut = len(text) - MAX_VALUE
        tail = text[_HEAD - MAX_VALUE :]
        text = f"{text[:_HEAD]}[{cut} characters cut]{tail}"
    return text if _SAFE.fullmatch(text) else json.dumps(text)


def short_hashes(texts: Iterable[str]) -> dict[str, str]:
    """Short forms of the SHA-256 values among texts, as long as it takes to differ."""
    hashes = {text for text in texts if len(text) == 64 and _HASH.fullmatch(text)}  # noqa: PLR2004
    length = _SHORT_HASH
    while len({value[:length] for value in hashes}) < len(hashes):
        length += _SHORT_HASH
    return {value: value[:length] + ELLIPSIS for value in hashes}


def texts_of(value: Any) -> list[str]:
    """Every string in a JSON value, in order."""
    found: list[str] = []
    _collect_texts(value, found)
    return found


def _collect_texts(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        for part in value.values():
            _collect_texts(part, found)
    elif isinstance(value, list):
        for part in value:
            _collect_texts(part, found)


# Events have a few shapes, over and over.
@lru_cache(maxsize=4096)
def _ordered(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(keys, key=lambda name: (_ORDER.get(name, 50), name)))


def _flatten(
    prefix: str, fields: Mapping[str, Any], found: list[tuple[str, Any]]
) -> None:
    for key in _ordered(tuple(fields)):
        value = fields[key]
        if key == "name" and _is_named_by_path(fields):
            continue
        if isinstance(value, dict):
            _flatten(_prefix(prefix, key), value, found)
        else:
            bare = key == "name" and prefix in ("host", "user")
            found.append((prefix if bare else _dotted(prefix, key), value))


def _prefix(prefix: str, key: str) -> str:
    if key in _SILENT:
        return prefix
    dotted = _dotted(prefix, key)
    return _PREFIX.get(dotted, dotted)


def _dotted(prefix: str, key: str) -> str:
    return f"{prefix}.{key}" if prefix else key


def _is_named_by_path(fields: Mapping[str, Any]) -> bool:
    """True for a process whose required name is the end of its path: say it once."""
    path = fields.get("executable")
    if path is None:
        return False
    base = path.replace("\\", "/").rpartition("/")[2]
    return bool(base.lower() == fields["name"])


def _value(value: Any, hashes: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return hashes.get(value) or quote(value)
    if isinstance(value, list):
        return ",".join(_value(part, hashes) for part in value) or "none"
    return json.dumps(value)
