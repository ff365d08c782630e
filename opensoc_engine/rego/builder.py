"""Lark's tree becomes nodes, from the leaves up and without recursion.

It may assume a tree of `grammar.lark`. It guarantees that the nodes are no higher than
`MAX_HEIGHT`, that OPA reads the text in the same way, and that each node has its place.
It raises `RefusedError` for the first form that it refuses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lark import Token, Tree

from opensoc_engine.rego import complaints
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.complaints import Complaint, RefusedError
from opensoc_engine.rego.site import token_place

if TYPE_CHECKING:
    from opensoc_engine.source import EmbeddedSource, Span

_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Rules that give no node of their own.
_LEVEL_FREE = frozenset(
    ("alone", "group", "parameters", "arguments", "elements", "pair")
)
_COLLECTIONS = (n.ArrayLiteral, n.SetLiteral, n.ObjectLiteral)


@dataclass(slots=True)
class Part:
    """A piece of the tree that is done; the grammar decides what `node` is.

    Args:
        node: A node, or a tuple of nodes where the grammar has a list.
        start: Where its text begins, brackets included.
        end: Where its text ends, exclusive.
        height: Levels of nodes.
        bracketed: True if it stands in `( )`.
    """

    node: Any
    start: int
    end: int
    height: int
    bracketed: bool = False


@dataclass(slots=True)
class Rule:
    """A rule of the grammar with its pieces done: what the methods below get.

    Args:
        span: Its place in the file.
        parts: The pieces, in order.
        tokens: The tokens between them, in order.
    """

    span: Span
    parts: list[Part]
    tokens: list[Token]

    @property
    def nodes(self) -> list[Any]:
        """The nodes of the parts."""
        return [part.node for part in self.parts]


class TreeBuilder:
    """Builds the nodes of one text; one method a rule or alias of the grammar."""

    def __init__(self, source: EmbeddedSource) -> None:
        self._source = source
        self._text = source.text

    def build(self, tree: Tree[Token]) -> Any:
        """The node of a whole text.

        Raises:
            RefusedError: The text has a form that the policy language refuses.
        """
        done: dict[int, Part] = {}
        for subtree in tree.iter_subtrees():
            done[id(subtree)] = self._part(subtree, done)
        return done[id(tree)].node

    def _part(self, tree: Tree[Token], done: dict[int, Part]) -> Part:
        children = tree.children
        parts = [done[id(child)] for child in children if isinstance(child, Tree)]
        start, end = _start(children[0], done), _end(children[-1], done)
        height = max((part.height for part in parts), default=0)
        height += tree.data not in _LEVEL_FREE
        if height > complaints.MAX_HEIGHT:
            raise _refuse(complaints.too_deep(start, end, complaints.MAX_HEIGHT))
        tokens = [child for child in children if isinstance(child, Token)]
        rule = Rule(self._source.span(start, end), parts, tokens)
        node = getattr(self, f"_{tree.data}")(rule)
        return Part(node, start, end, height, bracketed=tree.data == "group")

    def _token_span(self, token: Token) -> Span:
        return self._source.span(*token_place(token))

    # Texts and lines.

    def _body(self, rule: Rule) -> n.Body:
        return n.Body(tuple(rule.nodes), rule.span)

    def _only(self, rule: Rule) -> Any:
        return rule.parts[0].node

    _alone = _group = _only

    def _condition(self, rule: Rule) -> n.Condition:
        start = rule.parts[0].start
        if self._text.startswith("-", start):
            raise _refuse(complaints.leading_minus(start))
        return n.Condition(rule.parts[0].node, rule.span)

    def _negation(self, rule: Rule) -> n.Not:
        return n.Not(rule.parts[0].node, rule.span)

    def _assignment(self, rule: Rule) -> n.Assign:
        left, value = rule.parts
        if not isinstance(left.node, n.Name) or left.bracketed:
            collection = isinstance(left.node, _COLLECTIONS)
            raise _refuse(
                complaints.not_assignable(left.start, left.end, collection=collection)
            )
        return n.Assign(left.node, value.node, rule.span)

    def _some(self, rule: Rule) -> n.Some:
        *keys, value, collection = rule.nodes
        return n.Some(keys[0] if keys else None, value, collection, rule.span)

    def _every(self, rule: Rule) -> n.Every:
        *keys, value, collection, body = rule.nodes
        return n.Every(keys[0] if keys else None, value, collection, body, rule.span)

    # Heads.

    def _predicate_head(self, rule: Rule) -> n.Head:
        name, parameters = rule.nodes
        return n.Head(name, parameters, None, None, rule.span)

    def _function_head(self, rule: Rule) -> n.Head:
        name, parameters, value = rule.nodes
        return n.Head(name, parameters, value, None, rule.span)

    def _value_head(self, rule: Rule) -> n.Head:
        name, value = rule.nodes
        return n.Head(name, None, value, None, rule.span)

    def _set_head(self, rule: Rule) -> n.Head:
        name, member = rule.nodes
        return n.Head(name, None, None, member, rule.span)

    # Operators.

    def _binary(self, rule: Rule) -> n.Binary:
        left, right = rule.nodes
        operator = rule.tokens[0]
        place = self._token_span(operator)
        return n.Binary(str(operator), left, right, place, rule.span)

    def _chain(self, rule: Rule) -> n.Binary:
        left, right = rule.parts
        raise _refuse(complaints.chained_comparison(left.start, right.end))

    def _negative(self, rule: Rule) -> n.Negative:
        operand = rule.parts[0]
        if operand.bracketed or not _is_number(operand.node):
            start, _ = token_place(rule.tokens[0])
            raise _refuse(complaints.negative_name(start, operand.end))
        return n.Negative(operand.node, rule.span)

    # Constants and names.

    def _name(self, rule: Rule) -> n.Name:
        return n.Name(str(rule.tokens[0]), rule.span)

    def _integer(self, rule: Rule) -> n.Literal:
        return n.Literal(int(_checked_number(rule.tokens[0])), rule.span)

    def _decimal(self, rule: Rule) -> n.Literal:
        return n.Literal(Decimal(_checked_number(rule.tokens[0])), rule.span)

    def _string(self, rule: Rule) -> n.Literal:
        token = rule.tokens[0]
        return n.Literal(_checked_text(_unescaped(token), token), rule.span)

    def _raw_string(self, rule: Rule) -> n.Literal:
        token = rule.tokens[0]
        return n.Literal(_checked_text(str(token)[1:-1], token), rule.span)

    def _true(self, rule: Rule) -> n.Literal:
        return n.Literal(value=True, span=rule.span)

    def _false(self, rule: Rule) -> n.Literal:
        return n.Literal(value=False, span=rule.span)

    # References and calls.

    def _field(self, rule: Rule) -> n.Field:
        base = rule.parts[0]
        dot, name = rule.tokens
        _must_touch(self._written(base), base.end, dot)
        _must_touch(f"{self._written(base)}.", token_place(dot)[1], name)
        return n.Field(base.node, str(name), self._token_span(name), rule.span)

    def _index(self, rule: Rule) -> n.Field | n.Index:
        base, index = rule.parts
        _must_touch(self._written(base), base.end, rule.tokens[0])
        node = index.node
        if isinstance(node, n.Literal) and isinstance(node.value, str):
            return n.Field(base.node, node.value, node.span, rule.span)
        return n.Index(base.node, node, rule.span)

    def _call(self, rule: Rule) -> n.Call | n.SetLiteral:
        callee, *lists = rule.parts
        arguments = lists[0].node if lists else ()
        _must_touch(self._written(callee), callee.end, rule.tokens[0])
        name = self._text[callee.start : callee.end]
        if not _DOTTED.fullmatch(name):
            raise _refuse(complaints.not_callable(callee.start, callee.end))
        if name == "set" and not arguments:
            return n.SetLiteral((), rule.span)
        place = self._source.span(callee.start, callee.end)
        return n.Call(name, arguments, place, rule.span)

    def _written(self, part: Part) -> str:
        """A reference as it was written, if it is short to say."""
        text = self._text[part.start : part.end]
        return text if _DOTTED.fullmatch(text) else "..."

    # Collections.

    def _list(self, rule: Rule) -> tuple[Any, ...]:
        return tuple(rule.nodes)

    _parameters = _arguments = _elements = _list

    def _pair(self, rule: Rule) -> tuple[Part, Part]:
        key, value = rule.parts
        return (key, value)

    def _array(self, rule: Rule) -> n.ArrayLiteral:
        return n.ArrayLiteral(rule.nodes[0] if rule.nodes else (), rule.span)

    def _set(self, rule: Rule) -> n.SetLiteral:
        return n.SetLiteral(rule.nodes[0], rule.span)

    def _object(self, rule: Rule) -> n.ObjectLiteral:
        items = tuple((key.node, value.node) for key, value in rule.nodes)
        return n.ObjectLiteral(items, rule.span)

    def _array_comprehension(self, rule: Rule) -> n.ArrayComprehension:
        head, body = rule.parts
        return n.ArrayComprehension(_term(head), body.node, rule.span)

    def _set_comprehension(self, rule: Rule) -> n.SetComprehension:
        head, body = rule.parts
        return n.SetComprehension(_term(head), body.node, rule.span)

    def _object_comprehension(self, rule: Rule) -> n.ObjectComprehension:
        (key, value), body = rule.nodes
        return n.ObjectComprehension(key.node, _term(value), body, rule.span)


def _refuse(complaint: Complaint) -> RefusedError:
    return RefusedError(complaint)


def _is_number(node: object) -> bool:
    return isinstance(node, n.Literal) and not isinstance(node.value, bool | str)


def _term(head: Part) -> n.Expression:
    """The head of a comprehension: OPA reads no operator there without brackets."""
    if isinstance(head.node, n.Binary) and not head.bracketed:
        raise _refuse(complaints.loose_head(head.start, head.end))
    node: n.Expression = head.node
    return node


def _start(child: Tree[Token] | Token, done: dict[int, Part]) -> int:
    if isinstance(child, Token):
        return token_place(child)[0]
    return done[id(child)].start


def _end(child: Tree[Token] | Token, done: dict[int, Part]) -> int:
    if isinstance(child, Token):
        return token_place(child)[1]
    return done[id(child)].end


def _must_touch(before: str, end: int, token: Token) -> None:
    """Refuse a space inside a reference: Rego would end it there."""
    if token_place(token)[0] != end:
        raise _refuse(complaints.space_before(*token_place(token), before, str(token)))


def _checked_number(token: Token) -> str:
    if sum(map(str.isdigit, token)) > complaints.MAX_DIGITS:
        raise _refuse(complaints.too_many_digits(*token_place(token)))
    return str(token)


def _unescaped(token: Token) -> str:
    try:
        text: str = json.loads(token)
    except json.JSONDecodeError as error:
        raise _refuse(_string_complaint(token, error.pos)) from None
    return text


def _string_complaint(token: Token, at: int) -> Complaint:
    """What is wrong at or just before a place where JSON stopped."""
    start, _ = token_place(token)
    backslash = token.rfind("\\", 0, at + 1)
    if backslash >= 0 and token[at] >= " " and at - backslash <= len("\\u"):
        length = len("\\uXXXX") if token[backslash + 1] == "u" else len("\\n")
        escape = token[backslash : backslash + length].rstrip('"')
        return complaints.bad_escape(start + backslash, escape)
    return complaints.bad_character(start + at, start + at + 1)


def _checked_text(text: str, token: Token) -> str:
    """The text, if it can be written to a file; half a surrogate pair can't."""
    if _SURROGATE.search(text):
        raise _refuse(complaints.bad_character(*token_place(token)))
    return text
