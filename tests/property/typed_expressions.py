"""Random expressions as texts, drawn by type from what is bound and known to be there.

Each type has templates: `<integer>` and so on stand for an expression of that type. The
numbers of fractions are such that binary floats hold them exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Draw = Callable[[st.SearchStrategy[Any]], Any]

# Names that mean something inside Rego; helpers get names of OPA's operators.
ODD_HELPERS = ("div", "rem", "plus", "minus", "eq", "internal", "union", "walk")
ODD_VARIABLES = ("count", "net", "time", "object", "value", "evidence", "item", "ids")

# What always has a value, without parts.
LEAVES = {
    "integer": ("0", "1", "2", "3", "7"),
    "number": ("0.5", "1.25", "3.0", "-0.75", "input.threshold"),
    "text": ('"a"', '"b"', '"a-b"', '""', "`a.b`", '"file"'),
    "texts": ("input.names", "data.words"),
    "set": ('{"a", "ab"}', "object.keys(input.limits)"),
    "integers": ("input.numbers", "[3, 1]", "{2, 7}"),
    "condition": ("input.strict",),
}
# What always has a value if its parts have one.
TOTAL = {
    "integer": (
        *("(<integer> + <integer>)", "(<integer> - <integer>)"),
        *("(<integer> * <integer>)", "(<integer> % 3)", "abs(<integer>)"),
        *("count(<strings>)", "count(<text>)", "sum(<integers>)"),
        *("floor(<number>)", "round(<number>)", 'indexof(<text>, "b")'),
        "object.get(input.limits, <text>, <integer>)",
        "object.get({x: count(x) | some x in <strings>}, <text>, 0)",
        'object.get({"a": <integer>, "b": <integer>}, <text>, 5)',
        *("bits.and(<integer>, <integer>)", "bits.or(<integer>, <integer>)"),
        *("bits.xor(<integer>, <integer>)", 'count(indexof_n(<text>, "a"))'),
        *("count(object.remove(input.limits, <strings>))", "<meetings>"),
        "count(object.filter(input.limits, <strings>))",
        "object.get(object.union(input.limits, data.costs), <text>, 1)",
        'semver.compare("1.9.0", "1.10.0-rc.1")',
        *("strings.count(<text>, <text>)", "product(<integers>)", "ceil(<number>)"),
        "<integer helper>",
    ),
    "number": ("(<number> + <number>)", "(<number> * <number>)", "<integer>"),
    "text": (
        'lower(replace(<text>, "é", "e"))',
        'upper(replace(<text>, "é", "e"))',
        *('concat("-", <strings>)', "substring(<text>, 0, 2)"),
        *("substring(<text>, 1, -1)", 'replace(<text>, "a", "xy")'),
        *('trim(<text>, "b")', 'trim_suffix(<text>, "b")'),
        *('regex.replace(<text>, "([a-z])-?", "$1$1<${0}>")', "hex.encode(<text>)"),
        *("base64.encode(<text>)", "glob.quote_meta(<text>)", "crypto.md5(<text>)"),
        *("crypto.sha1(<text>)", "time.weekday(<integer> * 86400000000000)"),
        *("crypto.sha256(<text>)", "trim_space(<text>)", 'trim_left(<text>, "ab")'),
        *('trim_right(<text>, "b")', 'trim_prefix(<text>, "a")'),
        'strings.reverse(replace(<text>, "é", "e"))',
        "<text helper>",
    ),
    "texts": (
        *("[<text>, <text>]", 'split(<text>, "-")', "sort(<strings>)"),
        *("array.concat(<texts>, <texts>)", "array.slice(<texts>, 0, 2)"),
        *('regex.split("[-.]", <text>)', 'regex.find_n("[a-z]", <text>, 2)'),
        *("array.reverse(<texts>)", "<array>"),
    ),
    "set": ("(<set> | <set>)", "(<set> & <set>)", "(<set> - <set>)", "<subset>"),
    "integers": (
        "[<integer>, <integer>]",
        "<sizes>",
        "<times>",
        "indexof_n(<text>, `b`)",
    ),
    "condition": (
        *("<integer> == <number>", "<integer> != <number>", "<integer> < <number>"),
        *("<integer> >= <number>", "<number> <= <integer>", "<text> == <text>"),
        *("<text> != <text>", "<text> in <strings>", "<integer> in <integers>"),
        *("<integer> in input.limits", "<texts> == <texts>", "<texts> != <texts>"),
        *("<set> == <set>", "contains(<text>, <text>)", "startswith(<text>, <text>)"),
        *("endswith(<text>, <text>)", 'regex.match("^a[.-]?b*$", <text>)'),
        "strings.any_suffix_match(<strings>, <text>)",
        *("strings.any_prefix_match(<text>, <strings>)", "<predicate helper>"),
        *("object.subset(<set>, <set>)", "object.subset(<texts>, <set>)"),
        *("object.subset(input.limits, data.costs)", "semver.is_valid(<text>)"),
        *("regex.is_valid(<text>)", "base64.is_valid(base64.encode(<text>))"),
        *('glob.match("a*", [], <text>)', 'glob.match("*.b", [], <text>)', "<every>"),
    ),
}
# What may have no value.
PARTIAL = {
    "integer": (
        *("(<integer> % <integer>)", "floor((<integer> / <integer>))"),
        *("max(<integers>)", "min(<integers>)", "input.limits[<text>]"),
        *("input.numbers[0]", "input.numbers[<integer>]", "bits.lsh(<integer>, 3)"),
        *(
            "bits.rsh(<integer>, 1)",
            'floor(time.parse_duration_ns("1m30s") / 1000000000)',
        ),
        *("time.date(<integer> * 90000000000000)[1]", 'units.parse_bytes("1.5Ki")'),
        *("time.clock(<integer> * 61000000000)[2]", "floor(to_number(`1.5`))"),
    ),
    "text": (
        *("input.names[0]", "input.site.name", "max(<strings>)"),
        *("hex.decode(hex.encode(<text>))", "base64.decode(base64.encode(<text>))"),
        *("format_int(<integer>, 16)", 'base64url.decode("fj8")'),
        *('urlquery.decode(concat("%2D", [<text>, "+"]))', "<submatch>"),
        *('sprintf("<%s>", [<text>])', 'sprintf("%d", [<integer>])'),
    ),
    "integers": ("numbers.range(1, <integer>)", "numbers.range_step(<integer>, 9, 2)"),
}
_PLACE = re.compile(r"<([a-z ]+)>")


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

    def reads(self, kind: str) -> Iterator[str]:
        """What can be read of a type from variables."""
        yield from self.of(kind)
        ends = {"integer": ".port", "text": ".owner", "texts": ".hosts"}.get(kind, "?")
        yield from (path for path in sorted(self.guarded) if path.endswith(ends))
        for item in self.of("item"):
            yield from _of_item(kind, item, total=self.total)
        if kind == "number":
            metas = (path for path in sorted(self.guarded) if path.endswith(".meta"))
            yield from (f"{path}.score" for path in metas)
        if kind == "text":
            yield from (f"{name}.path" for name in self.files)
        if kind == "condition":
            yield from (f'net.cidr_contains("10.0.0.0/9", {f}.ip)' for f in self.flows)
            yield from (
                f"net.cidr_contains(data.private[{at}], {flow}.ip)"
                for flow in self.flows
                for at in range(0 if self.total else 3)
            )
        if not self.total and kind in ("integer", "texts"):
            yield from (f"{flow}{ends}" for flow in self.flows)


def _of_item(kind: str, item: str, *, total: bool) -> Iterator[str]:
    """What can be read of an item, whatever its kind."""
    yield from {
        "integer": (f"{item}.size", f"data.costs[{item}.kind]"),
        "text": (f"{item}.id", f'object.get({item}, ["meta", "owner"], "none")'),
        "texts": (f"{item}.tags",),
        "condition": (f"{item}.signed",),
    }.get(kind, ())
    if not total:
        yield from {
            "number": (f"{item}.meta.score",),
            "text": (f"{item}.meta.owner",),
        }.get(kind, ())


@dataclass
class Expressions:
    """Writes the expressions of one policy.

    Attributes:
        helpers: Names of helpers with the type of their parameter, by type.
    """

    draw: Draw
    helpers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    count: int = 0
    taken: set[str] = field(default_factory=set)

    def fresh(self, stem: str, odd: tuple[str, ...] = ODD_VARIABLES) -> str:
        """A name that is new; some are names that Rego has taken for itself."""
        self.count += 1
        free = [name for name in odd if name not in self.taken]
        if free and self.odds(10):
            name: str = self.pick(*free)
            self.taken.add(name)
            return name
        return f"{stem}{self.count}"

    def pick(self, *choices: Any) -> Any:
        """One of some values."""
        return self.draw(st.sampled_from(choices))

    def odds(self, of: int) -> bool:
        """True once in that many times."""
        return not self.draw(st.integers(0, of - 1))

    def write(self, kind: str, scope: Scope, depth: int) -> str:
        """An expression of a type, with at most `depth` levels of parts."""
        known = [*LEAVES[kind], *scope.reads(kind)]
        if kind == "set":
            known += [name for name, _ in self.helpers.get("set", [])]
        if depth > 0:
            known += TOTAL[kind]
            known += () if scope.total else PARTIAL.get(kind, ())
        return self.fill(self.pick(*known), scope, depth - 1)

    def fill(self, template: str, scope: Scope, depth: int) -> str:
        """A template with all its places filled."""
        return _PLACE.sub(lambda found: self._part(found[1], scope, depth), template)

    def _part(self, kind: str, scope: Scope, depth: int) -> str:
        if kind in LEAVES:
            return self.write(kind, scope, depth)
        if kind == "strings":
            return self.write(self.pick("texts", "set"), scope, depth)
        if kind.endswith(" helper"):
            return self._call(kind.removesuffix(" helper"), scope, depth)
        part: str = getattr(self, f"_{kind}")(scope, depth)
        return part

    def _call(self, kind: str, scope: Scope, depth: int) -> str:
        """A call of a helper of some type, if there is one that fits."""
        fits = [
            (name, parameter)
            for name, parameter in self.helpers.get(kind, [])
            if parameter != "item" or scope.of("item")
        ]
        if not fits:
            return self.pick(*LEAVES["condition" if kind == "predicate" else kind])
        name, parameter = self.pick(*fits)
        if parameter == "item":
            return f"{name}({self.pick(*scope.of('item'))})"
        return f"{name}({self.write(parameter, scope, depth)})"

    def conditions(self, scope: Scope, depth: int) -> list[str]:
        """None, one or two conditions."""
        return [
            self.condition(scope, depth) for _ in range(self.draw(st.integers(0, 2)))
        ]

    def condition(self, scope: Scope, depth: int) -> str:
        """A line that holds or not; none that narrows or guards."""
        if not self.odds(4):
            return self.write("condition", scope, depth)
        found = self.write("condition", scope.inner(total=True), depth - 1)
        return found if found.startswith("every ") else f"not {found}"

    def _every(self, scope: Scope, depth: int) -> str:
        """A line that holds for all elements."""
        inner, name = scope.inner(total=True), self.fresh("y")
        source = self._part("strings", scope, depth)
        inner.add("text", name)
        test = f"{name} != {self.write('text', inner, depth)}"
        lines = [test, *self.conditions(inner, depth)]
        return f"every {name} in {source} {{ {'; '.join(lines)} }}"

    def _array(self, scope: Scope, depth: int) -> str:
        """An array, made of an array: the elements of a set come in no order."""
        return f"[{self._chosen('texts', scope, depth)}]"

    def _subset(self, scope: Scope, depth: int) -> str:
        return f"{{{self._chosen(self.pick('texts', 'set'), scope, depth)}}}"

    def _chosen(self, source: str, scope: Scope, depth: int) -> str:
        """The inside of a comprehension of strings."""
        inner, name = scope.inner(), self.fresh("x")
        found = self.write(source, scope, depth)
        lines = [f"some {name} in {found}"]
        if self.odds(2):
            key = self.fresh("k")
            lines = [f"some {key}, {name} in {found}", f"{key} != 9"]
            if source == "set":
                lines[1] = f'{key} != "q"'
            else:
                inner.add("integer", key)
        inner.add("text", name)
        lines += self.conditions(inner, depth)
        head = self.pick(name, f'concat("", [{name}, "b"])')
        return f"{head} | {'; '.join(lines)}"

    def _sizes(self, scope: Scope, depth: int) -> str:
        """What some items hold."""
        inner, name = scope.inner(), self.fresh("it")
        inner.add("item", name)
        lines = [f"some {name} in input.items", *self.conditions(inner, depth)]
        return f"[{name}.size | {'; '.join(lines)}]"

    def _meetings(self, _scope: Scope, _depth: int) -> str:
        """How many networks meet a fixed one, or addresses are in it."""
        name, fixed = self.fresh("n"), self.pick("10.1.0.0/16", "fe80::/64")
        if self.odds(2):
            test = f'net.cidr_intersects({name}, "{fixed}")'
            return f"count([{name} | some {name} in input.networks; {test}])"
        test = f'{name}.kind == "flow"; net.cidr_contains("{fixed}", {name}.ip)'
        return f"count([{name} | some {name} in input.items; {test}])"

    def _submatch(self, scope: Scope, depth: int) -> str:
        """A group of the first match of a pattern."""
        text = self.write("text", scope, depth)
        pattern = self.pick("(a)(b)?", "([a-z])-([a-z])", "(.)$")
        found = f"regex.find_all_string_submatch_n(`{pattern}`, {text}, -1)"
        return f"{found}[0][{self.pick(0, 1)}]"

    def _times(self, _scope: Scope, _depth: int) -> str:
        """How far some times are from a fixed one, in quarters of a second."""
        start = 'time.parse_rfc3339_ns("2026-01-31T08:00:00Z")'
        name = self.fresh("at")
        gap = f"time.parse_rfc3339_ns({name}) - {start}"
        return f"[floor(({gap}) / 250000000) | some {name} in input.at]"
