"""Random policies that are well-typed by construction, and documents for them.

A policy is text: it goes through the parser, the checker and the lowering like any
other. Types are called by a word; a scope says of which word each variable is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st
from policy_modules import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn

ValueT = TypeVar("ValueT")

# Taken from the front, so that inner scopes use them again and again; some are words of
# Python, or names that the generated source uses for something else.
NAMES = ("x", "class", "maybe", "for_", "x_2", "f_x_2", "I", "key", "once", "K0", "C")
# Not literals alone: the checker knows their values, and which can't be equal.
LETTERS = tuple(f'concat("", ["{text}"])' for text in ("", "a", "b", "ab", "B-a", "é"))

DEFINES: dict[str, tuple[str, ...]] = {
    "big(n)": ("n > 1", "n < -2\nn % 2 == 0"),
    "twice(n) := n * 2": ("",),
    "half(n) := n / m": ("m := n - 1",),
    "named(e) := lower(e.host)": ('e.host != "b"',),
    "hosts contains e.host": ("some e in input.events",),
    "sizes contains e.size": ('some e in input.events\ne.kind == "network"',),
    "limit := max([v | some v in input.limits])": ("",),
}
# For each word: templates, in which `<word>` is an expression of that word and
# `<[]word>` a comprehension; those that may have no value stand apart.
TOTAL: dict[str, tuple[str, ...]] = {
    "int": (
        "<int> + <int>",
        "<int> - <int>",
        "<int> * <int>",
        "<int> % 2",
        "count(<texts>)",
        "count(<textset>)",
        "count(<text>)",
        "sum(<ints>)",
        "product(<ints>)",
        "abs(<int>)",
        "round(<num>)",
        "floor(<num>)",
        "twice(<int>)",
        'object.get(input.limits, "a", <int>)',
        "object.get(input.limits, <text>, <int>)",
        'indexof(<text>, "a")',
        "strings.count(<text>, <text>)",
        "count(sizes)",
    ),
    "num": (
        "<int>",
        "<num> + <num>",
        "<num> * <num>",
        "<num> / 4",
        "0.5",
        "sum([0.1, <num>])",
    ),
    "text": (
        "lower(<text>)",
        "upper(<text>)",
        "trim(<text>, <text>)",
        'concat("-", <texts>)',
        "concat(<text>, <textset>)",
        "replace(<text>, <text>, <text>)",
        "strings.reverse(<text>)",
    ),
    "bool": (
        "<int> == <int>",
        "<int> != <num>",
        "<num> < <num>",
        "<int> >= <int>",
        "<text> == <text>",
        "<text> in <texts>",
        "<text> in <textset>",
        "<int> in <ints>",
        "<int> in <map>",
        "<text> in hosts",
        "<textset> == <textset>",
        "<ints> != <ints>",
        "<texts> == <texts>",
        "startswith(<text>, <text>)",
        "contains(<text>, <text>)",
        'regex.match("^[ab]+$", <text>)',
        'glob.match("a*", [], <text>)',
        "strings.any_prefix_match(<text>, <textset>)",
    ),
    "texts": (
        "[<text>, <text>]",
        "<[]text>",
        "split(<text>, <text>)",
        "sort(<texts>)",
        "sort(<textset>)",
    ),
    "textset": (
        "{<text>, <text>}",
        "<{}text>",
        "<textset> | <textset>",
        "<textset> - <textset>",
        "<textset> & hosts",
    ),
    "ints": (
        "[<int>, <int>]",
        "<[]int>",
        "sort(<ints>)",
        "array.concat(<ints>, <ints>)",
    ),
    "map": ("<{:}int>", "input.limits"),
}
PARTIAL: dict[str, tuple[str, ...]] = {
    "int": (
        "<ints>[<int>]",
        "<int> % <int>",
        "max(<ints>)",
        "input.limits[<text>]",
        "<map>[<text>]",
        "input.limits.a",
        "limit",
    ),
    "num": ("<num> / <num>", "to_number(<text>)", "half(<int>)"),
    "text": (
        "<texts>[<int>]",
        "substring(<text>, <int>, <int>)",
        "min(<textset>)",
        'sprintf("%v", [<num>])',
    ),
    "bool": ("regex.match(<text>, <text>)",),
    "ints": ("numbers.range(<int>, <int>)",),
}
SIMPLE = {
    "int": ("0", "1", "2", "-3", "count(input.names)"),
    "num": ("1", "0.25", "input.threshold"),
    "text": LETTERS,
    "bool": (
        "true",
        "false",
        "input.threshold < 1",
        "[v0 | some v0 in [1, 2]] != [1, 2]",
    ),
    "texts": ("input.names", '["a" | false]', '["a", "b"]'),
    "textset": ('{"a", "B-a", "b", "ab"}', "hosts", '{"a" | false}'),
    "ints": ("[1, 2, 2]", "[1 | false]", "[e0.size | some e0 in input.events]"),
    "map": (
        "input.limits",
        "{e0.host: e0.size | some e0 in input.events}",
        '{k0: 1 | some k0 in ["a", "b"]}',
    ),
}
ELEMENTS = {"texts": "text", "textset": "text", "ints": "int", "map": "int"}
KEYS = {"texts": "int", "textset": "text", "ints": "int", "map": "text"}
FIELDS = {
    "event": {"text": ("{}.host", "{}.id"), "int": ("{}.size",)},
    "process": {
        "text": ("{}.host", "{}.id"),
        "int": ("{}.size",),
        "bool": ("{}.signed",),
    },
    "network": {"text": ("{}.host",), "int": ("{}.size", "{}.port")},
}
OPTIONAL = {
    "event": {"text": ("named({})",)},
    "process": {"text": ("{}.parent.name", "{}.parent.user"), "num": ("{}.score",)},
}
PLACE = re.compile(r"<(\[\]|\{\}|\{:\}|)(\w+)>")


@dataclass(slots=True)
class Writer:
    """Writes one body; `strict` where nothing may be undefined.

    Attributes:
        scope: The word of each variable.
        room: How many more expressions may be nested or long.
    """

    draw: DrawFn
    scope: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    room: int = 12

    def pick(self, values: Sequence[ValueT]) -> ValueT:
        return self.draw(st.sampled_from(values))

    def inner(self, *, strict: bool = False) -> Writer:
        return Writer(self.draw, dict(self.scope), self.strict or strict, self.room - 4)

    def bind(self, word: str) -> str:
        name = next(
            name
            for name in (*NAMES, *map("y{}".format, range(99)))
            if name not in self.scope
        )
        self.scope[name] = word
        return name

    def expression(self, word: str) -> str:
        self.room -= 1
        simple = (*SIMPLE[word], *self.variables(word))
        if self.room <= 0:
            return self.pick(simple)
        templates = TOTAL[word] if self.strict else TOTAL[word] + PARTIAL.get(word, ())
        chosen = self.pick((*simple, *templates))
        return chosen if chosen in simple else self.filled(chosen)

    def filled(self, template: str) -> str:
        def replace(match: re.Match[str]) -> str:
            brackets, word = match.groups()
            if brackets:
                return self.comprehension(brackets, word)
            return f"({self.expression(word)})"

        return PLACE.sub(replace, template)

    def variables(self, word: str) -> list[str]:
        found = [name for name, known in self.scope.items() if known == word]
        for name, known in self.scope.items():
            reads = FIELDS.get(known, {}).get(word, ())
            if not self.strict:
                reads += OPTIONAL.get(known, {}).get(word, ())
            found += [read.format(name) for read in reads]
        return found

    def comprehension(self, brackets: str, word: str) -> str:
        writer = self.inner()
        lines = writer.lines(self.draw(st.integers(1, 3)))
        head = writer.expression(word)
        head = f"{writer.key()}: ({head})" if brackets == "{:}" else f"({head})"
        lines = writer.used(lines, self.scope)
        return f"{brackets[0]}{head} | {'; '.join(lines)}{brackets[-1]}"

    def key(self) -> str:
        return self.pick([*LETTERS, *self.variables("text")])

    def lines(self, number: int) -> list[str]:
        return [self.line() for _ in range(number)]

    def body(self, number: int) -> list[str]:
        return self.used(self.lines(number), {})

    def used(self, lines: list[str], outer: dict[str, str]) -> list[str]:
        """The lines, and one for each variable: to bind one for nothing is an error."""
        bound = [name for name in self.scope if name not in outer]
        return lines + [USES[self.scope[name]].format(name) for name in bound]

    def line(self) -> str:
        kinds: list[Callable[[], str]] = [self.condition, self.some_event]
        if self.room > 0:
            kinds += [self.assign, self.negation, self.every, self.narrow]
            kinds += [self.assign, self.some, self.some, self.narrow]
        return self.pick(kinds)()

    def condition(self) -> str:
        if self.draw(st.booleans()):
            return self.expression("bool")
        return self.filled(self.pick(("big(<int>)", "big(<int>)", "<int> % 2 == 1")))

    def some_event(self) -> str:
        return f"some {self.bind('event')} in input.events"

    def some(self) -> str:
        word = self.pick(tuple(ELEMENTS))
        source = self.expression(word)
        if self.draw(st.booleans()):
            key = self.bind(KEYS[word])
            return f"some {key}, {self.bind(ELEMENTS[word])} in {source}"
        return f"some {self.bind(ELEMENTS[word])} in {source}"

    def assign(self) -> str:
        word = self.pick(tuple(TOTAL))
        source = self.expression(word)
        return f"{self.bind(word)} := {source}"

    def negation(self) -> str:
        return f"not {self.inner(strict=True).condition()}"

    def every(self) -> str:
        word = self.pick(tuple(ELEMENTS))
        source, writer = self.expression(word), self.inner(strict=True)
        name = writer.bind(ELEMENTS[word])
        lines = writer.used(writer.lines(2), self.scope)
        return f"every {name} in {source} {{ {'; '.join(lines)} }}"

    def narrow(self) -> str:
        events = [name for name, word in self.scope.items() if word == "event"]
        if not events:
            return self.some_event()
        name, kind = self.pick(events), self.pick(("process", "network"))
        self.scope[name] = kind
        return f'{name}.kind == "{kind}"'


SHOWN = {
    "int": "{} * 3",
    "num": "{} * 5",
    "text": 'count({0}) + indexof({0}, "b")',
    "bool": "count([1 | {}])",
    "texts": 'indexof(concat("", {}), "b")',
    "textset": 'indexof(concat("", {}), "b")',
    "ints": "sum([v1 | some k0, v0 in {}; v1 := v0 * (k0 + 1)])",
    "map": "sum([v1 | some k0, v0 in {}; v1 := v0 * (count(k0) + 1)])",
    "event": "{}.size",
    "process": "{}.size",
    "network": "{}.size",
}
USES = {
    "int": "{0} >= {0}",
    "num": "{0} >= {0}",
    "text": "{0} == {0}",
    "bool": "{0} == {0}",
    "texts": "count({0}) >= 0",
    "textset": "count({0}) >= 0",
    "ints": "count({0}) >= 0",
    "map": "count({0}) >= 0",
    "event": '{0}.id != "z"',
    "process": '{0}.id != "z"',
    "network": '{0}.id != "z"',
}


@st.composite
def programs(draw: DrawFn) -> Texts:
    """A rule of one to three bodies; the value of one body shows its variables."""
    writers, bodies = [], []
    for _ in range(draw(st.integers(1, 3))):
        writer = Writer(draw)
        writers.append(writer)
        event = writer.bind("event")
        lines = writer.body(draw(st.integers(1, 5)))
        bodies.append("\n".join([f"some {event} in input.events", *lines]))
    value = shown(writers[0].scope) if len(bodies) == 1 else f"{NAMES[0]}.size"
    return Texts({"rule": tuple(bodies)}, DEFINES, evidence=(NAMES[0],), value=value)


def shown(scope: dict[str, str]) -> str:
    """A number that depends on all variables."""
    parts = [SHOWN[word].format(name) for name, word in scope.items()]
    return f"sum([{', '.join(parts)}])"


texts = st.sampled_from(("", "a", "b", "ab", "B-a", "é", "("))
process_events = st.fixed_dictionaries(
    {
        "id": st.sampled_from(("e1", "e2", "e3")),
        "kind": st.just("process"),
        "host": texts,
        "size": st.integers(-3, 3),
        "signed": st.booleans(),
        "at": st.just("2026-01-31T08:00:00Z"),
    },
    optional={
        "score": st.integers(-2, 2) | st.decimals(-2, 2, places=2),
        "parent": st.fixed_dictionaries({"name": texts}, optional={"user": texts}),
    },
)
network_events = st.fixed_dictionaries(
    {
        "id": st.sampled_from(("e1", "e2", "e3")),
        "kind": st.just("network"),
        "host": texts,
        "size": st.integers(-3, 3),
        "ip": st.just("10.0.0.1"),
        "port": st.integers(0, 3),
    }
)
documents: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "events": st.lists(process_events | network_events, min_size=1, max_size=4),
        "names": st.lists(texts, max_size=3),
        "limits": st.dictionaries(texts, st.integers(-2, 3), max_size=3),
        "threshold": st.integers(-2, 2) | st.decimals(-2, 2, places=1),
        "networks": st.just([]),
    }
)
