"""What is wrong with a policy, as data: a code, a place, words and advice.

Passes collect diagnostics and go on; the compiler raises once with all of them.
`render` turns them into text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from opensoc_engine.codes import CODES
from opensoc_engine.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.source import Span


# A search for the nearest name costs a thousand times what an error costs.
_MAX_SUGGESTIONS = 50


class Severity(StrEnum):
    """How bad a diagnostic is: an error stops compilation, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A place in the source and what is to be said about it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding; `label` is where the caret goes, `others` are further places."""

    code: str
    message: str
    label: Label
    help: str | None = None
    others: tuple[Label, ...] = ()

    @property
    def severity(self) -> Severity:
        """Codes that start with W are warnings, all others errors."""
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Orders diagnostics by file, place and code."""
        span = self.label.span
        return (span.source.name, span.start, span.end, self.code, self.message)


def diagnose(
    code: str,
    span: Span,
    *,
    label: str = "",
    help: str | None = None,  # noqa: A002 - the word that the message uses
    others: tuple[Label, ...] = (),
    **words: object,
) -> Diagnostic:
    """A diagnostic whose message is the template of its code, filled with `words`."""
    message = CODES[code].template.format(**words)
    return Diagnostic(code, message, Label(span, label), help, others)


@dataclass(slots=True)
class DiagnosticCollector:
    """Gathers diagnostics over passes, without repeating one."""

    _found: dict[Diagnostic, None] = field(default_factory=dict)

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic."""
        self._found[diagnostic] = None

    def extend(self, diagnostics: list[Diagnostic] | tuple[Diagnostic, ...]) -> None:
        """Keep several diagnostics."""
        self._found.update(dict.fromkeys(diagnostics))

    def suggest(self, name: str, known: Iterable[str]) -> str | None:
        """A help line with the nearest known name, while few things were found."""
        return suggest(name, known) if len(self._found) < _MAX_SUGGESTIONS else None

    @property
    def has_errors(self) -> bool:
        """True once an error was kept."""
        return any(d.severity is Severity.ERROR for d in self._found)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All diagnostics, by file and place."""
        return tuple(sorted(self._found, key=lambda d: d.sort_key))
