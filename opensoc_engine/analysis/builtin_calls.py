"""Calls of builtins: whether arguments fit, and what the value is.

Names are resolved and the types of the arguments are known. What does not fit is
reported once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.builtin_functions.formatting import verbs_of
from opensoc_engine.builtins import BUILTINS, resolve
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n
from opensoc_engine.schema_types import value_type

if TYPE_CHECKING:
    from opensoc_engine.analysis.fields import FieldReader
    from opensoc_engine.builtins import Builtin, Signature
    from opensoc_engine.diagnostics import DiagnosticCollector

_SHOWN = {
    "d": (t.Number,),
    "s": (*t.STRINGS, t.Boolean),
    "x": (*t.STRINGS, t.Number),
}
"""What a verb of `sprintf` can show; all others show any scalar."""


@dataclass(frozen=True, slots=True)
class BuiltinCalls:
    """Checks calls of builtins."""

    fields: FieldReader
    collector: DiagnosticCollector

    def check(
        self, call: n.Call, arguments: tuple[t.Type, ...]
    ) -> tuple[Signature, t.Type] | None:
        """The signature that fits and the type of the value, or None if reported."""
        builtin = BUILTINS.get(call.name)
        if builtin is None:  # the resolver has reported the name
            return None
        if not self.has_count(call, {len(s.parameters) for s in builtin.signatures}):
            return None
        if not self._has_valid_constants(call, builtin):
            return None
        known = resolve(builtin, arguments)
        if known is None:
            known = resolve(builtin, _sharpened(call, arguments))
        if known is None:
            self._report(call, builtin, arguments)
        elif not self._may_list(call, known[0], arguments):
            return None
        return known

    def has_verbs(
        self, call: n.Call, values: n.ArrayLiteral, kinds: tuple[t.Type, ...]
    ) -> bool:
        """True if a `sprintf` can show its values; if not, it is reported.

        What verbs a template has that is no constant is not known: there is no text
        where it does not fit.
        """
        verbs = ["v"] * len(kinds)
        match call.arguments[0]:
            case n.Literal(str() as template):
                verbs = verbs_of(template)
        if len(verbs) != len(kinds):
            problem = f"the template has verbs for {len(verbs)} and not {len(kinds)}"
            found = diagnose("E407", values.span, problem=f"{problem} values")
            self.collector.add(found)
            return False
        fits = True
        for node, verb, kind in zip(values.items, verbs, kinds, strict=True):
            if not isinstance(kind, (*_SHOWN.get(verb, t.SCALARS), t.Never)):
                problem = f"`%{verb}` of `sprintf` does not show {t.describe(kind)}"
                advice = "`%s` is for strings, `%d` for numbers, `%v` for all scalars"
                found = diagnose("E401", node.span, help=advice, problem=problem)
                self.collector.add(found)
                fits = False
        return fits

    def has_count(self, call: n.Call, expected: set[int]) -> bool:
        """True if the call has as many arguments as it must; if not, it is reported."""
        got = len(call.arguments)
        if got in expected:
            return True
        shown = " or ".join(str(number) for number in sorted(expected))
        self.collector.add(
            diagnose("E402", call.span, name=call.name, expected=shown, got=got)
        )
        return False

    def _has_valid_constants(self, call: n.Call, builtin: Builtin) -> bool:
        check, valid = builtin.check_constant, True
        if check is None:
            return True
        for position, argument in enumerate(call.arguments):
            if isinstance(argument, n.Literal) and isinstance(argument.value, str):
                problem = check(position, argument.value)
                if problem is not None:
                    found = diagnose("E407", argument.span, problem=problem)
                    self.collector.add(found)
                    valid = False
        return valid

    def _may_list(
        self, call: n.Call, signature: Signature, arguments: tuple[t.Type, ...]
    ) -> bool:
        """Report objects whose keys a builtin would see though no policy may."""
        return all(
            self.fields.may_list(kind, node.span)
            for node, expected, kind in zip(
                call.arguments, signature.parameters, arguments, strict=True
            )
            if isinstance(expected, t.Map) and isinstance(kind, t.Object)
        )

    def _report(
        self, call: n.Call, builtin: Builtin, arguments: tuple[t.Type, ...]
    ) -> None:
        problem = f"`{call.name}` does not take {_listed(arguments)}"
        taken = " or ".join(_listed(s.parameters) for s in builtin.signatures)
        found = diagnose("E401", call.span, help=f"it takes {taken}", problem=problem)
        self.collector.add(found)


def _listed(kinds: tuple[t.Type, ...]) -> str:
    return f"({', '.join(map(t.describe, kinds))})"


def _sharpened(call: n.Call, arguments: tuple[t.Type, ...]) -> tuple[t.Type, ...]:
    """The types of arguments, where constant strings may be addresses or networks."""
    return tuple(
        value_type(node.value) if isinstance(node, n.Literal) else kind
        for node, kind in zip(call.arguments, arguments, strict=True)
    )
