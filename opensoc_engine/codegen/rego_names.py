"""What the names of a policy are called in Rego modules.

Rego takes some names for itself: keywords, builtins and what operators are called
inside (a helper `div` would break `/`). Such names get underscores at the end, the same
everywhere in a module, until no other name is like them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.rewriter import Rewriter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ROOT = "opensoc"
LISTS, DECISION = "lists", "decision"
"""Lists are at `data.opensoc.lists`; a set decides in `opensoc.<set>.decision`."""
FIRED, DISTINCT = "fired", "distinct"
"""What a module of a policy defines itself."""

_KEYWORDS = (
    *("as", "contains", "data", "default", "else", "every", "false", "if", "import"),
    *("in", "input", "not", "null", "package", "some", "true", "with"),
)
# What operators are called inside OPA.
_OPERATORS = (
    *("and", "assign", "div", "eq", "equal", "gt", "gte", "internal", "lt", "lte"),
    *("member_2", "member_3", "minus", "mul", "neq", "or", "plus", "rem"),
)
# The first parts of the names of OPA's builtins, of today and of the past.
_BUILTINS = (
    *("abs", "all", "any", "array", "base64", "base64url", "bits", "cast_array"),
    *("cast_boolean", "cast_null", "cast_object", "cast_set", "cast_string", "ceil"),
    *("concat", "count", "crypto", "endswith", "floor", "format_int", "future"),
    *("glob", "graph", "graphql", "hex", "http", "indexof", "indexof_n", "io"),
    *("intersection", "is_array", "is_boolean", "is_null", "is_number", "is_object"),
    *("is_set", "is_string", "json", "lower", "max", "min", "net", "numbers"),
    *("object", "opa", "print", "product", "providers", "rand", "re_match", "regex"),
    *("rego", "replace", "round", "semver", "set", "set_diff", "sort", "split"),
    *("sprintf", "startswith", "strings", "substring", "sum", "time", "to_number"),
    *("trace", "trim", "trim_left", "trim_prefix", "trim_right", "trim_space"),
    *("trim_suffix", "type_name", "union", "units", "upper", "urlquery", "uuid"),
    *("walk", "yaml"),
)
RESERVED = frozenset((*_KEYWORDS, *_OPERATORS, *_BUILTINS, ROOT, FIRED, DISTINCT))


def package_name(name: str) -> str:
    """The part of a package's path that a set or a policy is called by.

    >>> package_name("defender.v2"), package_name("7-zip"), package_name("default")
    ('defender_v2', 'p_7_zip', 'default_')
    """
    found = re.sub(r"[^a-z0-9_]", "_", name)
    if found[:1].isdigit():
        return f"p_{found}"
    return free_name(found, RESERVED | {LISTS, DECISION})


def renamed(names: Collection[str]) -> dict[str, str]:
    """For each name that Rego has taken, another one that is free.

    >>> renamed(["div", "div_", "beat"])
    {'div': 'div__'}
    """
    taken = set(names) | RESERVED
    found: dict[str, str] = {}
    for name in sorted(RESERVED.intersection(names)):
        found[name] = free_name(name, taken)
        taken.add(found[name])
    return found


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with underscores at the end until it is free."""
    while name in taken:
        name += "_"
    return name


@dataclass(slots=True)
class NameCollector(Rewriter):
    """Gathers the names of variables and helpers of trees; changes nothing."""

    names: set[str] = field(default_factory=set)

    def bound(self, name: n.Name) -> n.Name:
        """Keep the name."""
        self.names.add(name.text)
        return name

    def name(self, name: n.Name) -> n.Expression:
        """Keep the name, which may be a helper's."""
        return self.bound(name) if name.text not in ("input", "data") else name


@dataclass(frozen=True, slots=True)
class Renamer(Rewriter):
    """Renames variables and helpers, and leads `data` to where the lists are."""

    names: Mapping[str, str]
    helpers: frozenset[str]

    def bound(self, name: n.Name) -> n.Name:
        """The variable, helper or parameter under its new name."""
        return replace(name, text=self.names.get(name.text, name.text))

    def name(self, name: n.Name) -> n.Expression:
        """The name, or the lists for `data`."""
        if name.text != "data":
            return self.bound(name)
        root = n.Field(name, ROOT, name.span, name.span)
        return n.Field(root, LISTS, name.span, name.span)

    def call(self, call: n.Call) -> n.Expression:
        """A helper's call under its new name; builtins keep theirs."""
        if call.name not in self.helpers:
            return call
        return replace(call, name=self.names.get(call.name, call.name))
