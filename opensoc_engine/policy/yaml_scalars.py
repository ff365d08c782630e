"""The text of a plain YAML scalar becomes a value, by the core schema of YAML 1.2.

`true` and `false` are booleans, `null`, `~` and nothing are null; `yes`, `NO` and `on`
are text. What other YAML readers take for something else is refused, never guessed.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TypeAlias

Scalar: TypeAlias = str | int | Decimal | bool | None

# What the engine calculates with exactly: see `runtime.CONTEXT`.
_MAX_DIGITS = 34
# What a JSON reader with 64-bit floats can still take in.
_MAX_EXPONENT = 308

_WORDS: dict[str, Scalar] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FRACTION = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_PADDED = re.compile(r"[-+]?0[0-9]+")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OTHER_CASE = frozenset({"True", "TRUE", "False", "FALSE", "Null", "NULL"})


class ScalarError(ValueError):
    """A plain scalar that has no clear value.

    Attributes:
        help: What to write instead.
    """

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.help = advice


def plain_value(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    Raises:
        ScalarError: YAML readers disagree about it, or it is a number out of range.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text in _OTHER_CASE:
        advice = f"write `{text.lower()}`, or quote it if it is text"
        problem = f"`{text}` can be read as `{text.lower()}` or as text"
        raise ScalarError(problem, advice)
    if text[0] in _NUMBER_START:
        return _number(text)
    return text


def _number(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        return int(_in_range(text))
    if _BASED.fullmatch(text):
        return int(_in_range(text), 0)
    if _PADDED.fullmatch(text):
        advice = "drop the leading zero, or quote it if it is text"
        problem = f"`{_short(text)}` can be read as a number or as text"
        raise ScalarError(problem, advice)
    if _NO_NUMBER.fullmatch(text):
        raise ScalarError(f"`{text}` is not a finite number", "quote it if it is text")
    if _FRACTION.fullmatch(text):
        return _decimal(text)
    return text


def _in_range(text: str) -> str:
    if len(text.lstrip("+-")) > _MAX_DIGITS:
        problem = f"the number `{_short(text)}` has more than {_MAX_DIGITS} digits"
        raise ScalarError(problem, "quote it if it is text")
    return text


def _decimal(text: str) -> Decimal:
    mantissa, _, exponent = text.lower().partition("e")
    _in_range(mantissa.replace(".", ""))
    if len(exponent) > _MAX_DIGITS or abs(int(exponent or 0)) > _MAX_EXPONENT:
        problem = f"the exponent of `{_short(text)}` is out of range"
        raise ScalarError(problem, "quote it if it is text")
    return Decimal(text)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_DIGITS else f"{text[:_MAX_DIGITS]}…"
