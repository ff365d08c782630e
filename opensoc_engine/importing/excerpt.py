"""Pieces of a Rego module in the words of a policy: its text with a few names changed.

Lists are `data.<list>` in a policy and `data.opensoc.lists.<list>` in a module, and the
export puts underscores after names that Rego has taken. All else stays as it was
written, with its comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import TYPE_CHECKING

from opensoc_engine.codegen.rego_names import LISTS, RESERVED, ROOT
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.printer import print_body
from opensoc_engine.rego.rewriter import Rewriter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.source import Span

_REMOVED = "\0"
_AROUND_REMOVED = re.compile(r"(;?)[ \t]*\0[ \t]*(;?)")
_TABS = re.compile(r"^\t+", re.MULTILINE)
_RAW = re.compile(r"`[^`]*`")


def restored(names: Collection[str]) -> dict[str, str]:
    """For names with underscores from the export, what a policy calls them.

    >>> restored(["div_", "beat", "net_", "net__"])
    {'div_': 'div'}
    """
    stems = {name: name.rstrip("_") for name in names if name.endswith("_")}
    taken = [*stems.values(), *names]
    return {
        name: stem
        for name, stem in stems.items()
        if stem in RESERVED and taken.count(stem) == 1
    }


@dataclass(slots=True)
class Excerpt(Rewriter):
    """Trees in the words of a policy, and the places where their texts change.

    Attributes:
        names: What names are called in a policy, where that differs.
        collector: Is told of what leads out of the module.
    """

    names: Mapping[str, str]
    collector: DiagnosticCollector
    edits: dict[tuple[int, int], str] = field(default_factory=dict)

    def bound(self, name: n.Name) -> n.Name:
        """The name as a policy has it."""
        text = self.names.get(name.text, name.text)
        if text != name.text:
            self._edit(name.span, text)
        return replace(name, text=text)

    def name(self, name: n.Name) -> n.Expression:
        """The name as a policy has it."""
        return self.bound(name)

    def call(self, call: n.Call) -> n.Expression:
        """The call, of a helper as a policy has it."""
        text = self.names.get(call.name, call.name)
        if text != call.name:
            self._edit(call.name_span, text)
        return replace(call, name=text)

    def expression(self, node: n.Expression) -> n.Expression:
        """The expression; `data.opensoc.lists` is `data`."""
        match node:
            case n.Field(n.Field(n.Name("data") as data, name), part) if name == ROOT:
                if part == LISTS:
                    self._edit(node.span, "data")
                    return data
                advice = "import the other module as a policy of its own"
                feature = "reading another package"
                found = diagnose("E111", node.span, help=advice, feature=feature)
                self.collector.add(found)
                return node
        return super(Excerpt, self).expression(node)

    def remove(self, span: Span) -> None:
        """Leave a line out."""
        self._edit(span, _REMOVED)

    def text(self, span: Span) -> str:
        """What stands at a place, with the changes made so far."""
        pieces, at = [], span.start
        for (start, end), text in sorted(self.edits.items()):
            if span.start <= start and end <= span.end and start >= at:
                pieces += [span.source.text[at:start], text]
                at = end
        return "".join((*pieces, span.source.text[at : span.end]))

    def lines(self, body: n.Body, span: Span) -> str:
        """The text of a body without its indentation."""
        text = _AROUND_REMOVED.sub(_separator, self.text(span))
        if any("\n" in raw for raw in _RAW.findall(text)):
            # Taking the indentation away would change a string.
            return print_body(self.body(self._left(body)))
        text = _TABS.sub(lambda tabs: "  " * len(tabs[0]), text)
        return dedent(text.strip("\n")).strip()

    def _left(self, body: n.Body) -> n.Body:
        """A body without the lines that were removed."""
        kept = (line for line in body.statements if self._kept(line.span))
        return replace(body, statements=tuple(kept))

    def _kept(self, span: Span) -> bool:
        return self.edits.get((span.start, span.end)) != _REMOVED

    def _edit(self, span: Span, text: str) -> None:
        self.edits[(span.start, span.end)] = text


def _separator(found: re.Match[str]) -> str:
    """What is left between two lines when the one between them goes."""
    return ";" if found[1] and found[2] else ""


def evidence_names(
    node: n.Expression, identities: Collection[str]
) -> tuple[str, ...] | None:
    """The variables whose identities an expression puts together, or None."""
    match node:
        case n.Call("array.concat", (left, right)):
            first = evidence_names(left, identities)
            second = evidence_names(right, identities)
            return None if first is None or second is None else first + second
        case n.Call(_, (argument,)):
            return evidence_names(argument, identities)
        case n.ArrayComprehension(
            n.Field(n.Name(item), identity),
            n.Body((n.Some(None, n.Name(bound), n.Name(array)),)),
        ) if item == bound and identity in identities:
            return (array,)
        case n.ArrayLiteral(items):
            names = [_identified(item, identities) for item in items]
            return None if None in names else tuple(str(name) for name in names)
    return None


def _identified(node: n.Expression, identities: Collection[str]) -> str | None:
    match node:
        case n.Field(n.Name(variable), identity) if identity in identities:
            return variable
    return None
