"""The tree of a YAML file becomes its text again, in canonical form.

Keys stand in the order of the schema, two spaces a level, lists indented under their
key. Collections in brackets stay in brackets, and what stands on several lines there
stays so. Comments and blank lines stay with what they stand before or behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
    writer.at = root.span.start
    lines = writer.mapping(root, order, 0, ())
    lines = _remarks(header.remarks, 0) + lines
    lines += writer.rest(lines)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(_stripped(lines)) + "\n"


@dataclass(slots=True)
class _Writer:
    """Writes nodes in the order of the file.

    Attributes:
        at: Where the last value that was written ends.
        is_double: True if single quotes become double ones.
        tail: Column in the file and indentation now of each block that ends there, the
            outermost first.
        after_text: True after a block of text, of which a comment that stands too far
            to the right would become a part.
    """

    text: str
    replaced: Mapping[int, str]
    is_double: bool
    at: int = 0
    tail: list[tuple[int, int]] = field(default_factory=list)
    after_text: bool = False

    def rest(self, lines: list[str]) -> list[str]:
        """The comments behind the last value."""
        trivia = read_trivia(self.text[self.at :])
        trailing, leading = self._behind(trivia, lines, 0)
        return trailing + _remarks(leading, 0)

    def mapping(
        self,
        node: MappingNode,
        order: KeyOrder,
        indent: int,
        opening: tuple[Remark, ...],
    ) -> list[str]:
        """The lines of a mapping that has a line for each key."""
        column = node.span.begin.column - 1
        entries: list[tuple[int, list[str]]] = []
        leading = opening
        for at, (key, value) in enumerate(node.items):
            if at:
                trivia = read_trivia(self.text[self.at : key.span.start])
                leading = self._step(trivia, entries[-1][1], column)
            lines = _remarks(leading, indent)
            lines += self._entry(key, value, order, indent)
            entries.append((order.rank(key.text), lines))
        self.tail.insert(0, (column, indent))
        entries.sort(key=lambda entry: entry[0])
        return _stripped([line for _, lines in entries for line in lines])

    def sequence(
        self,
        node: SequenceNode,
        order: KeyOrder,
        indent: int,
        opening: tuple[Remark, ...],
    ) -> list[str]:
        """The lines of a list that has a dash for each item."""
        column = node.span.begin.column - 1
        lines = _remarks(opening, indent)
        self.at = node.span.start
        for item in node.items:
            before, after = split_dash(self.text[self.at : item.span.start])
            lines += _remarks(self._step(before, lines, column), indent)
            lines += self._item(item, order, indent, after)
        self.tail.insert(0, (column, indent))
        return _stripped(lines)

    def _entry(
        self, key: ScalarNode, value: Node, order: KeyOrder, indent: int
    ) -> list[str]:
        name = " " * indent + self._scalar(key, indent)[0] + ":"
        inner = order.value(key.text)
        if _is_leaf(value):
            self._nothing_but(after_colon(self.text[key.span.end : value.span.start]))
            first, *rest = self._leaf(value, inner, key.span.begin.column - 1, indent)
            return [f"{name} {first}".rstrip(), *rest]
        start = value.span.start
        trivia = after_colon(self.text[key.span.end : start])
        self.at = start
        lines = self._block(value, inner, indent + _INDENT, trivia.remarks)
        return [name + trivia.inline, *lines]

    def _item(
        self, item: Node, order: KeyOrder, indent: int, after: Trivia
    ) -> list[str]:
        inner, dash = order.items(), " " * indent + "-"
        if _is_leaf(item):
            self._nothing_but(after)
            column = item.span.begin.column - 1 - _INDENT
            first, *rest = self._leaf(item, inner, column, indent)
            return [f"{dash} {first}".rstrip(), *rest]
        self.at = item.span.start
        lines = self._block(item, inner, indent + _INDENT, after.remarks)
        if not after.is_empty:
            return [dash + after.inline, *lines]
        return [f"{dash} {lines[0].lstrip()}", *lines[1:]]

    def _block(
        self, node: Node, order: KeyOrder, indent: int, opening: tuple[Remark, ...]
    ) -> list[str]:
        if isinstance(node, MappingNode):
            return self.mapping(node, order, indent, opening)
        assert isinstance(node, SequenceNode)
        return self.sequence(node, order, indent, opening)

    def _step(
        self, trivia: Trivia, lines: list[str], column: int
    ) -> tuple[Remark, ...]:
        """Write what is behind the last value; the rest belongs to the next one."""
        trailing, leading = self._behind(trivia, lines, column)
        lines += trailing
        return leading

    def _behind(
        self, trivia: Trivia, lines: list[str], column: int
    ) -> tuple[list[str], tuple[Remark, ...]]:
        if trivia.inline:
            lines[-1] += trivia.inline
        count = 0
        for at, remark in enumerate(trivia.remarks, start=1):
            if remark.text and (remark.column <= column or self.after_text):
                break
            count = at if remark.text else count
        trailing: list[str] = []
        for remark in trivia.remarks[:count]:
            trailing += _remarks((remark,), self._indent_of(remark.column))
        return trailing, trivia.remarks[count:]

    def _indent_of(self, column: int) -> int:
        """The indentation of the innermost block that a comment is in."""
        inside = [indent for start, indent in self.tail if start <= column]
        return inside[-1] if inside else 0

    def _nothing_but(self, trivia: Trivia) -> None:
        if not trivia.is_empty:
            raise KeepError("a comment stands before a value")

    def _leaf(self, node: Node, order: KeyOrder, column: int, indent: int) -> list[str]:
        """A value that begins on the line of its key or dash."""
        self.at, self.tail = node.span.end, []
        self.after_text = node.span.text[:1] in _BLOCK
        if isinstance(node, ScalarNode):
            lines = self._scalar(node, indent)
        elif "\n" in node.span.text:
            lines = node.span.text.split("\n")
        else:
            lines = [self._flow(node, order) or node.span.text]
        if self.after_text or len(lines) == 1:
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
