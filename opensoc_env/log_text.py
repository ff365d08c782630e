"""An event becomes one line of text as a product would log it, in one of five styles.

A line is a function of the event and the style alone: keys have a fixed order, whatever
order they came in. Short fields are all there, so two events that a rule can tell apart
read differently; only the middle of long text and the tail of a SHA-256 are left out,
and a mark says so. Text is data: each style quotes or escapes what could imitate a key,
break the line or hide in look-alike letters, so every line is ASCII but for that mark.
`split_line` takes a line of any style apart again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_env.draws import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Hashes: TypeAlias = Mapping[str, str]
    Pairs: TypeAlias = list[tuple[str, Any]]

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
    "event": 98,
    "disposition": 99,
}
# ECS names that a line can do without.
_PREFIX = {"host": "host", "user": "user", "process.parent": "parent"}
_SILENT = frozenset({"hash"})
_BRACKET = r"\]"
_QUOTED = r'"(?:[^"\\]|\\.)*"'


@dataclass(frozen=True, slots=True)
class Style:
    """A way to write a line.

    Attributes:
        render: Writes an event's fields.
        opening: What only lines of this style begin with.
        word: A key, the mark after it, and its value, as they stand in a line.
    """

    render: Callable[[Mapping[str, Any], Pairs, Hashes], str]
    opening: re.Pattern[str]
    word: re.Pattern[str]


def render_fields(event: Mapping[str, Any], hashes: Hashes, style: str = "kv") -> str:
    """The event's fields as one line of a style.

    Args:
        event: A schema-valid event.
        hashes: Short forms from `short_hashes`; others stay whole.
        style: A name in `STYLES`.
    """
    pairs: Pairs = []
    _flatten("", event["fields"], pairs)
    return STYLES[style].render(event, pairs, hashes)


def split_line(text: str) -> list[tuple[str, str]]:
    """Key and word, the key and its value as written, of each field in a line.

    >>> split_line('host=ws-1 process.command_line="a b=c"')
    [('host', 'host=ws-1'), ('process.command_line', 'process.command_line="a b=c"')]
    """
    style = next(s for s in STYLES.values() if s.opening.match(text))
    return [(word[1], word[0].strip()) for word in style.word.finditer(text)]


def styles_of(key: str, sensors: Iterable[str]) -> dict[str, str]:
    """The style of each sensor in an episode; never the one that is kept unseen."""
    names = {sensor: stream(key, "style", sensor) for sensor in sensors}
    return {sensor: draw.choice(SEEN_STYLES) for sensor, draw in names.items()}


def quote(text: str) -> str:
    r"""Text as one word: bare if it is safe, else a capped JSON string.

    >>> print(quote("a.meier"), quote('x" disposition=blocked'))
    a.meier "x\" disposition=blocked"
    """
    text = text if len(text) <= MAX_VALUE else _capped(text)
    return text if _SAFE.fullmatch(text) else quoted(text)


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
def _named(prefix: str, keys: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Keys in order, each with its name in a line, and what an object adds to those."""
    ordered = sorted(keys, key=lambda name: (_ORDER.get(name, 50), name))
    return tuple((key, _name(prefix, key), _prefix(prefix, key)) for key in ordered)


def _flatten(prefix: str, fields: Mapping[str, Any], found: Pairs) -> None:
    for key, name, inner in _named(prefix, tuple(fields)):
        value = fields[key]
        if key == "name" and _is_named_by_path(fields):
            continue
        if isinstance(value, dict):
            _flatten(inner, value, found)
        else:
            found.append((name, value))


def _name(prefix: str, key: str) -> str:
    is_bare = key == "name" and prefix in ("host", "user")
    return prefix if is_bare else _dotted(prefix, key)


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


def _capped(text: str) -> str:
    """Long text with its middle left out."""
    cut = len(text) - MAX_VALUE
    return f"{text[:_HEAD]}[{cut} characters cut]{text[_HEAD - MAX_VALUE :]}"


def _bare(value: Any) -> str:
    """A number, true, false or null as JSON has it."""
    return str(value) if value.__class__ is int else json.dumps(value)


def _value(value: Any, hashes: Hashes) -> str:
    """A value as one word: bare where that is safe."""
    if isinstance(value, str):
        return hashes.get(value) or quote(value)
    if isinstance(value, list):
        return ",".join(_value(part, hashes) for part in value) or "none"
    return _bare(value)


