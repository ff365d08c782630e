"""What the builder of trees has to say: one constructor a mistake.

The grammar lets these forms pass, because their message is best once their parts are
known. Mistakes that the grammar stops are in `syntax_errors`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine.diagnostics import Diagnostic, Label, diagnose

if TYPE_CHECKING:
    from opensoc_engine.source import EmbeddedSource

MAX_BRACKETS = 32
"""Deeper than people write, and far from the limit of Python's stack."""
MAX_HEIGHT = 64
"""Of a tree: later passes walk it by recursion, a few frames a level."""
MAX_CHARACTERS = 20_000
"""Of one text, as in `policy.schema.json`."""
MAX_DIGITS = 28
"""Of one number: what Python's decimals calculate with exactly."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A diagnostic before its place in the file is known.

    Args:
        code: The code.
        start: Where the mistake begins in the text.
        end: Where it ends, exclusive.
        words: What fills the template of the code.
        label: What stands at the caret.
        help: What to do.
        others: Further places, each with what is to be said.
    """

    code: str
    start: int
    end: int
    words: dict[str, object]
    label: str = ""
    help: str | None = None
    others: tuple[tuple[int, int, str], ...] = field(default=())

    def diagnostic(self, source: EmbeddedSource) -> Diagnostic:
        """The complaint at its place in the file."""
        return diagnose(
            self.code,
            source.span(self.start, self.end),
            label=self.label,
            help=self.help,
            others=tuple(
                Label(source.span(start, end), text) for start, end, text in self.others
            ),
            **self.words,
        )


class RefusedError(Exception):
    """Carries a complaint out of the builder; `parser` always catches it."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.code)
        self.complaint = complaint


def wrong(
    start: int,
    end: int,
    problem: str,
    advice: str | None = None,
    *,
    label: str = "",
    others: tuple[tuple[int, int, str], ...] = (),
) -> Complaint:
    """Something that is not in Rego either."""
    return Complaint("E110", start, end, {"problem": problem}, label, advice, others)


def unsupported(start: int, end: int, feature: str, advice: str) -> Complaint:
    """Something that the policy language leaves out."""
    return Complaint("E111", start, end, {"feature": feature}, "", advice)


def too_deep(start: int, end: int, limit: int) -> Complaint:
    """Brackets or operators nested beyond the limit."""
    advice = "name a part with `:=` on an earlier line"
    return Complaint("E112", start, end, {"limit": limit}, "", advice)


def too_long(length: int) -> Complaint:
    """A text beyond the limit."""
    problem = f"the text has {length:,} characters, more than {MAX_CHARACTERS:,}"
    advice = "split it into rules and helpers"
    return Complaint("E701", 0, 1, {"problem": problem}, "", advice)


def chained_comparison(start: int, end: int) -> Complaint:
    """`a < b < c`, or `a == b in c`."""
    return wrong(
        start,
        end,
        "comparisons can't be chained",
        "write two lines, `a < b` and `b < c`, or put one comparison in `( )`",
    )


def negative_name(start: int, end: int) -> Complaint:
    """`-x`, which OPA does not read."""
    return unsupported(
        start, end, "a minus before anything but a number", "write `0 - x`"
    )


def leading_minus(start: int) -> Complaint:
    """A line that OPA would read as a part of the line above."""
    return wrong(
        start,
        start + 1,
        "a line can't start with `-`",
        "put the line in `( )`, or end the line above with `-`",
        label="Rego would go on with the line above",
    )


def space_before(start: int, end: int, name: str, sign: str) -> Complaint:
    """`f (x)`, `xs [0]`, `a .b`: in Rego the space ends the reference."""
    return wrong(
        start,
        end,
        f"a space before `{sign}`",
        f"write `{name}{sign}`, without a space; or is an operator or a comma missing?",
    )


def not_callable(start: int, end: int) -> Complaint:
    """A call of something that is not a name."""
    return wrong(
        start,
        end,
        "only a name can be called",
        "write `name(...)`; did you forget an operator before the bracket?",
    )


def not_assignable(start: int, end: int, *, collection: bool) -> Complaint:
    """`:=` with anything but a name before it."""
    if collection:
        return unsupported(
            start, end, "unpacking with `:=`", "name each value on a line of its own"
        )
    return wrong(
        start,
        end,
        "only a name can stand before `:=`",
        "write `name := value`, or `==` to compare",
    )


def loose_head(start: int, end: int) -> Complaint:
    """A head of a comprehension with an operator, which OPA does not read."""
    return wrong(
        start,
        end,
        "what a comprehension collects is one term",
        "put it in `( )`, as in `[(a + b) | ...]`",
    )


def too_many_digits(start: int, end: int) -> Complaint:
    """A number that is not kept exactly."""
    return wrong(
        start,
        end,
        f"a number of more than {MAX_DIGITS} digits",
        "numbers are exact, and limited for that",
    )


def bad_escape(at: int, escape: str) -> Complaint:
    """A backslash that JSON does not know."""
    return wrong(
        at,
        at + len(escape),
        f"`{escape}` means nothing in a string",
        "write `\\\\` for a backslash, or put the text between backticks, "
        "which know no escapes",
    )


def bad_character(at: int, end: int) -> Complaint:
    """A raw control character or half of a surrogate pair in a string."""
    return wrong(
        at,
        end,
        "a character that a string can't hold",
        "write tabs as `\\t`, newlines as `\\n`, others as `\\uXXXX`",
    )
