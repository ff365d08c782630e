"""Random policies that mostly compile: each line reads what lines before it bound.

What the checker refuses all the same is left out by the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiled_texts import PolicyTexts, RuleTexts
from hypothesis import strategies as st
from typed_expressions import ODD_HELPERS, Expressions, Scope

if TYPE_CHECKING:
    from typed_expressions import Draw


class Author(Expressions):
    """Writes one policy."""

    def body(self, scope: Scope, most: int) -> str:
        """The lines of a body."""
        count = self.draw(st.integers(1, most))
        return "\n".join(line for _ in range(count) for line in self._lines(scope))

    def _lines(self, scope: Scope) -> list[str]:
        """A line, and those that must stand beside it."""
        found: list[str] = self.pick(
            self.item,
            self.items,
            self.element,
            self.pair,
            self.assignment,
            self.guard,
            *(lambda scope: [self.condition(scope, 2)],) * 3,
        )(scope)
        return found

    def item(self, scope: Scope) -> list[str]:
        """An item of the input, perhaps of one kind."""
        name = scope.add("item", self.fresh("e"))
        kind = self.pick("file", "flow", None)
        lines = [f"some {name} in input.items", f"{name}.size != 99"]
        if kind is None:
            return lines
        (scope.files if kind == "file" else scope.flows).append(name)
        shape = self.pick('{0}.kind == "{1}"', '{0}.kind in {{"{1}"}}')
        return [*lines, shape.format(name, kind)]

    def items(self, scope: Scope) -> list[str]:
        """Some items as an array."""
        inner, name = scope.inner(), self.fresh("it")
        inner.add("item", name)
        lines = [f"some {name} in input.items", *self.conditions(inner, 1)]
        found = scope.add("items", self.fresh("found"))
        return [f"{found} := [{name} | {'; '.join(lines)}]", f"count({found}) != 99"]

    def element(self, scope: Scope) -> list[str]:
        """A string of some collection."""
        source = self.write(self.pick("texts", "set"), scope, 1)
        name = scope.add("text", self.fresh("s"))
        return [f"some {name} in {source}", _unlike(name)]

    def pair(self, scope: Scope) -> list[str]:
        """A key and a value."""
        source, kinds = self.pick(
            ("input.limits", ("text", "integer")),
            ("data.costs", ("text", "integer")),
            (self.write("texts", scope, 1), ("integer", "text")),
            (self.write("set", scope, 1), ("text", "text")),
        )
        names = [scope.add(kind, self.fresh("k")) for kind in kinds]
        tests = [
            _unlike(name) if kind == "text" else f"{name} != 99"
            for name, kind in zip(names, kinds, strict=True)
        ]
        return [f"some {', '.join(names)} in {source}", *tests]

    def assignment(self, scope: Scope) -> list[str]:
        """A name for a value, and a use of it."""
        kind = self.pick("integer", "text", "texts", "set")
        value = self.write(kind, scope, 2)
        name = scope.add(kind, self.fresh("n"))
        if kind == "text":
            return [f"{name} := {value}", _unlike(name)]
        used = name if kind == "integer" else f"count({name})"
        return [f"{name} := {value}", f"{used} != 77"]

    def guard(self, scope: Scope) -> list[str]:
        """Something optional that must be there, or must not."""
        paths = [f"{item}.meta" for item in scope.of("item")]
        paths += [f"{flow}.{end}" for flow in scope.flows for end in ("port", "hosts")]
        paths += [f"{path}.owner" for path in scope.guarded if path.endswith(".meta")]
        paths = [path for path in sorted(paths) if path not in scope.guarded]
        if not paths:
            return [self.condition(scope, 1)]
        path = self.pick(*paths)
        if self.odds(3):
            return [f"not {path}"]
        scope.guarded.add(path)
        return [path]

    def define(self) -> tuple[str, tuple[str, ...]]:
        """A helper; later ones may call it."""
        kind = self.pick("predicate", "predicate", "integer", "text", "set")
        if kind == "set":
            return self._set_helper()
        name, scope = self.fresh("h", ODD_HELPERS), Scope()
        parameter = self.pick("item", "text", "integer")
        argument = scope.add(parameter, self.fresh("p"))
        uses = {"item": f"{argument}.size != 99", "text": _unlike(argument)}
        use = uses.get(parameter, f"{argument} != 99")
        if kind == "predicate":
            bodies = [
                f"{use}\n{self.body(scope.inner(), 2)}"
                for _ in range(self.draw(st.integers(1, 2)))
            ]
            self.helpers.setdefault(kind, []).append((name, parameter))
            return f"{name}({argument})", tuple(bodies)
        value = self.write(kind, scope, 2)
        body = "" if argument in value and self.odds(2) else use
        self.helpers.setdefault(kind, []).append((name, parameter))
        return f"{name}({argument}) := {value}", (body,)

    def _set_helper(self) -> tuple[str, tuple[str, ...]]:
        name, element = self.fresh("h", ODD_HELPERS), self.fresh("m")
        bodies = []
        for _ in range(self.draw(st.integers(1, 2))):
            scope = Scope()
            source = self.write(self.pick("texts", "set"), scope, 1)
            scope.add("text", element)
            lines = [f"some {element} in {source}", *self.conditions(scope, 1)]
            bodies.append("\n".join(lines))
        self.helpers.setdefault("set", []).append((name, ""))
        return f"{name} contains {element}", tuple(bodies)

    def rule(self) -> RuleTexts:
        """A rule with one or two bodies."""
        first, scope = self.fresh("e"), Scope()
        start = [f"some {first} in input.items", f"{first}.size != 98"]
        scope.add("item", first)
        value = self.write("number", scope.inner(total=True), 1)
        known = value if self.odds(2) else None
        if self.odds(3):
            bodies = tuple(
                "\n".join((*start, self.body(scope.inner(), 2))) for _ in range(2)
            )
            return RuleTexts(bodies, (first,), known)
        body = "\n".join((*start, self.body(scope, 3)))
        evidence = (*scope.of("item")[:2], *scope.of("items")[:1])
        return RuleTexts((body,), evidence, known)


def _unlike(name: str) -> str:
    """A line that uses a string, whatever is known about it."""
    return f'concat("", [{name}]) != "zz"'


@st.composite
def policies(draw: Draw) -> PolicyTexts:
    """A policy of up to three helpers and two rules."""
    author = Author(draw)
    defines = dict(author.define() for _ in range(draw(st.integers(0, 3))))
    rules = {f"r{n}": author.rule() for n in range(draw(st.integers(1, 2)))}
    return PolicyTexts(rules, defines)
