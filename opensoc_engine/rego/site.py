"""The place where the grammar stopped, and questions about what stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine.rego.layout import BAR, CLOSERS, NEWLINE, OPENERS, OPERAND_ENDS

if TYPE_CHECKING:
    from lark import Token

_LONGEST = 24
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
_SEPARATORS = frozenset((NEWLINE, "SEMICOLON", BAR))


def token_place(token: Token) -> tuple[int, int]:
    """Where a token begins and ends in its text."""
    assert token.start_pos is not None
    assert token.end_pos is not None
    return (token.start_pos, token.end_pos)


@dataclass(frozen=True, slots=True)
class Site:
    """A mistake and what stands around it.

    Args:
        text: The whole text.
        rule: What it should be: `body`, `alone` or `head`.
        tokens: All its tokens.
        at: Which one does not fit; the number of tokens if the end came too early.
    """

    text: str
    rule: str
    tokens: tuple[Token, ...]
    at: int

    def kind(self, step: int = 0) -> str:
        """The type of a token near the mistake; empty beyond the text."""
        place = self.at + step
        return self.tokens[place].type if 0 <= place < len(self.tokens) else ""

    def word(self, step: int = 0) -> str:
        """The text of a token near the mistake, short and printable."""
        if not self.kind(step):
            return ""
        word = str(self.tokens[self.at + step])
        word = "".join(
            c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in word
        )
        return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..."

    def place(self, step: int = 0) -> tuple[int, int]:
        """Where a token near the mistake stands; an end is where the line ended."""
        if self.kind(step) in ("", NEWLINE) and self.kind(step - 1):
            _, end = self.place(step - 1)
            return (end, end)
        if not self.kind(step):
            return (len(self.text), len(self.text))
        return token_place(self.tokens[self.at + step])

    @property
    def after_operand(self) -> bool:
        """True if an expression may be complete before the mistake."""
        return self.kind(-1) in OPERAND_ENDS

    def opener(self) -> Token | None:
        """The innermost bracket that is open at the mistake."""
        opened: list[Token] = []
        for token in self.tokens[: self.at]:
            if token.type in OPENERS:
                opened.append(token)
            elif token.type in CLOSERS and opened:
                opened.pop()
        return opened[-1] if opened else None

    def line(self) -> tuple[str, ...]:
        """The types of the tokens from the start of the innermost line."""
        return tuple(token.type for token in self.tokens[self._line_start() : self.at])

    def in_body(self) -> bool:
        """True if a new line may begin here: the innermost bracket holds a body."""
        start = self._line_start()
        if start == 0:
            return self.rule == "body"
        before = self.tokens[start - 1].type
        return before in _SEPARATORS or (
            before == "LBRACE" and start > 1 and self._ends_operand(start - 2)
        )

    def _ends_operand(self, place: int) -> bool:
        return self.tokens[place].type in OPERAND_ENDS

    def _line_start(self) -> int:
        closed = 0
        for place in range(self.at - 1, -1, -1):
            kind = self.tokens[place].type
            closed += (kind in CLOSERS) - (kind in OPENERS)
            if closed < 0 or (closed == 0 and kind in _SEPARATORS):
                return place + 1
        return 0
