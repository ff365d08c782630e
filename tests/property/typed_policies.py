"""Random policies that mostly compile, and documents that fit their schema.

Texts are drawn by type from what is bound, so that lines read what the lines before
them bound, narrowed and guarded. What the checker refuses all the same is left out by
the test, which counts how often that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from opensoc_engine import types as t

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = Callable[[st.SearchStrategy[Any]], Any]

INTEGER, NUMBER, TEXT = t.Number(integer=True), t.Number(), t.Text()
META = t.Object(
    "Meta",
    (
        t.Field("owner", TEXT, required=False),
        t.Field("score", NUMBER),
        t.Field("level", t.Enum(("high", "low")), required=False),
    ),
)
_SHARED = (
    t.Field("id", TEXT, identity=True),
    t.Field("size", INTEGER),
    t.Field("tags", t.Array(TEXT)),
    t.Field("signed", t.Boolean()),
    t.Field("meta", META, required=False),
)
FILE = t.Object(
    "File", (*_SHARED, t.Field("kind", t.Enum(("file",))), t.Field("path", TEXT))
)
FLOW = t.Object(
    "Flow",
    (
        *_SHARED,
        t.Field("kind", t.Enum(("flow",))),
        t.Field("port", INTEGER, required=False),
        t.Field("hosts", t.Array(TEXT), required=False),
        t.Field("ip", t.Address()),
    ),
)
DOCUMENT = t.Object(
    "Document",
    (
        t.Field("items", t.Array(t.Union("item", "kind", (FILE, FLOW)))),
        t.Field("names", t.Array(TEXT)),
        t.Field("numbers", t.Array(INTEGER)),
        t.Field("limits", t.Map(TEXT, INTEGER)),
        t.Field("threshold", NUMBER),
        t.Field("strict", t.Boolean()),
        t.Field("networks", t.Array(t.Network())),
        t.Field("at", t.Array(t.Timestamp())),
        t.Field("site", t.Object("Site", (t.Field("name", TEXT),)), required=False),
    ),
)
LISTS = {
    "words": ("a", "ab", "b-c"),
    "costs": {"file": 1, "flow": 3},
    "private": ("10.0.0.0/8", "192.168.0.0/16", "fe80::/10"),
}

# ---- documents: few different values, so that many things are equal

WORDS = st.sampled_from(("", "a", "b", "ab", "a-b", "b-c", "A", "a.b", "file", "é"))
SMALL = st.integers(-3, 12)
QUARTERS = st.integers(-8, 40).map(lambda n: n / 4)
META_VALUES = st.fixed_dictionaries(
    {"score": QUARTERS},
    optional={"owner": WORDS, "level": st.sampled_from(("high", "low"))},
)
_COMMON: dict[str, Any] = {
    "size": SMALL,
    "tags": st.lists(WORDS, max_size=3),
    "signed": st.booleans(),
}
ADDRESSES = st.sampled_from(
    ("10.1.2.3", "192.168.0.9", "8.8.8.8", "::ffff:10.0.0.1", "fe80::1", "2001:db8::9")
)
ITEMS = st.fixed_dictionaries(
    {**_COMMON, "kind": st.just("file"), "path": WORDS}, optional={"meta": META_VALUES}
) | st.fixed_dictionaries(
    {**_COMMON, "kind": st.just("flow"), "ip": ADDRESSES},
    optional={
        "meta": META_VALUES,
        "port": SMALL,
        "hosts": st.lists(WORDS, max_size=2),
    },
)
TIMES = st.sampled_from(
    (
        "2026-01-31T08:00:00Z",
        "2026-01-31T09:00:00+01:00",
        "2026-01-31T08:00:00.25Z",
        "1999-12-31T23:59:59-11:30",
    )
)


def _numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, "id": f"i{number}"} for number, item in enumerate(items)]


DOCUMENTS = st.fixed_dictionaries(
    {
        "items": st.lists(ITEMS, max_size=4).map(_numbered),
        "names": st.lists(WORDS, max_size=3),
        "numbers": st.lists(SMALL, max_size=4),
        "limits": st.dictionaries(WORDS, SMALL, max_size=3),
        "threshold": QUARTERS,
        "strict": st.booleans(),
        "networks": st.lists(
            st.sampled_from(("10.0.0.0/8", "10.1.2.0/24", "fe80::/10", "::/0")),
            max_size=2,
        ),
        "at": st.lists(TIMES, max_size=3),
    },
    optional={"site": st.fixed_dictionaries({"name": WORDS})},
)

# ---- policies

# Names that mean something inside Rego; the first ones are operators of OPA.
ODD_HELPERS = ("div", "rem", "plus", "minus", "eq", "internal", "union", "walk")
ODD_VARIABLES = ("count", "net", "time", "object", "value", "evidence", "item", "ids")


@dataclass(frozen=True)
class Policy:
    """A policy as texts: helpers by head, rules by id, with bodies, evidence, value."""

    defines: dict[str, tuple[str, ...]]
    rules: dict[str, tuple[tuple[str, ...], tuple[str, ...], str | None]]


@dataclass
class Scope:
    """What may be read: variables by type, and what is known about items.

    Attributes:
        guarded: Optional paths of an item that are there.
        total: True where nothing may be undefined.
    """

    variables: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    guarded: set[str] = field(default_factory=set)
    total: bool = False

    def of(self, kind: str) -> list[str]:
        """The variables of a type."""
        return self.variables.get(kind, [])

    def inner(self, *, total: bool = False) -> Scope:
        """A copy for an inner body."""
        variables = {kind: list(names) for kind, names in self.variables.items()}
        known = (list(self.files), list(self.flows), set(self.guarded))
        return Scope(variables, *known, total or self.total)

    def add(self, kind: str, name: str) -> str:
        """Bind a variable."""
        self.variables.setdefault(kind, []).append(name)
        return name


@dataclass
class Author:
    """Writes one policy."""

    draw: Draw
    helpers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    count: int = 0
    taken: set[str] = field(default_factory=set)

    def fresh(self, stem: str, odd: tuple[str, ...] = ODD_VARIABLES) -> str:
        """A name that is new; some are names that Rego has taken for itself."""
        self.count += 1
        if self.draw(st.integers(0, 9)) == 0:
            free = [name for name in odd if name not in self.taken]
            if free:
                name: str = self.pick(*free)
                self.taken.add(name)
                return name
        return f"{stem}{self.count}"

    def pick(self, *choices: Any) -> Any:
        """One of some values."""
        return self.draw(st.sampled_from(choices))

    def one_of(self, *writers: Callable[[], str]) -> str:
        """What one of some writers writes."""
        found: str = self.pick(*writers)()
        return found

    # Expressions by type; `depth` is what may still be nested.

    def integer(self, scope: Scope, depth: int = 2) -> str:
        """An integer."""
        leaves: list[Callable[[], str]] = [lambda: str(self.draw(st.integers(0, 9)))]
        leaves += [lambda v=v: v for v in scope.of("integer")]
        leaves += [lambda v=v: f"{v}.size" for v in scope.of("item")]
        leaves += [lambda v=v: f"data.costs[{v}.kind]" for v in scope.of("item")]
        if not scope.total:
            leaves += [lambda v=v: f"{v}.port" for v in scope.flows]
            leaves.append(lambda: f"input.numbers[{self.draw(st.integers(0, 3))}]")
        leaves += [lambda g=g: g for g in sorted(scope.guarded) if g.endswith(".port")]
        if depth == 0:
            return self.one_of(*leaves)
        deeper = depth - 1

        def both(operator: str) -> str:
            left, right = self.integer(scope, deeper), self.integer(scope, deeper)
            return f"({left} {operator} {right})"

        more: list[Callable[[], str]] = [
            lambda: both(self.pick("+", "-", "*")),
            lambda: f"count({self.collection(scope, deeper)})",
            lambda: f"count({self.text(scope, deeper)})",
            lambda: f"abs({self.integer(scope, deeper)})",
            lambda: f"floor({self.number(scope, deeper)})",
            lambda: f"round({self.number(scope, deeper)})",
            lambda: f"sum({self.integers(scope, deeper)})",
            lambda: f"({self.integer(scope, deeper)} % {self.pick(2, 3, 7)})",
            lambda: f'indexof({self.text(scope, deeper)}, "b")',
            lambda: (
                f"object.get(input.limits, {self.text(scope, deeper)}, "
                f"{self.integer(scope, deeper)})"
            ),
            lambda: self.call("integer", scope, deeper) or "7",
        ]
        if not scope.total:
            more += [
                lambda: both("%"),
                lambda: f"floor({both('/')})",
                lambda: f"{self.pick('max', 'min')}({self.integers(scope, deeper)})",
                lambda: f"input.limits[{self.text(scope, deeper)}]",
            ]
        return self.one_of(*leaves, *more)

    def number(self, scope: Scope, depth: int = 1) -> str:
        """A number with a fraction that binary floats hold exactly."""
        leaves: list[Callable[[], str]] = [
            lambda: self.pick("0.5", "1.25", "3.0", "-0.75"),
            lambda: "input.threshold",
            lambda: self.integer(scope, 0),
        ]
        leaves += [
            lambda g=g: f"{g}.score"
            for g in sorted(scope.guarded)
            if g.endswith(".meta")
        ]
        if not scope.total:
            leaves += [lambda v=v: f"{v}.meta.score" for v in scope.of("item")]
        if depth == 0:
            return self.one_of(*leaves)
        operator, deeper = self.pick("+", "-", "*"), depth - 1
        left, right = self.number(scope, deeper), self.number(scope, deeper)
        return self.one_of(*leaves, lambda: f"({left} {operator} {right})")

    def text(self, scope: Scope, depth: int = 2) -> str:
        """A string."""
        leaves: list[Callable[[], str]] = [
            lambda: self.pick('"a"', '"b"', '"a-b"', '""', "`a.b`", '"file"')
        ]
        leaves += [lambda v=v: v for v in scope.of("text")]
        leaves += [lambda v=v: f"{v}.id" for v in scope.of("item")]
        leaves += [lambda v=v: f"{v}.path" for v in scope.files]
        leaves += [
            lambda v=v: f'object.get({v}, ["meta", "owner"], "none")'
            for v in scope.of("item")
        ]
        leaves += [lambda g=g: g for g in sorted(scope.guarded) if g.endswith(".owner")]
        if not scope.total:
            leaves += [lambda v=v: f"{v}.meta.owner" for v in scope.of("item")]
            leaves += [lambda: "input.names[0]", lambda: "input.site.name"]
        if depth == 0:
            return self.one_of(*leaves)
        deeper = depth - 1
        more: list[Callable[[], str]] = [
            lambda: f"{self.pick('lower', 'upper')}({self.ascii(scope, deeper)})",
            lambda: f'concat("-", {self.collection(scope, deeper)})',
            lambda: f"substring({self.text(scope, deeper)}, 0, {self.pick(1, 2, -1)})",
            lambda: f'replace({self.text(scope, deeper)}, "a", "xy")',
            lambda: (
                f"{self.pick('trim', 'trim_left', 'trim_suffix')}"
                f'({self.text(scope, deeper)}, "b")'
            ),
            lambda: f'sprintf("<%s>", [{self.text(scope, deeper)}])',
            lambda: f'sprintf("%d", [{self.integer(scope, deeper)}])',
            lambda: self.call("text", scope, deeper) or '"t"',
        ]
        return self.one_of(*leaves, *more)

    def ascii(self, scope: Scope, depth: int) -> str:
        """A string whose letters every engine can turn into capitals."""
        found = self.text(scope, depth)
        return f'replace({found}, "é", "e")'

    def collection(self, scope: Scope, depth: int = 1) -> str:
        """An array or a set of strings."""
        return self.one_of(
            lambda: self.texts(scope, depth), lambda: self.set(scope, depth)
        )

    def texts(self, scope: Scope, depth: int = 1) -> str:
        """An array of strings."""
        leaves: list[Callable[[], str]] = [lambda: "input.names", lambda: "data.words"]
        leaves += [lambda v=v: f"{v}.tags" for v in scope.of("item")]
        leaves += [lambda v=v: v for v in scope.of("texts")]
        leaves += [lambda g=g: g for g in sorted(scope.guarded) if g.endswith(".hosts")]
        if not scope.total:
            leaves += [lambda v=v: f"{v}.hosts" for v in scope.flows]
        if depth == 0:
            return self.one_of(*leaves)
        deeper = depth - 1
        return self.one_of(
            *leaves,
            lambda: f"[{self.text(scope, deeper)}, {self.text(scope, deeper)}]",
            lambda: self.comprehension(scope, deeper, "[", "]"),
            lambda: f'split({self.text(scope, deeper)}, "-")',
            lambda: f"sort({self.collection(scope, deeper)})",
            lambda: (
                "array.concat"
                f"({self.texts(scope, deeper)}, {self.texts(scope, deeper)})"
            ),
            lambda: f"array.slice({self.texts(scope, deeper)}, 0, {self.pick(1, 2)})",
        )

    def set(self, scope: Scope, depth: int = 1) -> str:
        """A set of strings."""
        leaves: list[Callable[[], str]] = [
            lambda: '{"a", "ab"}',
            lambda: "object.keys(input.limits)",
            *(lambda n=n: n for n, _ in self.helpers.get("set", [])),
            *(lambda v=v: v for v in scope.of("set")),
        ]
        if depth == 0:
            return self.one_of(*leaves)
        deeper = depth - 1
        return self.one_of(
            *leaves,
            lambda: self.comprehension(scope, deeper, "{", "}"),
            lambda: (
                f"({self.set(scope, deeper)} {self.pick('|', '&', '-')} "
                f"{self.set(scope, deeper)})"
            ),
        )

    def integers(self, scope: Scope, depth: int = 1) -> str:
        """An array of integers."""
        return self.one_of(
            lambda: "input.numbers",
            lambda: f"[{self.integer(scope, 0)}, {self.integer(scope, 0)}]",
            lambda: (
                f"numbers.range(1, {self.pick(1, 3)})"
                if not scope.total
                else "input.numbers"
            ),
            lambda: self.of_items(scope, depth),
            lambda: self.of_times(scope, depth),
        )

    def of_items(self, scope: Scope, depth: int) -> str:
        """What some items hold."""
        inner, name = scope.inner(), self.fresh("it")
        inner.add("item", name)
        lines = [f"some {name} in input.items"]
        lines += self.conditions(inner, depth)
        return f"[{name}.size | {'; '.join(lines)}]"

    def of_times(self, scope: Scope, depth: int) -> str:
        """How far some times are from a fixed one, in quarters of a second."""
        start = 'time.parse_rfc3339_ns("2026-01-31T08:00:00Z")'
        name = self.fresh("at")
        gap = f"time.parse_rfc3339_ns({name}) - {start}"
        return f"[floor(({gap}) / 250000000) | some {name} in input.at]"

    def comprehension(self, scope: Scope, depth: int, left: str, right: str) -> str:
        """A comprehension of strings; arrays come from arrays, as sets have no order."""
        inner, name = scope.inner(), self.fresh("x")
        source = self.texts if left == "[" else self.collection
        lines = [f"some {name} in {source(scope, depth)}"]
        if self.pick(True, False):
            key = self.fresh("k")
            lines = [f"some {key}, {name} in {self.texts(scope, depth)}"]
            inner.add("integer", key)
            lines.append(f"{key} >= 0")
        inner.add("text", name)
        lines += self.conditions(inner, depth)
        head = self.pick(name, f'concat("", [{name}, "b"])')
        return f"{left}{head} | {'; '.join(lines)}{right}"

    def call(self, kind: str, scope: Scope, depth: int) -> str | None:
        """A call of a helper of some type, if there is one that fits."""
        fits = [
            (name, parameter)
            for name, parameter in self.helpers.get(kind, [])
            if parameter != "item" or scope.of("item")
        ]
        if not fits:
            return None
        name, parameter = self.pick(*fits)
        if parameter == "item":
            return f"{name}({self.pick(*scope.of('item'))})"
        return f"{name}({getattr(self, parameter)(scope, depth)})"

    # Lines.

    def conditions(self, scope: Scope, depth: int) -> list[str]:
        """None, one or two conditions."""
        return [
            self.condition(scope, depth) for _ in range(self.draw(st.integers(0, 2)))
        ]

    def condition(self, scope: Scope, depth: int = 1) -> str:
        """A line that holds or not; none that narrows or guards."""
        writers: list[Callable[[], str]] = [
            lambda: (
                f"{self.integer(scope, depth)} "
                f"{self.pick('==', '!=', '<', '<=', '>', '>=')} "
                f"{self.number(scope, depth)}"
            ),
            lambda: (
                f"{self.text(scope, depth)} {self.pick('==', '!=')} "
                f"{self.text(scope, depth)}"
            ),
            lambda: f"{self.text(scope, depth)} in {self.collection(scope, depth)}",
            lambda: f"{self.integer(scope, depth)} in {self.integers(scope, depth)}",
            lambda: f"{self.integer(scope, 0)} in input.limits",
            lambda: (
                f"{self.texts(scope, depth)} {self.pick('==', '!=')} "
                f"{self.texts(scope, depth)}"
            ),
            lambda: f"{self.set(scope, depth)} == {self.set(scope, depth)}",
            lambda: (
                f"{self.pick('contains', 'startswith', 'endswith')}"
                f"({self.text(scope, depth)}, {self.text(scope, depth)})"
            ),
            lambda: (
                "strings.any_prefix_match"
                f"({self.text(scope, depth)}, {self.collection(scope, depth)})"
            ),
            lambda: f'regex.match("^a[.-]?b*$", {self.text(scope, depth)})',
            lambda: (
                f'glob.match("{self.pick("a*", "?", "*.b")}", [], '
                f"{self.text(scope, depth)})"
            ),
            lambda: "input.strict",
            lambda: self.call("predicate", scope, depth) or "input.strict",
            lambda: self.every(scope, depth),
        ]
        writers += [lambda v=v: f"{v}.signed" for v in scope.of("item")]
        writers += [
            lambda v=v: (
                "net.cidr_contains"
                f"({self.pick(chr(34) + '10.0.0.0/9' + chr(34), 'data.private[0]')}, {v}.ip)"
            )
            for v in scope.flows
            if not scope.total
        ]
        return self.one_of(*writers, lambda: self.negation(scope, depth))

    def negation(self, scope: Scope, depth: int) -> str:
        """A line that holds if another one does not."""
        found = self.condition(scope.inner(total=True), max(depth - 1, 0))
        if found.startswith(("not ", "every ")):
            return "not input.strict"
        return f"not {found}"

    def every(self, scope: Scope, depth: int) -> str:
        """A line that holds for all elements."""
        inner, name = scope.inner(total=True), self.fresh("y")
        deeper = max(depth - 1, 0)
        source = self.collection(scope, deeper)
        inner.add("text", name)
        lines = [f"{name} != {self.text(inner, deeper)}", *self.conditions(inner, 0)]
        return f"every {name} in {source} {{ {'; '.join(lines)} }}"

    def line(self, scope: Scope) -> list[str]:
        """A line, and those that must stand beside it."""
        return self.pick(
            self.item,
            self.items,
            self.element,
            self.pair,
            self.assignment,
            self.guard,
            lambda scope: [self.condition(scope)],
            lambda scope: [self.condition(scope)],
        )(scope)

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
        source = self.collection(scope)
        name = scope.add("text", self.fresh("s"))
        return [f"some {name} in {source}", _unlike(name)]

    def pair(self, scope: Scope) -> list[str]:
        """A key and a value."""
        if self.pick(True, False):
            source, kinds = "input.limits", ("text", "integer")
        else:
            source, kinds = self.texts(scope), ("integer", "text")
        names = [scope.add(kind, self.fresh("k")) for kind in kinds]
        tests = [
            _unlike(name) if kind == "text" else f"{name} != 99"
            for name, kind in zip(names, kinds, strict=True)
        ]
        return [f"some {', '.join(names)} in {source}", *tests]

    def assignment(self, scope: Scope) -> list[str]:
        """A name for a value, and a use of it."""
        kind = self.pick("integer", "text", "texts", "set")
        value = getattr(self, kind)(scope)
        name = scope.add(kind, self.fresh("n"))
        if kind == "text":
            return [f"{name} := {value}", _unlike(name)]
        used = name if kind == "integer" else f"count({name})"
        return [f"{name} := {value}", f"{used} != 77"]

    def guard(self, scope: Scope) -> list[str]:
        """Something optional that must be there, or must not."""
        paths = [f"{item}.meta" for item in scope.of("item")]
        paths += [
            f"{flow}.{name}" for flow in scope.flows for name in ("port", "hosts")
        ]
        paths += [f"{path}.owner" for path in scope.guarded if path.endswith(".meta")]
        paths = [path for path in sorted(paths) if path not in scope.guarded]
        if not paths:
            return [self.condition(scope)]
        path = self.pick(*paths)
        if self.pick(True, True, False):
            scope.guarded.add(path)
            return [path]
        return [f"not {path}"]

    def body(self, scope: Scope, most: int) -> str:
        """The lines of a body."""
        count = self.draw(st.integers(1, most))
        return "\n".join(line for _ in range(count) for line in self.line(scope))

    def define(self) -> tuple[str, tuple[str, ...]]:
        """A helper; later ones may call it."""
        kind = self.pick("predicate", "predicate", "integer", "text", "set")
        if kind == "set":
            return self._set_helper()
        name, scope = self.fresh("h", ODD_HELPERS), Scope()
        parameter = self.pick("item", "text", "integer")
        argument = scope.add(parameter, self.fresh("p"))
        use = {"item": f"{argument}.size != 99", "text": f'{argument} != "p"'}.get(
            parameter, f"{argument} != 99"
        )
        if kind == "predicate":
            bodies = tuple(
                f"{use}\n{self.body(scope.inner(), 2)}"
                for _ in range(self.draw(st.integers(1, 2)))
            )
            self.helpers.setdefault(kind, []).append((name, parameter))
            return f"{name}({argument})", bodies
        value = getattr(self, kind)(scope)
        body = self.pick("", use)
        if argument not in value:
            body = use
        self.helpers.setdefault(kind, []).append((name, parameter))
        return f"{name}({argument}) := {value}", (body,)

    def _set_helper(self) -> tuple[str, tuple[str, ...]]:
        name, scope = self.fresh("set", ODD_HELPERS), Scope()
        source, element = self.collection(scope), self.fresh("m")
        scope.add("text", element)
        lines = [f"some {element} in {source}", *self.conditions(scope, 1)]
        self.helpers.setdefault("set", []).append((name, ""))
        return f"{name} contains {element}", ("\n".join(lines),)

    def rule(self) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
        """The bodies of a rule, its evidence, and what it adds."""
        scope = Scope()
        body = "\n".join((*self.item(scope), self.body(scope, 3)))
        evidence = (*scope.of("item")[:2], *scope.of("items")[:1])
        total = scope.inner(total=True)
        value = self.number(total) if self.pick(True, False) else None
        return (body,), evidence, value


def _unlike(name: str) -> str:
    """A line that uses a string, whatever is known about it."""
    return f'concat("", [{name}]) != "zz"'


@st.composite
def policies(draw: Draw) -> Policy:
    """A policy of up to three helpers and two rules."""
    author = Author(draw)
    defines = dict(author.define() for _ in range(draw(st.integers(0, 3))))
    rules = {f"r{n}": author.rule() for n in range(draw(st.integers(1, 2)))}
    return Policy(defines, rules)
