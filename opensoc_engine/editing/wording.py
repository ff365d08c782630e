"""Types, helpers, builtins and lists in the words that an editor shows, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.editing.places import all_nodes
from opensoc_engine.policy.schema_wording import quoted
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_engine.analysis.program import Helper
    from opensoc_engine.builtins import Builtin, Signature
    from opensoc_engine.editing.programs import Analysis
    from opensoc_engine.policy.model import ListFile
    from opensoc_engine.source import Span

_PREVIEW = 10
_MOST_FIELDS = 20
_MOST_TYPES = 4

TRUST = {
    "claim": "a claim of the attacker",
    "free_text": "free text of the attacker",
}
OBJECT_GET = (
    "```rego\nobject.get(object, key, default)\n```\n\n"
    "The value at the key, or at the path of an array of keys; the default if it is "
    'not there.\n\nExample: `object.get({"a": 1}, "b", 2)` is `2`'
)


def builtin(row: Builtin) -> str:
    """Ways to call a builtin, what its value is, and an example."""
    ways = "\n".join(_signature(row.name, way) for way in row.signatures)
    partial = any(way.partial for way in row.signatures)
    note = " It may have no value." if partial else ""
    expression, value = row.example
    doc = f"{row.doc}{note}\n\nExample: `{expression}` is `{value}`"
    return f"```rego\n{ways}\n```\n\n{doc}"


def _signature(name: str, way: Signature) -> str:
    taken = ", ".join(map(t.describe, way.parameters))
    return f"{name}({taken}) -> {t.describe(way.result)}"


def calls(analysis: Analysis, helper: Helper) -> tuple[tuple[t.Type, ...], ...]:
    """The different types of arguments that a helper is called with."""
    found: dict[tuple[t.Type, ...], None] = {}
    for unit in analysis.units:
        for node in all_nodes(unit):
            if isinstance(node, n.Call) and node.name == helper.name:
                kinds = [unit.types(argument) for argument in node.arguments]
                if all(kinds):
                    found[tuple(kind[0] for kind in kinds)] = None
    return tuple(found)


def helper(item: Helper, called: Sequence[tuple[t.Type, ...]]) -> str:
    """The head of a helper, the comment above it, and how it is called."""
    head = item.head
    parameters = ", ".join(name.text for name in head.parameters or ())
    shown = head.name.text + (f"({parameters})" if head.parameters is not None else "")
    what = "holds or not"
    if head.member is not None:
        shown, what = f"{shown} contains {head.member.span.text}", "a set"
    elif head.value is not None:
        shown, what = f"{shown} := {head.value.span.text}", "a value"
    place = head.name.span
    file = place.source.name.replace("\\", "/").rpartition("/")[2]
    lines = [f"```rego\n{shown}\n```", comment_above(place)]
    lines += [_called(head.parameters or (), kinds) for kinds in called[:_MOST_TYPES]]
    lines.append(f"Helper ({what}), from `{file}` line {place.begin.line}")
    return "\n\n".join(filter(None, lines))


def _called(parameters: Sequence[n.Name], kinds: tuple[t.Type, ...]) -> str:
    pairs = zip(parameters, kinds, strict=False)
    return ", ".join(f"`{name.text}`: {t.describe(kind)}" for name, kind in pairs)


def comment_above(place: Span) -> str:
    """The comment on the lines directly above a place, on one line."""
    lines: list[str] = []
    number = place.begin.line - 1
    while place.source.line(number).strip().startswith("#"):
        lines.insert(0, place.source.line(number).strip().lstrip("# "))
        number -= 1
    return " ".join(lines)


def typed(name: str, kinds: Sequence[t.Type]) -> str:
    """A name with its types."""
    shown = " or ".join(dict.fromkeys(map(t.describe, kinds[:_MOST_TYPES])))
    parts = [f"`{name}`: {shown}"]
    parts += dict.fromkeys(filter(None, map(_fields, kinds[:1])))
    return "\n\n".join(parts)


def _fields(kind: t.Type) -> str:
    """The fields of a type that can be read without a further test."""
    names = [f"`{item.name}`" for item in readable(kind)]
    if not names:
        return ""
    more = len(names) - _MOST_FIELDS
    rest = f" and {more} more" if more > 0 else ""
    return f"Fields: {', '.join(names[:_MOST_FIELDS])}{rest}"


def readable(kind: t.Type) -> tuple[t.Field, ...]:
    """The fields that every value of a type may have."""
    if isinstance(kind, t.Object):
        return kind.fields
    if not isinstance(kind, t.Union) or not kind.members:
        return ()
    first, *others = kind.members
    return tuple(
        item
        for item in first.fields
        if all(member.field(item.name) is not None for member in others)
    )


def field(path: str, base: t.Type, name: str, words: str) -> str:
    """The type, presence and trust of a field, and what the schema says; or nothing."""
    found = tuple(_named(base, name))
    if not found:
        return ""
    shown = " or ".join(dict.fromkeys(_values(item.type) for item in found))
    notes = [] if all(item.required for item in found) else ["may be missing"]
    notes += dict.fromkeys(
        f"not to be trusted: {TRUST.get(item.trust, item.trust)}"
        for item in found
        if item.trust
    )
    text = "; ".join([f"`{path}`: {shown}", *notes])
    owner = f"Field of {t.describe(base)}"
    return "\n\n".join(filter(None, (text, words, owner)))


def _named(base: t.Type, name: str) -> Iterator[t.Field]:
    members = base.members if isinstance(base, t.Union) else (base,)
    for member in members:
        found = member.field(name) if isinstance(member, t.Object) else None
        if found is not None:
            yield found


def _values(kind: t.Type) -> str:
    """The type; constants in full, as far as there are not too many."""
    if not isinstance(kind, t.Enum):
        return t.describe(kind)
    shown = ", ".join(f"`{value}`" for value in kind.values[:_MOST_FIELDS])
    return f"one of {shown}" + (", ..." if len(kind.values) > _MOST_FIELDS else "")


def list_value(item: ListFile, path: tuple[str, ...]) -> str:
    """What a list has at a path: its size and the first values; empty if nothing."""
    value = item.values
    for step in path[1:]:
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return ""
    shown = ".".join(("data", *path))
    return (
        f"`{shown}`: {preview(value)}\n\nFrom `{item.name.text}.yaml`, {item.version}"
    )


def preview(value: Any) -> str:
    """A value of a list, or how many it has and the first of them."""
    if isinstance(value, dict):
        keys = [f"`{key}`" for key in list(value)[:_PREVIEW]]
        more = ", ..." if len(value) > _PREVIEW else ""
        return f"{len(value)} keys: {', '.join(keys)}{more}"
    if isinstance(value, tuple | list):
        shown = ", ".join(map(quoted, value[:_PREVIEW]))
        more = ", ..." if len(value) > _PREVIEW else ""
        return f"{len(value)} values: {shown}{more}"
    return quoted(value)
