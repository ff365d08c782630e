"""Random policy files as people write them: any order, indentation and comments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

# `§` is where a comment may stand.
STATEMENTS = (
    "some e in input.events",
    'e.event_type=="process.start"',
    "some k,  v in input.a.b",
    "f( e,k )",
    "(a == b); not c",
    'contains(x, "# no comment")',
    "regex.match(`^#\\\\d`, x)",
    "x := [y | §\n  some y in xs §\n  §\n\n  y.a   >  1\n]",
    "count([y | some y in xs; y]) > 1",
    "y := sort({z |\n       some z in [1,2]\n       every w in z {\n w\n }\n  })",
    "every v in vs { v; not w }",
    "every v in vs { §\n    v == 1 §\n\n§\n}",
    "z := {1, §\n   2}",
    "long := a +\n  b",
)
SCALARS = ("plain text", "'single'", '"double"', r"'back\slash'", "'it''s'", "a: b")
SPACES = ("", " ", "   ")


@dataclass(frozen=True)
class Body:
    """Rego, in a block of text."""

    statements: tuple[str, ...]


@dataclass
class Scribe:
    """Writes a file; `comments` holds those that were put in."""

    draw: Callable[[Any], Any]
    comments: list[str] = field(default_factory=list)

    def comment(self) -> str:
        """A new comment, or nothing."""
        if not self.draw(st.booleans()):
            return ""
        self.comments.append(f"# c{len(self.comments):03} 'x' {{[")
        return self.comments[-1]

    def before(self, indent: int) -> list[str]:
        """Comments and blank lines."""
        lines = []
        for _ in range(self.draw(st.integers(0, 2))):
            remark = self.comment()
            lines.append(" " * indent + remark if remark else "")
        return lines

    def behind(self) -> str:
        """A comment behind a value, or nothing."""
        remark = self.comment()
        return f"{self.draw(st.sampled_from(SPACES))} {remark}" if remark else ""

    def mapping(self, value: dict[str, Any], indent: int) -> list[str]:
        """A mapping with a line for each key, in any order."""
        lines = []
        for key in self.draw(st.permutations(list(value))):
            lines += self.before(indent)
            lines += self.led_by(f"{' ' * indent}{key}:", value[key], indent, 0)
        return lines

    def sequence(self, value: list[Any], indent: int) -> list[str]:
        """A list with a dash for each item."""
        lines = []
        for item in value:
            lines += self.before(indent)
            dash = f"{' ' * indent}-"
            if isinstance(item, dict):
                inner = indent + 2
                own = self.mapping(item, inner)
                while own and not own[0].strip():
                    own.pop(0)
                lines += [f"{dash} {own[0].lstrip()}", *own[1:]]
            else:
                lines += self.led_by(dash, item, indent, 1)
        return lines

    def led_by(self, lead: str, value: Any, indent: int, least: int) -> list[str]:
        """A value behind its key or dash."""
        step = self.draw(st.integers(1, 4))
        if isinstance(value, Body):
            return [f"{lead} |{self.behind()}", *self.body(value, indent + step)]
        if isinstance(value, str):
            return [f"{lead} {value}{self.behind()}"]
        if isinstance(value, tuple):
            return [f"{lead} {self.flow(value)}{self.behind()}"]
        if isinstance(value, list):
            step = self.draw(st.integers(least, 4))
            return [lead + self.behind(), *self.sequence(value, indent + step)]
        return [lead + self.behind(), *self.mapping(value, indent + step)]

    def flow(self, value: tuple[str, ...]) -> str:
        """A list in brackets."""
        space = self.draw(st.sampled_from(SPACES))
        return f"[{space}{f'{space}, '.join(value)}{space}]"

    def body(self, value: Body, indent: int) -> list[str]:
        """The lines of a body, with comments."""
        lines = []
        for statement in value.statements:
            parts = statement.split("§")
            text = "".join(part + self.comment() for part in parts[:-1]) + parts[-1]
            behind = "" if text.endswith("§") else self.behind()
            lines += [" " * indent + line for line in f"{text}{behind}".split("\n")]
            lines += self.before(indent)
        return lines


bodies = st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4).map(
    lambda lines: Body(tuple(lines))
)
scalars = st.sampled_from([text for text in SCALARS if text != "a: b"])
values = bodies | st.lists(bodies, min_size=1, max_size=2) | st.just("f(x)  ==  1")
rules = st.fixed_dictionaries(
    {"id": st.just("one"), "title": scalars, "when": values, "action": st.just("go")},
    optional={"evidence": st.just(("e", "k")) | st.just(["e"])},
)
policies = st.fixed_dictionaries(
    {
        "policy": st.just("sloppy"),
        "kind": st.just("verifier"),
        "version": st.just("1.0.0"),
        "status": st.just("test"),
        "title": scalars,
        "rules": st.lists(rules, min_size=1, max_size=2),
    },
    optional={
        "references": st.lists(scalars, min_size=1, max_size=2),
        "falsepositives": st.just(("'one'", "two")),
        "define": st.fixed_dictionaries(
            {"f(x, y)": values}, optional={"s contains e": values}
        ),
    },
)


@st.composite
def files(draw: Callable[[Any], Any]) -> tuple[str, list[str]]:
    """A policy file and its comments."""
    scribe = Scribe(draw)
    lines = scribe.mapping(draw(policies), 0)
    lines += scribe.before(0)
    return "\n".join(lines) + "\n", scribe.comments
