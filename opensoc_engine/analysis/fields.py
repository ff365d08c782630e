"""Fields of objects and unions: which exist, which are trusted, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.analysis.scope import Environment
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.source import Span

_TRUST_WORDS = {
    "claim": "what the attacker claims",
    "free_text": "free text of the attacker",
}


@dataclass(frozen=True, slots=True)
class FieldReader:
    """Finds fields by name and reports those that can't be read."""

    environment: Environment
    collector: DiagnosticCollector

    def read(self, base: t.Type, node: n.Field) -> t.Field | None:
        """The field that `base.name` reads, or None if that was reported."""
        match base:
            case t.Map(_, value):
                return t.Field(node.name, value, required=False)
            case t.Object():
                found = base.field(node.name)
            case t.Union():
                found = self._of_union(base, node)
                if found is None:
                    return None
            case _:
                problem = f"{t.describe(base)} has no fields"
                self.collector.add(diagnose("E401", node.name_span, problem=problem))
                return None
        if found is None:
            self._report_unknown(base, node.name, node.name_span)
            return None
        return found if self._is_trusted(found, node.name_span) else None

    def peek(self, base: t.Type, name: str, span: Span) -> t.Type | None:
        """The type at a key that may be missing, as `object.get` reads it."""
        match base:
            case t.Map(_, value):
                return value
            case t.Object():
                found = [item for item in (base.field(name),) if item is not None]
            case t.Union(_, _, members):
                found = [item for m in members if (item := m.field(name)) is not None]
                if any(m.open and m.field(name) is None for m in members):
                    self._report_open(base, name, span)
                    return None
            case _:
                problem = f"{t.describe(base)} has no fields"
                self.collector.add(diagnose("E401", span, problem=problem))
                return None
        if not found:
            self._report_unknown(base, name, span)
            return None
        if not all(self._is_trusted(item, span) for item in found):
            return None
        return self._merged(tuple(item.type for item in found), name, span)

    def step(self, base: t.Type, key: n.Expression, index: t.Type) -> t.Type | None:
        """The type at a key of a path, whose own type is `index`."""
        if isinstance(key, n.Literal) and isinstance(key.value, str):
            return self.peek(base, key.value, key.span)
        if isinstance(base, t.Map) and t.is_string(index):
            return base.value
        if isinstance(base, t.Object) and t.is_string(index):
            return self.values(base, key.span)
        problem = f"{t.describe(base)} can't be read at a {t.describe(index)}"
        self.collector.add(diagnose("E401", key.span, problem=problem))
        return None

    def may_list(self, base: t.Object, span: Span) -> bool:
        """True if the keys of an object may be looked at; if not, that is reported."""
        if base.open:
            problem = f"{t.describe(base)} may have fields beside those of its schema"
            advice = "read its fields by name, or close its schema to other fields"
            self.collector.add(diagnose("E401", span, help=advice, problem=problem))
            return False
        return all(self._is_trusted(item, span) for item in base.fields)

    def values(self, base: t.Object, span: Span) -> t.Type | None:
        """The type of all values of an object that is read by a variable key."""
        if not self.may_list(base, span):
            return None
        return self._joined((item.type for item in base.fields), "key", span)

    def _of_union(self, base: t.Union, node: n.Field) -> t.Field | None:
        found = [member.field(node.name) for member in base.members]
        there = [item for item in found if item is not None]
        if len(there) < len(found):
            self._report_missing(base, node, bool(there))
            return None
        kind = self._merged(tuple(f.type for f in there), node.name, node.name_span)
        if kind is None or not all(self._is_trusted(f, node.name_span) for f in there):
            return None
        return t.Field(node.name, kind, all(f.required for f in there))

    def _merged(
        self, kinds: tuple[t.Type, ...], name: str, span: Span
    ) -> t.Type | None:
        different = tuple(dict.fromkeys(kinds))
        if len(different) == 1:
            return different[0]
        objects = tuple(kind for kind in different if isinstance(kind, t.Object))
        if len(objects) == len(different):
            return t.Union(name, "", objects)
        return self._joined(different, name, span)

    def _joined(self, kinds: Iterable[t.Type], name: str, span: Span) -> t.Type | None:
        joined = t.join_all(kinds)
        if isinstance(joined, tuple):
            problem = f"`{name}` has different types in different objects"
            self.collector.add(diagnose("E401", span, problem=problem))
            return None
        return joined

    def _report_missing(self, base: t.Union, node: n.Field, somewhere: bool) -> None:
        if not somewhere:
            self._report_unknown(base, node.name, node.name_span)
            return
        union = base.title
        self.collector.add(
            diagnose(
                "E404",
                node.name_span,
                name=node.name,
                union=union,
                help="compare the discriminator on an earlier line, such as "
                '`e.event_type == "process.start"`',
            )
        )

    def _report_open(self, base: t.Union, name: str, span: Span) -> None:
        problem = f"some kinds of {t.describe(base)} may have any value in `{name}`"
        advice = "compare the discriminator on an earlier line"
        self.collector.add(diagnose("E401", span, help=advice, problem=problem))

    def _report_unknown(self, base: t.Type, name: str, span: Span) -> None:
        known = _names(base)
        title = getattr(base, "title", "")
        code, label = ("E306", "") if title == "data" else ("E301", "")
        if code == "E301":
            label = f"{t.describe(base)} has no such field"
        advice = self.collector.suggest(name, known)
        self.collector.add(diagnose(code, span, label=label, help=advice, name=name))

    def _is_trusted(self, found: t.Field, span: Span) -> bool:
        if found.trust is None or found.trust not in self.environment.forbidden:
            return True
        self.collector.add(
            diagnose(
                "E501",
                span,
                name=found.name,
                trust=_TRUST_WORDS.get(found.trust, found.trust),
                kind=self.environment.kind,
                help="decide from `input.events` and `input.context`",
            )
        )
        return False


def _names(base: t.Type) -> set[str]:
    if isinstance(base, t.Object):
        return {item.name for item in base.fields}
    if isinstance(base, t.Union):
        return {item.name for member in base.members for item in member.fields}
    return set()
