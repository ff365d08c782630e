"""A tree becomes a like tree: subclasses say which nodes are other ones.

Nodes keep their places. What a subclass does not name is rebuilt from its parts, so a
rewriter that overrides nothing gives an equal tree.
"""

from __future__ import annotations

from dataclasses import replace

from opensoc_engine.rego import nodes as n


class Rewriter:
    """Rebuilds trees from the leaves up; override what shall come out otherwise."""

    def bound(self, name: n.Name) -> n.Name:
        """A variable where it is bound."""
        return name

    def name(self, name: n.Name) -> n.Expression:
        """A name where it is read."""
        return name

    def call(self, call: n.Call) -> n.Expression:
        """A call; its arguments are rebuilt already."""
        return call

    def binary(self, node: n.Binary) -> n.Expression:
        """An operation; its operands are rebuilt already."""
        return node

    def body(self, body: n.Body) -> n.Body:
        """The lines of a body."""
        lines = tuple(line for old in body.statements for line in self.statement(old))
        return replace(body, statements=lines)

    def head(self, head: n.Head) -> n.Head:
        """The head of a helper."""
        parameters = head.parameters
        return replace(
            head,
            name=self.bound(head.name),
            parameters=parameters and tuple(map(self.bound, parameters)),
            value=head.value and self.expression(head.value),
            member=head.member and self.expression(head.member),
        )

    def statement(self, line: n.Statement) -> tuple[n.Statement, ...]:
        """A line, which may become several."""
        match line:
            case n.Some(key, value, collection):
                source = self.expression(collection)
                key, value = key and self.bound(key), self.bound(value)
                return (replace(line, key=key, value=value, collection=source),)
            case n.Every(key, value, collection, body):
                source = self.expression(collection)
                key, value = key and self.bound(key), self.bound(value)
                body = self.body(body)
                return (
                    replace(line, key=key, value=value, collection=source, body=body),
                )
            case n.Assign(name, expression):
                expression = self.expression(expression)
                return (replace(line, name=self.bound(name), value=expression),)
            case n.Not(expression) | n.Condition(expression):
                return (replace(line, expression=self.expression(expression)),)

    def expression(self, node: n.Expression) -> n.Expression:
        """An expression."""
        match node:
            case n.Literal():
                return node
            case n.Name():
                return self.name(node)
            case n.Field(base):
                return replace(node, base=self.expression(base))
            case n.Index(base, index):
                base, index = self.expression(base), self.expression(index)
                return replace(node, base=base, index=index)
            case n.Call(_, arguments):
                return self.call(replace(node, arguments=self._all(arguments)))
            case n.Negative(operand):
                return replace(node, operand=self.expression(operand))
            case n.Binary(_, left, right):
                left, right = self.expression(left), self.expression(right)
                return self.binary(replace(node, left=left, right=right))
            case n.ArrayLiteral(items) | n.SetLiteral(items):
                return replace(node, items=self._all(items))
            case n.ObjectLiteral(pairs):
                rebuilt = tuple(
                    (self.expression(key), self.expression(value))
                    for key, value in pairs
                )
                return replace(node, items=rebuilt)
            case _:
                return self._comprehension(node)

    def _all(self, items: tuple[n.Expression, ...]) -> tuple[n.Expression, ...]:
        return tuple(map(self.expression, items))

    def _comprehension(
        self, node: n.ArrayComprehension | n.SetComprehension | n.ObjectComprehension
    ) -> n.Expression:
        body = self.body(node.body)
        if isinstance(node, n.ObjectComprehension):
            key, value = self.expression(node.key), self.expression(node.value)
            return replace(node, key=key, value=value, body=body)
        return replace(node, head=self.expression(node.head), body=body)
