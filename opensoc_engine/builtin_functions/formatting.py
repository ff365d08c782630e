"""Builtins that write numbers and other values into text, and read them back."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from opensoc_engine.builtin_functions.strings import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_engine.runtime import Exact

    Scalar = str | bool | Exact

_VERB = re.compile(r"%(.?)", re.DOTALL)
_VERBS = frozenset("sdvx%")

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([-+]?[0-9]+))?")
# A number that is longer, or that a 64-bit float can't reach, is not one of a log.
_MAX_NUMBER_LENGTH = 64
_MAX_EXPONENT = 308

# Numbers that take more digits have no text.
_MAX_BITS = 4096
_BASES = {2: "b", 8: "o", 10: "d", 16: "x"}


def sprintf(template: str, values: Sequence[Scalar]) -> str | None:
    """The template with `%s`, `%d`, `%x` or `%v` replaced by the values in order."""
    if check_template(0, template) is not None:
        return None
    verbs = verbs_of(template)
    if len(verbs) != len(values):
        return None
    texts = [_shown(verb, value) for verb, value in zip(verbs, values, strict=True)]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts) or len(template) + sum(map(len, known)) > MAX_LENGTH:
        return None
    return _filled(template, iter(known))


def verbs_of(template: str) -> list[str]:
    """The verbs of a template that take a value, in order."""
    return [verb for verb in _VERB.findall(template) if verb != "%"]


def _filled(template: str, texts: Iterator[str]) -> str:
    return _VERB.sub(lambda m: "%" if m[1] == "%" else next(texts), template)


def check_template(position: int, text: str) -> str | None:
    """What is wrong with a constant template of `sprintf`."""
    if position != 0:
        return None
    for verb in _VERB.findall(text):
        if verb not in _VERBS or not verb:
            known = "`%s`, `%d`, `%x`, `%v` and `%%`"
            return f"`%{verb}` is not a verb of `sprintf`; it knows {known}"
    return None


def _shown(verb: str, value: Scalar) -> str | None:
    """A value by a verb, or None if the verb does not take it."""
    if verb == "v":
        return _plain(value)
    if isinstance(value, str):
        texts = {"s": value, "x": value.encode("utf-8", "surrogatepass").hex()}
        return texts.get(verb)
    if isinstance(value, bool):
        return _plain(value) if verb == "s" else None
    whole = int(value)
    if verb == "s" or whole != value or whole.bit_length() > _MAX_BITS:
        return None
    return format(whole, verb)


def _plain(value: Scalar) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MAX_BITS else None
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def format_int(value: Exact, base: int) -> str | None:
    """The number, without its fraction, in base 2, 8, 10 or 16."""
    whole, code = int(value), _BASES.get(base)
    if code is None or whole.bit_length() > _MAX_BITS:
        return None
    return format(whole, code)


def to_number(value: Scalar) -> Exact | None:
    """The number that a string shows; 1 and 0 for true and false."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    found = _NUMBER.fullmatch(value) if len(value) <= _MAX_NUMBER_LENGTH else None
    if found is None or abs(int(found[1] or 0)) > _MAX_EXPONENT:
        return None
    return int(value) if value.lstrip("+-").isdigit() else Decimal(value)
