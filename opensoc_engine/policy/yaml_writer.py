"""The tree of a YAML file becomes its text again, in canonical form.

Keys stand in the order of the schema, two spaces a level, lists indented under their
key. Collections in brackets stay in brackets, and what stands on several lines there
stays so. Comments and blank lines stay with what they stand before or behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine.policy.trivia import (
    KeepError,
    Trivia,
    after_colon,
    leaves,
    read_trivia,
    split_dash,
)
from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.policy.key_order import KeyOrder
    from opensoc_engine.policy.trivia import Remark
    from opensoc_engine.policy.yaml_reader import Node

_INDENT = 2
_BLOCK = ("|", ">")

_INLINE_COMMENT = re.compile(r"[ \t]+#[^\n]*")
_NEXT_COMMENT = re.compile(
    r"[ \t\r]*\n(?P<blank>(?:[ \t\r]*\n)*)(?P<space>[ \t]*)(?P<comment>#[^\n]*)"
)


def write_yaml(
    text: str, root: MappingNode, order: KeyOrder, replaced: Mapping[int, str]
) -> str:
    """The canonical text of a file.

    Args:
        text: The file.
        root: Its tree.
        order: The order of its keys.
        replaced: New texts of scalars, by the identity of their node.

    Raises:
        KeepError: The file has a form that can't be written again.
    """
    if _is_flow(root):
        raise KeepError("the file is one collection in brackets")
    is_double = all(map(_can_be_double, leaves(root)))
    writer = _Writer(text, replaced, is_double)
    header = read_trivia("\n" + text[: root.span.start])
    lines = _remarks(header.remarks, 0) + writer.mapping(root, order, 0, Trivia())
    read_trivia(text[writer.at :])
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(_stripped(lines)) + "\n"


@dataclass(slots=True)
class _Writer:
    """Writes nodes in the order of the file.

    Attributes:
        at: Where the last value that was written ends.
        is_double: True if single quotes become double ones.
    """

    text: str
    replaced: Mapping[int, str]
    is_double: bool
    at: int = 0

    def mapping(
        self,
        node: MappingNode,
        order: KeyOrder,
        indent: int,
        opening: Trivia,
        outer: int = -1,
    ) -> list[str]:
        """The lines of a mapping that has a line for each key."""
        column = node.span.begin.column - 1
        entries: list[tuple[int, list[str]]] = []
        self.at = node.span.start
        for key, value in node.items:
            trivia = read_trivia(self.text[self.at : key.span.start])
            leading = trivia.remarks if entries else opening.remarks
            lines = _remarks(leading, indent)
            lines += self._entry(key, value, order, indent)
            entries.append((order.rank(key.text), lines))
        entries[-1][1].extend(self._trailing(column, outer, indent))
        entries.sort(key=lambda entry: entry[0])
        return _stripped([line for _, lines in entries for line in lines])

    def sequence(
        self,
        node: SequenceNode,
        order: KeyOrder,
        indent: int,
        opening: Trivia,
        outer: int,
    ) -> list[str]:
        """The lines of a list that has a dash for each item."""
        column = node.span.begin.column - 1
        lines = _remarks(opening.remarks, indent)
        self.at = node.span.start
        for item in node.items:
            before, after = split_dash(self.text[self.at : item.span.start])
            lines += _remarks(before.remarks, indent)
            lines += self._item(item, order, (column, indent), after)
        return _stripped(lines + self._trailing(column, outer, indent))

    def _entry(
        self, key: ScalarNode, value: Node, order: KeyOrder, indent: int
    ) -> list[str]:
        name = " " * indent + self._scalar(key, indent)[0] + ":"
        inner, column = order.value(key.text), key.span.begin.column - 1
        trivia = after_colon(self.text[key.span.end : value.span.start])
        if _is_leaf(value):
            _refuse_comment(trivia)
            first, *rest = self._leaf(value, inner, column, indent)
            return [f"{name} {first}".rstrip(), *rest]
        lines = self._block(value, inner, indent + _INDENT, trivia, column)
        return [name + trivia.inline, *lines]

    def _item(
        self, item: Node, order: KeyOrder, place: tuple[int, int], after: Trivia
    ) -> list[str]:
        (column, indent), inner = place, order.items()
        dash = " " * indent + "-"
        if _is_leaf(item):
            _refuse_comment(after)
            first, *rest = self._leaf(item, inner, column, indent)
            return [f"{dash} {first}".rstrip(), *rest]
        lines = self._block(item, inner, indent + _INDENT, after, column)
        if not after.is_empty:
            return [dash + after.inline, *lines]
        first, rest = lines[0].lstrip(), lines[1:]
        return [f"{dash} {first}", *(_stripped(rest) if first[0] == "#" else rest)]

    def _block(
        self, node: Node, order: KeyOrder, indent: int, opening: Trivia, outer: int
    ) -> list[str]:
        if isinstance(node, MappingNode):
            return self.mapping(node, order, indent, opening, outer)
        assert isinstance(node, SequenceNode)
        return self.sequence(node, order, indent, opening, outer)

    def _trailing(self, column: int, outer: int, indent: int) -> list[str]:
        """The comments behind the last value that still belong to its block.

        Args:
            column: Where the block begins in the file.
            outer: Where the block around it does.
            indent: Where it begins now.
        """
        lines: list[str] = []
        while found := _NEXT_COMMENT.match(self.text, self.at):
            place = len(found["space"])
            if place < column or place <= outer:
                break
            lines += [""] if found["blank"] else []
            lines.append(" " * indent + found["comment"].rstrip())
            self.at = found.end()
        return lines

    def _leaf(self, node: Node, order: KeyOrder, column: int, indent: int) -> list[str]:
        """A value that begins on the line of its key or dash, and its comment."""
        lines = self._value(node, order, column, indent)
        self.at = node.span.end
        comment = _INLINE_COMMENT.match(self.text, self.at)
        if comment is not None:
            lines[-1] += comment[0].rstrip()
            self.at = comment.end()
        return lines

    def _value(
        self, node: Node, order: KeyOrder, column: int, indent: int
    ) -> list[str]:
        written = node.span.text
        if isinstance(node, ScalarNode):
            lines = self._scalar(node, indent)
        elif "\n" in written:
            lines = written.split("\n")
        else:
            lines = [self._flow(node, order) or written]
        if written[:1] in _BLOCK or len(lines) == 1:
            return lines
        return [lines[0], *(_moved(line, indent - column) for line in lines[1:])]

    def _scalar(self, node: ScalarNode, indent: int) -> list[str]:
        written = node.span.text
        if written[:1] == "|":
            return self._literal(node, indent)
        if written[:1] == ">":
            return _folded(written, indent)
        if id(node) in self.replaced:
            return [self.replaced[id(node)]]
        return self._quoted(node).split("\n")

    def _literal(self, node: ScalarNode, indent: int) -> list[str]:
        header = _header(node.span.text)
        content = self.replaced.get(id(node), node.text).rstrip("\n")
        margin = " " * (indent + _INDENT)
        lines = (margin + line if line else "" for line in content.split("\n"))
        return [header, *(lines if content else ())]

    def _flow(self, node: Node, order: KeyOrder) -> str:
        """A collection in brackets on one line; empty if it has a rare form."""
        match node:
            case MappingNode(items) if node.span.text[:1] == "{":
                ranked = sorted(items, key=lambda item: order.rank(item[0].text))
                parts = [
                    f"{self._quoted(key)}: {self._flow(value, order.value(key.text))}"
                    for key, value in ranked
                ]
                return f"{{{', '.join(parts)}}}"
            case SequenceNode(items) if node.span.text[:1] == "[":
                parts = [self._flow(item, order.items()) for item in items]
                return f"[{', '.join(parts)}]"
            case ScalarNode():
                return self._quoted(node)
        return ""

    def _quoted(self, node: ScalarNode) -> str:
        """A scalar as it is, but in double quotes where the file needs no others."""
        written = node.span.text
        is_single = self.is_double and written[:1] == "'"
        return f'"{node.text}"' if is_single else written


def _refuse_comment(trivia: Trivia) -> None:
    if not trivia.is_empty:
        raise KeepError("a comment stands before a value")


def _is_flow(node: Node) -> bool:
    return node.span.text[:1] in ("{", "[")


def _is_leaf(node: Node) -> bool:
    return isinstance(node, ScalarNode) or _is_flow(node)


def _can_be_double(node: ScalarNode) -> bool:
    """False for single quotes that save escapes: then a whole file keeps them."""
    written, value = node.span.text, node.text
    plain = "\n" not in written and value.isprintable()
    return written[:1] != "'" or (plain and '"' not in value and "\\" not in value)


def _header(written: str) -> str:
    """The first line of a block of text, with its comment."""
    header = written.partition("\n")[0].rstrip()
    mark = header.partition("#")[0]
    if "+" in mark or any(character.isdigit() for character in mark):
        raise KeepError("a block of text says how it is indented or ends")
    return header


def _folded(written: str, indent: int) -> list[str]:
    header, *lines = written.split("\n")
    first = next((line for line in lines if line.strip()), "")
    depth = len(first) - len(first.lstrip(" "))
    moved = indent + _INDENT - depth
    return [_header(header), *(_moved(line.rstrip("\r"), moved) for line in lines)]


def _moved(line: str, by: int) -> str:
    depth = len(line) - len(line.lstrip(" "))
    return " " * max(depth + by, 0) + line.lstrip(" ") if line.strip() else ""


def _remarks(remarks: tuple[Remark, ...], indent: int) -> list[str]:
    return [" " * indent + item.text if item.text else "" for item in remarks]


def _stripped(lines: list[str]) -> list[str]:
    """The lines without blank ones at the start."""
    start = next((at for at, line in enumerate(lines) if line), len(lines))
    return lines[start:]
