"""Comments and blank lines between two values of a YAML file.

The text between two values has no others than these, indentation, and the dash or colon
that leads to the second one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.yaml_reader import Node

_REST = re.compile(r"(?P<space>[ \t\r]*)(?P<comment>#.*)?")
_DASH = re.compile(
    r"(?P<before>(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*)-(?P<after>.*)", re.DOTALL
)


class KeepError(Exception):
    """Something stands where it can't be written again; the text says what."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on a line of its own, or, without text, a blank line."""

    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Trivia:
    """What stands between two values.

    Attributes:
        inline: The comment behind the first value, with the space before it.
        remarks: The lines between them.
    """

    inline: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if there is no comment."""
        return not self.inline and not any(item.text for item in self.remarks)


def read_trivia(text: str) -> Trivia:
    """The comments of a text that holds nothing else; of blank lines one in a row.

    Raises:
        KeepError: There is something else.
    """
    first, *lines = text.split("\n")
    space, comment = _remark(first)
    inline = (space or " ") + comment if comment else ""
    remarks: list[Remark] = []
    for at, line in enumerate(lines):
        space, comment = _remark(line)
        is_blank = not comment and at < len(lines) - 1
        if comment or (is_blank and not (remarks and not remarks[-1].text)):
            remarks.append(Remark(len(space), comment))
    return Trivia(inline, tuple(remarks))


def split_dash(text: str) -> tuple[Trivia, Trivia]:
    """What stands before and after the dash of a list item."""
    found = _DASH.fullmatch(text)
    if found is None:
        raise KeepError("a list item is written in a rare way")
    return read_trivia(found["before"]), read_trivia(found["after"])


def after_colon(text: str) -> Trivia:
    """What stands after the colon of a key."""
    colon = text.lstrip(" ")
    if not colon.startswith(":"):
        raise KeepError("a key is written in a rare way")
    return read_trivia(colon[1:])


def leaves(node: Node) -> Iterator[ScalarNode]:
    """Every scalar of a tree, keys included, in the order of the file."""
    match node:
        case MappingNode(items):
            for key, value in items:
                yield key
                yield from leaves(value)
        case SequenceNode(items):
            for item in items:
                yield from leaves(item)
        case ScalarNode():
            yield node


def comments(text: str, root: Node) -> list[str]:
    """Every comment of a file outside its values, in order of their texts."""
    between, at = [], 0
    for node in leaves(root):
        between.append(text[at : node.span.start])
        written = node.span.text
        if written[:1] in ("|", ">"):
            between.append(written.partition("\n")[0])
        at = node.span.end
    between.append(text[at:])
    found = re.findall(r"#[^\n]*", "\n".join(between))
    return sorted(comment.rstrip() for comment in found)


def _remark(line: str) -> tuple[str, str]:
    found = _REST.fullmatch(line)
    if found is None:
        raise KeepError("something stands between two values")
    return found["space"], (found["comment"] or "").rstrip()