def _json(value: Any, hashes: Hashes) -> str:
    """A value as JSON in ASCII, but for the mark of a short hash."""
    if isinstance(value, str):
        short = hashes.get(value)
        if short:
            return f'"{short}"'
        return quoted(value if len(value) <= MAX_VALUE else _capped(value))
    if isinstance(value, list):
        return "[" + ",".join(_json(part, hashes) for part in value) + "]"
    return _bare(value)


def _inner(value: Any, hashes: Hashes) -> str:
    """A value that is no list, escaped as in a JSON string, without the quotes."""
    text = _json(value, hashes)
    return text[1:-1] if isinstance(value, str) else text


def _key_values(_: Mapping[str, Any], pairs: Pairs, hashes: Hashes) -> str:
    return " ".join(f"{key}={_value(value, hashes)}" for key, value in pairs)


def _json_line(_: Mapping[str, Any], pairs: Pairs, hashes: Hashes) -> str:
    words = (f'"{key}": {_json(value, hashes)}' for key, value in pairs)
    return "{" + ", ".join(words) + "}"


def _structured(event: Mapping[str, Any], pairs: Pairs, hashes: Hashes) -> str:
    """Structured data of RFC 5424; a list repeats its key, an empty one is `-`."""
    words = [
        f'{key}="{_inner(part, hashes).replace("]", _BRACKET)}"'
        for key, value in pairs
        for part in (value or ["-"] if isinstance(value, list) else [value])
    ]
    return f"[{event['source']}@32473 {' '.join(words)}]"


def _labelled(_: Mapping[str, Any], pairs: Pairs, hashes: Hashes) -> str:
    """Labels and values, as the text of a Windows event has them."""
    return "; ".join(f"{label(key)}: {_value(value, hashes)}" for key, value in pairs)


def _common(event: Mapping[str, Any], pairs: Pairs, hashes: Hashes) -> str:
    """The Common Event Format: spaces stay, and what is no key has no bare `=`."""
    words = (f"{camel(key)}={_extension(value, hashes)}" for key, value in pairs)
    head = f"CEF:0|{event['source']}|{event['event_type']}|"
    return head + " ".join(words)


def _extension(value: Any, hashes: Hashes) -> str:
    if isinstance(value, list):
        return ",".join(_extension(part, hashes) for part in value) or "none"
    return _inner(value, hashes).replace("=", r"\=").replace(",", r"\,")


# The schema knows a few hundred keys.
@lru_cache(maxsize=4096)
def label(key: str) -> str:
    """A dotted key as words.

    >>> label("process.pe.original_file_name")
    'Process Pe Original File Name'
    """
    return " ".join(part.capitalize() for part in re.split(r"[._]", key))


@lru_cache(maxsize=4096)
def camel(key: str) -> str:
    """A dotted key as one word.

    >>> camel("destination.ip")
    'destinationIp'
    """
    text = label(key).replace(" ", "")
    return text[:1].lower() + text[1:]


_BARE = rf"(?:{_QUOTED}|[^\" ;])*"
STYLES: Mapping[str, Style] = {
    "json": Style(
        _json_line,
        re.compile(r"\{"),
        re.compile(
            rf'"([a-z0-9_.]+)": (?:{_QUOTED}|\[(?:{_QUOTED}|[^"\]])*\]|[^",\[\]}}]+)'
        ),
    ),
    "structured": Style(
        _structured, re.compile(r"\["), re.compile(rf"([a-z0-9_.]+)={_QUOTED}")
    ),
    "cef": Style(
        _common,
        re.compile(r"CEF:0\|"),
        re.compile(r"([a-z]\w*)=(?:\\.|[^\\= ]| (?!\w+=))*"),
    ),
    "labelled": Style(
        _labelled, re.compile(r"[A-Z]\w*[ :]"), re.compile(rf"([A-Z][\w ]*): {_BARE}")
    ),
    "kv": Style(_key_values, re.compile(""), re.compile(rf"([a-z0-9_.]+)={_BARE}")),
}
"""Every style by name; one that a line could be taken for by accident stands last."""

UNSEEN_STYLE = "cef"
SEEN_STYLES = ("json", "kv", "labelled", "structured")
"""The styles of episodes; the unseen one is for a data set that tests for it."""
