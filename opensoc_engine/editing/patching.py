"""A text with a cursor becomes one that can be parsed: a stand-in takes its place.

A body that still can't be parsed is cut: the line with the cursor gives way to the bare
reference before it, and the brackets around that line are closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from opensoc_engine.source import Source

PLACEHOLDER = "name_at_the_cursor"
"""Stands for the word that is being written; a name in YAML and in Rego."""

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\[^\n])*"?|`[^`]*`?)|(?P<comment>#[^\n]*)'
    r"|(?P<mark>[()\[\]{};|\n])"
)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
# What an expression can end with, and words that only look like that.
_OPERAND_END = re.compile(r"[\w)\]}\"`][ \t]*\Z")
_OPERATOR_END = re.compile(r"\b(?:in|not|some|every)[ \t]*\Z")
# Longer than any operator that a line can end with, and the blanks behind it.
_LOOK_BACK = 80
_REFERENCE = re.compile(r"([A-Za-z_]\w*(?:\.\w+|\[[^\[\]\n]*\])*)\.\Z")


@dataclass(frozen=True, slots=True)
class Patched:
    """A text with the stand-in.

    Attributes:
        start: Where the word that it stands for begins in the text before.
        end: Where that word ends.
    """

    source: Source
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Spot:
    """What a place in a body is in.

    Attributes:
        in_comment: True in a comment.
        string: Where the string that it is in begins, if it is in one.
        line: Where the line of the innermost body begins.
        closers: The brackets that close what is open around that body.
    """

    in_comment: bool
    string: int | None
    line: int
    closers: str


@dataclass(slots=True)
class _Frame:
    opener: str
    has_lines: bool
    line: int


def patch(source: Source, offset: int, word: str, suffix: str = "") -> Patched:
    """The text with a stand-in for the word around an offset.

    Args:
        source: The text.
        offset: Where the cursor stands.
        word: The characters of words, as inside the brackets of a pattern.
        suffix: What follows the stand-in.
    """
    before = re.search(f"[{word}]*\\Z", source.text[:offset])
    after = re.match(f"[{word}]*", source.text[offset:])
    start = before.start() if before else offset
    end = offset + (after.end() if after else 0)
    text = source.text[:start] + PLACEHOLDER + suffix + source.text[end:]
    return Patched(Source(source.name, text), start, end)


def spot_at(text: str, at: int) -> Spot:
    """What the place `at` of a body is in."""
    frames = [_Frame("", has_lines=True, line=0)]
    comment = (0, 0)
    for match in _TOKEN.finditer(text):
        if match.start() >= at:
            break
        if match["string"] and not (match.end() <= at and _is_closed(match[0])):
            return _spot(frames, string=match.start())
        if match["comment"] and match.end() >= at:
            return _spot(frames, in_comment=True)
        if match["comment"]:
            comment = match.span()
        if match["mark"]:
            start, end = comment
            _follow(frames, match, start if end == match.start() else match.start())
    return _spot(frames)


def reference_before(text: str, at: int) -> str:
    """The reference that ends with a dot at a place, without the dot; maybe empty."""
    found = _REFERENCE.search(text, max(0, at - 500), at)
    return found[1] if found else ""


def cut(text: str, spot: Spot, reference: str) -> str:
    """The text up to the line of a spot, which is replaced by a reference."""
    return f"{text[: spot.line]} {reference}{spot.closers}"


def _is_closed(string: str) -> bool:
    return len(string) > 1 and string[-1] == string[0]


def _spot(
    frames: list[_Frame], *, string: int | None = None, in_comment: bool = False
) -> Spot:
    while not frames[-1].has_lines:
        frames.pop()
    closers = "".join(_CLOSERS[frame.opener] for frame in reversed(frames[1:]))
    return Spot(in_comment, string, frames[-1].line, closers)


def _follow(frames: list[_Frame], match: re.Match[str], code_end: int) -> None:
    """Enter or leave a bracket, or begin a line; the code before ends at `code_end`."""
    top, mark, after = frames[-1], match["mark"], match.end()
    if mark in _CLOSERS:
        is_body = mark == "{" and _ends_operand(match.string, match.start())
        frames.append(_Frame(mark, is_body, after))
    elif mark in _CLOSERS.values():
        if len(frames) > 1:
            frames.pop()
    elif mark == "|":
        if top.opener in ("[", "{") and not top.has_lines:
            top.has_lines, top.line = True, after
    elif top.has_lines and (mark == ";" or _ends_line(match.string, code_end)):
        top.line = after


def _ends_operand(text: str, at: int) -> bool:
    before = text[max(0, at - _LOOK_BACK) : at]
    return bool(_OPERAND_END.search(before)) and not _OPERATOR_END.search(before)


def _ends_line(text: str, at: int) -> bool:
    """True if the next line does not go on with this one; a blank line ends any."""
    line = text[max(0, at - _LOOK_BACK) : at].rpartition("\n")[2]
    return not line.strip() or _ends_operand(text, at)
