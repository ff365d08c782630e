"""Exceptions that callers of the engine may catch; `OpenSocError` is the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import Diagnostic


class OpenSocError(Exception):
    """Root of everything that this project raises on purpose."""


class InternalError(OpenSocError):
    """Our own fault: a pass broke a promise that an earlier pass relied on."""


class InputError(OpenSocError):
    """Data that a caller handed in does not have the shape that was asked for."""


class PolicyError(OpenSocError):
    """Policies that do not compile; `str()` is the rendered text.

    Attributes:
        diagnostics: Everything that was found, by file and place.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...], text: str) -> None:
        super().__init__(text)
        self.diagnostics = diagnostics
