"""Random policies that are not well-typed by construction, grown line by line.

A line is random text over the fields of a nasty schema; it stays if the policy with it
compiles. So what is left is what the checker believes in, strange as it may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.builtins import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
IDENTITY = {**TEXT, "x-identity": True}
TIME = {**TEXT, "format": "date-time"}


def record(optional: str = "", **properties: Any) -> dict[str, Any]:
    """A closed object; names in `optional` may be absent."""
    required = [name for name in properties if name not in optional.split()]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


PARENT = record("name pid", name=TEXT, pid=INTEGER)
PROCESS = record("user size parent", name=TEXT, user=TEXT, size=NUMBER, parent=PARENT)
EVENT = {
    "oneOf": [
        record(
            "score host",
            id=IDENTITY,
            kind={"const": "proc"},
            at=TIME,
            p=PROCESS,
            score=NUMBER,
            host=record(name=TEXT),
        ),
        record(
            "ip host port answers",
            id=IDENTITY,
            kind={"const": "net"},
            at=TIME,
            ip={**TEXT, "format": "ip-address"},
            host=TEXT,
            port=INTEGER,
            answers=array(TEXT),
        ),
        record(
            "p note",
            id=IDENTITY,
            kind={"enum": ["made", "gone"]},
            at=TIME,
            f=record("size", path=TEXT, size=INTEGER),
            p=PROCESS,
            note={**TEXT, "x-trust": "free_text"},
        ),
    ],
    "discriminator": {"propertyName": "kind"},
}
HOST = record(
    "tier tags net",
    n=TEXT,
    tier={"enum": ["T0", "T1"]},
    tags=array(TEXT),
    net={**TEXT, "format": "cidr"},
)
OPEN = {"type": "object", "required": ["a"], "properties": {"a": INTEGER, "b": TEXT}}
SCHEMA = record(
    "open",
    events=array(EVENT),
    hosts=array(HOST),
    m=mapping(NUMBER),
    mm=mapping(record("y", x=INTEGER, y=TEXT)),
    open=OPEN,
    pair=record(a=NUMBER, b=NUMBER),
    claim={**TEXT, "x-trust": "claim"},
    n=INTEGER,
    d=NUMBER,
    b=BOOLEAN,
    mode={"enum": ["a", "b"]},
    xs=array(INTEGER),
    ds=array(NUMBER),
    ss=array(TEXT),
    bs=array(BOOLEAN),
    matrix=array(array(NUMBER)),
)
LISTS: dict[str, Any] = {
    "words": ("a", "b", "x"),
    "numbers": (1, 2, Decimal("2.5")),
    "rows": ({"k": "a", "v": 1, "o": ("p", "q")}, {"k": "b", "v": 2}),
    "table": {"a": 1, "b": 2},
    "nets": ("10.0.0.0/8", "192.168.0.0/16"),
}
ATOMS = (
    *("1", "0", "-3", "2.5", '"a"', '"proc"', '"T0"', "true", "[]", "set()", "{}"),
    *('"10.1.1.1"', "9999999999999999999999999999", '""', "evs", "lim", "rec"),
    *(f"input.{name}" for name in SCHEMA["properties"]),
    *(f"data.{name}" for name in LISTS),
    *("data", "input"),
)
FIELDS = (
    *(
        "id",
        "kind",
        "at",
        "p",
        "name",
        "user",
        "size",
        "parent",
        "pid",
        "score",
        "host",
    ),
    *("ip", "port", "answers", "f", "path", "n", "tier", "tags", "net", "a", "b", "x"),
    *("y", "k", "v", "o", "note", "claim", "pair"),
)
ROOTS = ("input", "input.open", "data.table", "rec", "input.events[0]", "input.pair")
SOURCES = ("input.events", "input.hosts", "input.xs", "input.m", "input.mm")
CALLS = ("f", "g", "v", "w")
ARGUMENTS: dict[type, tuple[str, ...]] = {
    t.Text: ('"a"', "input.hosts[0].n", 'lower("A")', '"%s"', '".*"'),
    t.Number: ("input.n", "3", "input.d", "count(input.xs)"),
    t.Array: ("input.xs", "input.ss", "input.ds", '["a"]', "input.bs"),
    t.Set: ("{1}", '{"a", "b"}', "{x | some x in input.ds}"),
}


def seeded(seed: int) -> Random:
    """Random choices that can be made again."""
    return Random(seed)  # noqa: S311 - no secret depends on it


@dataclass
class Writer:
    """Writes random text; `known` are the variables that it may use."""

    random: Random
    known: list[str] = field(default_factory=list)
    names: Iterable[int] = field(default_factory=lambda: iter(range(10_000)))

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def inner(self, *more: str) -> Writer:
        return Writer(self.random, [*self.known, *more], self.names)

    def new(self) -> str:
        return f"x{next(iter(self.names))}"

    def expression(self, depth: int) -> str:
        """Any expression."""
        if depth <= 0 or self.chance(0.2):
            return self.pick(
                *(self.known if self.known and self.chance(0.6) else ATOMS)
            )
        write: Callable[[int], str] = self.random.choice(
            (
                *(self.field, self.field, self.index, self.binary, self.literal),
                *(self.comprehension, self.default, self.helper, self.builtin),
            )
        )
        return write(depth - 1)

    def root(self) -> str:
        return self.pick(*(self.known if self.known and self.chance(0.7) else ROOTS))

    def field(self, _: int) -> str:
        return f"{self.root()}.{self.pick(*FIELDS)}"

    def index(self, depth: int) -> str:
        return f"{self.root()}[{self.expression(depth)}]"

    def binary(self, depth: int) -> str:
        left, right = self.expression(depth), self.expression(depth)
        return f"({left} {self.pick(*'+-*/%&|', '==', '<', 'in')} {right})"

    def literal(self, depth: int) -> str:
        items = [self.expression(depth) for _ in range(self.random.randint(1, 3))]
        pairs = (f'"{self.pick("a", "b", "c")}": {item}' for item in items)
        shown = ", ".join(items)
        return self.pick(f"[{shown}]", f"{{{shown}}}", f"{{{', '.join(pairs)}}}")

    def default(self, depth: int) -> str:
        first, second = self.pick(*FIELDS), self.pick(*FIELDS)
        path = self.pick(f'"{first}"', f'["{first}", "{second}"]', self.expression(0))
        return f"object.get({self.root()}, {path}, {self.expression(depth)})"

    def helper(self, depth: int) -> str:
        return f"{self.pick(*CALLS)}({self.expression(depth)})"

    def builtin(self, depth: int) -> str:
        row = self.random.choice(list(BUILTINS.values()))
        signature = self.random.choice(row.signatures)
        shown = (self.argument(kind, depth) for kind in signature.parameters)
        return f"{row.name}({', '.join(shown)})"

    def argument(self, kind: t.Type, depth: int) -> str:
        fitting = ARGUMENTS.get(type(kind), ())
        return (
            self.pick(*fitting)
            if fitting and self.chance(0.5)
            else self.expression(depth)
        )

    def comprehension(self, depth: int) -> str:
        writer = self.inner()
        lines = "; ".join(writer.body(self.random.randint(1, 2), depth, self.known))
        head, other = writer.term(depth), writer.term(depth)
        return self.pick(
            f"[{head} | {lines}]",
            f"{{{head} | {lines}}}",
            f"{{{head}: {other} | {lines}}}",
        )

    def term(self, depth: int) -> str:
        return f"({self.expression(min(depth, 1))})"

    def body(self, number: int, depth: int, outer: Iterable[str] = ()) -> list[str]:
        """Lines that use each of their own variables."""
        lines = [self.line(depth) for _ in range(number)]
        own = [name for name in self.known if name not in outer]
        return [*lines, *(f"count([{name}]) == 1" for name in own)]

    def line(self, depth: int) -> str:
        """Any line; what it binds is known from then on."""
        write: Callable[[int], str] = self.random.choice(
            (
                *(self.some, self.some, self.assign, self.narrow, self.guard),
                *(self.every, self.negation, self.condition, self.condition),
            )
        )
        return write(depth)

    def some(self, depth: int) -> str:
        source = self.pick(*SOURCES) if self.chance(0.7) else self.expression(depth)
        names = [self.new() for _ in range(self.random.choice((1, 1, 2)))]
        self.known += names
        return f"some {', '.join(names)} in {source}"

    def assign(self, depth: int) -> str:
        value, name = self.expression(depth), self.new()
        self.known.append(name)
        return f"{name} := {value}"

    def narrow(self, _: int) -> str:
        tags = self.pick('== "proc"', 'in {"net", "made"}', '== "net"', '== "made"')
        return f"{self.root()}.kind {tags}"

    def guard(self, depth: int) -> str:
        more = f".{self.pick(*FIELDS)}" if self.chance(0.5) else ""
        return self.field(depth) + more

    def every(self, depth: int) -> str:
        source = self.pick(*SOURCES) if self.chance(0.7) else self.expression(depth)
        writer = self.inner(self.new())
        lines = "; ".join(writer.body(self.random.randint(1, 2), depth - 1, self.known))
        return f"every {writer.known[len(self.known)]} in {source} {{ {lines} }}"

    def negation(self, depth: int) -> str:
        return f"not {self.condition(depth)}"

    def condition(self, depth: int) -> str:
        if self.chance(0.2):
            return self.expression(depth)
        left, right = self.expression(depth), self.expression(depth)
        return f"{left} {self.pick('==', '!=', '<', '>=', 'in')} {right}"


def value_of(schema: dict[str, Any], random: Random) -> Any:
    """A value that fits a schema of this module; numbers are JSON's, so some floats."""
    if "oneOf" in schema:
        return value_of(random.choice(schema["oneOf"]), random)
    if "enum" in schema or "const" in schema:
        return random.choice(schema.get("enum", [schema.get("const")]))
    match schema["type"]:
        case "object":
            return _object(schema, random)
        case "array":
            count = random.randint(0, 3)
            return [value_of(schema["items"], random) for _ in range(count)]
        case "string":
            return random.choice(_STRINGS[schema.get("format", "")])
    return random.choice(_NUMBERS[schema["type"]])


_STRINGS = {
    "": ("", "a", "b", "proc", "[", "%s", "é", "x" * 50, "2026-01-31T08:00:00Z"),
    "date-time": ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00.123456789+01:00"),
    "ip-address": ("10.1.1.1", "::1", "::ffff:10.0.0.1"),
    "cidr": ("10.0.0.0/8", "::/0"),
}
_NUMBERS = {
    "integer": (0, 1, 2, -1, 5, 10**30),
    "number": (0, 1, 0.1, 2.5, -0.5, 1e300, 3.0, 7),
    "boolean": (True, False),
}


def _object(schema: dict[str, Any], random: Random) -> dict[str, Any]:
    more = schema.get("additionalProperties", True)
    if isinstance(more, dict):
        names = random.sample(("a", "b", "c", "kind"), random.randint(0, 2))
        return {name: value_of(more, random) for name in names}
    found = {
        name: value_of(part, random)
        for name, part in schema["properties"].items()
        if name in schema["required"] or random.random() < 0.5
    }
    if more is True and random.random() < 0.5:
        found[random.choice(("zz", "x", "k"))] = random.choice((1, "s", [1], {"q": 1}))
    return found
