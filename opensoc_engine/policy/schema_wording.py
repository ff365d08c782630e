"""What a schema expects and what it got, in plain words for authors and players.

Values are shown short and printable, whatever they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine.policy.schema_formats import is_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST_VALUE = 40
# More than the kinds of event or of incident, so that these are named in full.
_MOST_CHOICES = 24

_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "null": "nothing",
}
_FORMATS = {
    "ip-address": "an IP address such as `192.0.2.7`",
    "cidr": "a network such as `10.0.0.0/8`",
    "date-time": "a time with its offset such as `2026-03-02T09:15:00Z`",
}

_COUNTED = {
    "minLength": "character",
    "maxLength": "character",
    "minItems": "item",
    "maxItems": "item",
    "minProperties": "key",
    "maxProperties": "key",
}


def expected(schema: Mapping[str, Any]) -> str:
    """What a value of the schema is, such as `text of 1 to 64 characters`."""
    if "const" in schema:
        return quoted(schema["const"])
    if "enum" in schema:
        return f"one of {choices(schema['enum'])}"
    kind = schema.get("type", "value")
    if isinstance(kind, list):
        return " or ".join(_KINDS[name] for name in kind)
    if kind == "string":
        return _text(schema)
    words = _KINDS.get(kind, "another value")
    if kind == "array":
        return words + _amount(schema.get("minItems"), schema.get("maxItems"), "item")
    if kind == "object":
        least, most = schema.get("minProperties"), schema.get("maxProperties")
        return words + _amount(least, most, "key")
    return words + _range(schema.get("minimum"), schema.get("maximum"), "from")


def kind(schema: Mapping[str, Any]) -> str:
    """The type of a schema alone, such as `text`."""
    return expected({"type": schema.get("type", "value")})


def got(value: Any, keyword: str) -> str:
    """What a value that broke a keyword is, such as `the number 3`."""
    if keyword in _COUNTED:
        count = len(value)
        return f"{count} {_COUNTED[keyword]}{'' if count == 1 else 's'}"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and not is_text(value):
        return f"text that is not valid Unicode, {quoted(value)}"
    if isinstance(value, str):
        return f"text {quoted(value)}" if value else "empty text"
    return quoted(value) if isinstance(value, bool) else f"the number {quoted(value)}"


def quoted(value: Any) -> str:
    """A value in backticks, printable and of at most 40 characters."""
    return f"`{shown(value)}`"


def shown(value: Any) -> str:
    """A value on one line, printable and of at most 40 characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return got(value, "type")
    text = _number(value) if not isinstance(value, str) else value
    short = text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
    return short if short.isprintable() else ascii(short)[1:-1]


def choices(values: Iterable[Any]) -> str:
    """Values in backticks, the first two dozen of them."""
    words = [quoted(value) for value in values]
    more = len(words) - _MOST_CHOICES
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(words[:_MOST_CHOICES]) + rest


def _number(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > _LONGEST_VALUE * 4:
        return "a huge number"
    return str(value)


def _text(schema: Mapping[str, Any]) -> str:
    form = _FORMATS.get(schema.get("format", ""))
    if form is not None:
        return form
    if schema.get("examples"):
        return f"text such as {quoted(schema['examples'][0])}"
    if "pattern" in schema:
        return f"text like `{schema['pattern']}`"
    least, most = schema.get("minLength"), schema.get("maxLength")
    return "text" + _amount(least, most, "character")


def _amount(least: Any, most: Any, thing: str) -> str:
    count = _range(least, most, "of")
    return f"{count} {thing}{'' if (most or least) == 1 else 's'}" if count else ""


def _range(least: Any, most: Any, word: str) -> str:
    if least is not None and least == most:
        return f" of exactly {least}"
    if least is not None and most is not None:
        return f" {word} {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return f" of at most {most}" if most is not None else ""
