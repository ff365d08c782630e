"""Where the grammar stopped becomes a complaint: the first example that fits speaks.

Each example knows one mistake, mostly a form that full Rego or another language has.
The last one fits always, and says what may stand there in plain words.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.rego.builder import token_place
from opensoc_engine.rego.complaints import Complaint, unsupported, wrong
from opensoc_engine.rego.layout import CLOSERS, NEWLINE, OPENERS, OPERAND_ENDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Token

_LONGEST = 24
_SIGNS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}
_CLOSING = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
_SEPARATORS = frozenset((NEWLINE, "SEMICOLON"))
_COMPARISONS = frozenset(
    ("EQUAL", "UNEQUAL", "LESS", "AT_MOST", "MORE", "AT_LEAST", "IN")
)
_OPERATORS = _COMPARISONS | frozenset(
    ("PIPE", "AMPERSAND", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "ASSIGN")
)
_KEYWORDS = frozenset(
    "IN SOME EVERY NOT TRUE FALSE CONTAINS NULL WITH AS IF ELSE DEFAULT IMPORT "
    "PACKAGE".split()
)
# Keywords that begin something of a module, which no text of a policy has.
_TOP_LEVEL = frozenset(("DEFAULT", "IMPORT", "PACKAGE"))

_AND = "lines are joined by AND: write each condition on a line of its own"
_OR = (
    'write a list of bodies for OR, or ask `x in {"a", "b"}` when one value is compared'
)
_BIND_ONCE = "a name has one value: bind another name with `:=`"

# Signs of other languages, and of full Rego.
_FOREIGN_SIGNS = {
    "||": _OR,
    "&&": _AND,
    "!": "write `not x`",
    "=": "write `:=` to name a value, `==` to compare",
    "===": "write `==`",
    "!==": "write `!=`",
    "<>": "write `!=`",
    "=>": "write `>=` for at least; a body needs no arrow",
    "**": "write the product out",
    "+=": _BIND_ONCE,
    "-=": _BIND_ONCE,
    "*=": _BIND_ONCE,
    "/=": "write `!=` for unequal; a name has one value",
    "%=": _BIND_ONCE,
    "|=": _BIND_ONCE,
    "&=": _BIND_ONCE,
}

# Keywords of full Rego that have no place in a body.
_FOREIGN_KEYWORDS = {
    "NULL": (
        "`null`",
        "values are never null: an absent field makes its line not hold, and "
        '`object.get(x, "key", default)` says what absence means',
    ),
    "WITH": ("`with`", "write a case that has the other input"),
    "AS": ("`as`", "write `:=` on a line of its own"),
    "IF": ("`if`", "the body holds the conditions alone: leave `if` out"),
    "ELSE": ("`else`", "write a second rule or a list of bodies"),
    "DEFAULT": ("`default`", "the default stands in `set.yaml`"),
    "IMPORT": (
        "`import`",
        "helpers of `define` and `data` need no import: leave it out",
    ),
    "PACKAGE": ("`package`", "the policy's name is its package: leave it out"),
}

# Words that other languages put between two values.
_FOREIGN_OPERATORS = {
    "and": _AND,
    "or": _OR,
    "is": "write `==`",
    "equals": "write `==`",
    "then": "the body holds the conditions alone: leave `then` out",
    "where": _AND,
    "unless": "write `not` on a line of its own",
    "matches": "write `regex.match(pattern, text)`",
    "like": "write `glob.match(pattern, [], text)`",
    "startswith": "write `startswith(text, start)`",
    "endswith": "write `endswith(text, end)`",
}

# Words that other languages put before a name.
_FOREIGN_OPENINGS = {
    "for": "write `some x in xs`",
    "foreach": "write `every x in xs { ... }`",
    "forall": "write `every x in xs { ... }`",
    "all": "write `every x in xs { ... }`",
    "any": "write `some x in xs`",
    "exists": "write `some x in xs`",
    "let": "write `name := value`",
    "var": "write `name := value`",
    "const": "write `name := value`",
    "return": "a body holds conditions; what a helper gives stands in its head",
    "def": "write the helper's head as a key of `define`",
}


@dataclass(frozen=True, slots=True)
class Site:
    """The place where the grammar stopped.

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
        kinds: list[str] = []
        closed = 0
        for token in reversed(self.tokens[: self.at]):
            closed += (token.type in CLOSERS) - (token.type in OPENERS)
            if closed < 0 or (closed == 0 and token.type in _SEPARATORS):
                break
            kinds.append(token.type)
        return tuple(reversed(kinds))


Example: TypeAlias = "Callable[[Site], Complaint | None]"


def explain(
    text: str, rule: str, tokens: tuple[Token, ...], unexpected: Token
) -> Complaint:
    """What is wrong at the first token that the grammar does not have there."""
    ended = unexpected.type == "$END"
    at = len(tokens) if ended else _position(tokens, token_place(unexpected)[0])
    site = Site(text, rule, tokens, at)
    found = (complaint for example in _EXAMPLES if (complaint := example(site)))
    return next(found, None) or _generic(site)


def _position(tokens: tuple[Token, ...], start: int) -> int:
    places = (index for index, t in enumerate(tokens) if token_place(t)[0] == start)
    return next(places, len(tokens))


def _empty(site: Site) -> Complaint | None:
    if site.tokens:
        return None
    if site.rule == "body":
        return wrong(0, len(site.text), "the body is empty", "write what must hold")
    return wrong(0, len(site.text), "the text is empty")


def _text_problem(site: Site) -> Complaint | None:
    match site.kind():
        case "OPEN_STRING":
            advice = (
                'close it with `"` on the same line; write `\\"` for a quote inside'
            )
            return wrong(*site.place(), "the string is never closed", advice)
        case "OPEN_RAW_STRING":
            advice = "close it with a backtick"
            return wrong(*site.place(), "the string is never closed", advice)
        case "SINGLE_QUOTED":
            advice = 'write `"text"`'
            return wrong(*site.place(), "strings stand in double quotes", advice)
        case "BAD_NUMBER":
            problem = f"`{site.word()}` is not a number"
            advice = "write it in full and without leading zeros: `7`, `0.5`, `1000`"
            if site.after_operand and site.word().startswith("."):
                advice = f"write `[{site.word()[1:]}]` for an item of an array"
            return wrong(*site.place(), problem, advice)
        case _:
            return None


def _after_dot(site: Site) -> Complaint | None:
    if site.kind(-1) != "DOT":
        return None
    if site.kind() in _KEYWORDS:
        word = site.word()
        return wrong(
            *site.place(),
            f"`{word}` is a keyword, so it can't follow a dot",
            f'write `["{word}"]` instead of `.{word}`',
        )
    return wrong(*site.place(), _unexpected(site), label="expected a field's name")


def _template(site: Site) -> Complaint | None:
    quoted = site.kind() in ("STRING", "RAW_STRING", "OPEN_STRING")
    prefixed = quoted and site.kind(-1) == "NAME"
    touching = site.place(-1)[1] == site.place()[0]
    dollar = site.word() == "$" and site.kind(1) in ("STRING", "RAW_STRING")
    if not (dollar or (prefixed and touching)):
        return None
    start = site.place()[0] if dollar else site.place(-1)[0]
    end = site.place(1)[1] if dollar else site.place()[1]
    advice = 'write `sprintf("%s is %d", [name, number])`'
    return unsupported(start, end, "a string with a prefix", advice)


def _unknown_character(site: Site) -> Complaint | None:
    if site.kind() != "UNKNOWN":
        return None
    character = str(site.tokens[site.at])
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    shown = f"`{character}` ({name})" if character.isprintable() else name
    quotes = "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
    advice = 'write straight quotes, `"`' if character in quotes else "leave it out"
    return wrong(*site.place(), f"unknown character {shown}", advice)


def _foreign_sign(site: Site) -> Complaint | None:
    if site.kind() != "FOREIGN":
        return None
    sign = site.word()
    advice = _FOREIGN_SIGNS.get(sign, "write `==` to compare")
    return unsupported(*site.place(), f"`{sign}`", advice)


def _wildcard(site: Site) -> Complaint | None:
    if site.kind() != "WILDCARD":
        return None
    if site.kind(-1) == "LSQB":
        advice = "write `some x in xs` on an earlier line, then use `x`"
        return unsupported(*site.place(), "`[_]`", advice)
    advice = "give the value a name; `some x in xs` needs no key"
    return unsupported(*site.place(), "`_`", advice)


def _keyword_as_name(site: Site) -> Complaint | None:
    if site.kind() not in _KEYWORDS:
        return None
    binds = site.line()[:1] in (("SOME",), ("EVERY",)) and "IN" not in site.line()
    names_helper = site.rule == "head" and site.at == 0
    if not (binds and not site.after_operand) and not (
        names_helper and site.kind() not in _TOP_LEVEL
    ):
        return None
    return _keyword(site, 0)


def _keyword_assigned(site: Site) -> Complaint | None:
    if site.kind() != "ASSIGN" or site.kind(-1) not in _KEYWORDS - OPERAND_ENDS:
        return None
    return _keyword(site, -1)


def _keyword(site: Site, step: int) -> Complaint:
    problem = f"`{site.word(step)}` is a keyword, so it can't be a name"
    return wrong(*site.place(step), problem, "choose another name")


def _foreign_keyword(site: Site) -> Complaint | None:
    if site.kind() not in _FOREIGN_KEYWORDS:
        return None
    feature, advice = _FOREIGN_KEYWORDS[site.kind()]
    return unsupported(*site.place(), feature, advice)


def _foreign_word(site: Site) -> Complaint | None:
    """`a and b`, `for x in xs`: a name where only an operator can stand."""
    if site.kind() != "NAME" or not site.after_operand:
        return None
    word, before = site.word(), site.word(-1)
    if word in _FOREIGN_OPERATORS:
        advice = _FOREIGN_OPERATORS[word]
        return unsupported(*site.place(), f"the operator `{word}`", advice)
    if before in _FOREIGN_OPENINGS and site.kind(-1) == "NAME":
        advice = _FOREIGN_OPENINGS[before]
        return unsupported(*site.place(-1), f"`{before}`", advice)
    return None


def _misplaced_word(site: Site) -> Complaint | None:
    """`x not in xs`, `a contains b`, `not some x in xs`."""
    if site.kind() == "NOT" and site.after_operand and site.kind(1) == "IN":
        end = site.place(1)[1]
        advice = "write `not x in xs`"
        return unsupported(site.place()[0], end, "`not in`", advice)
    if site.kind() == "CONTAINS" and site.after_operand and site.rule != "head":
        advice = "write `contains(text, part)`, or `x in xs` for a collection"
        return unsupported(*site.place(), "`contains` between two values", advice)
    if site.kind(-1) == "NOT" and site.kind() in ("SOME", "EVERY", "NOT"):
        feature = f"`not {site.word()}`"
        advice = "put the line into a helper of `define` and negate its call"
        return unsupported(site.place(-1)[0], site.place()[1], feature, advice)
    return None


def _some_without_in(site: Site) -> Complaint | None:
    kinds = site.line()
    if kinds[:1] != ("SOME",) or "IN" in kinds or len(kinds) < len(("SOME", "NAME")):
        return None
    start = site.place(-len(kinds))[0]
    return unsupported(
        start, site.place(-1)[1], "`some` without `in`", "write `some x in xs`"
    )


def _every_without_body(site: Site) -> Complaint | None:
    kinds = site.line()
    if kinds[:1] != ("EVERY",) or not site.after_operand:
        return None
    advice = "write `every x in xs { ... }`, with the `{` on the same line"
    if "IN" not in kinds:
        return wrong(*site.place(), "`every` without `in`", advice)
    if site.kind(-1) == "RBRACE" and site.kind() not in ("COLON", NEWLINE, ""):
        return None
    return wrong(*site.place(), "`every` without `{`", advice)


def _comma_in_condition(site: Site) -> Complaint | None:
    if site.kind() != "COMMA" or not site.after_operand:
        return None
    if site.opener() is None or site.line()[0] in ("SOME", "EVERY"):
        advice = (
            "write `some k, v in xs` for a key and a value; lines end without a comma"
        )
        return wrong(*site.place(), "a comma between conditions", advice)
    return None


def _union_in_collection(site: Site) -> Complaint | None:
    opener = site.opener()
    if site.kind() != "PIPE" or opener is None or not site.after_operand:
        return None
    advice = "put the union in `( )`: a `|` here begins the body of a comprehension"
    return wrong(*site.place(), "a `|` between elements", advice)


def _bracket(site: Site) -> Complaint | None:
    opener = site.opener()
    if not site.kind() and opener is not None:
        return wrong(
            *token_place(opener),
            f"the `{_SIGNS[opener.type]}` is never closed",
            f"close it with `{_CLOSING[opener.type]}`",
        )
    if site.kind() not in CLOSERS:
        return None
    if opener is None:
        advice = "leave it out, or open a bracket before"
        return wrong(*site.place(), f"the `{site.word()}` closes nothing", advice)
    if opener.type == CLOSERS[site.kind()]:
        return None
    return wrong(
        *site.place(),
        f"the `{site.word()}` does not close `{_SIGNS[opener.type]}`",
        f"close it with `{_CLOSING[opener.type]}`",
        others=((*token_place(opener), "opened here"),),
    )


def _operator_at_line_start(site: Site) -> Complaint | None:
    if site.kind() not in _OPERATORS or site.kind(-1) != NEWLINE:
        return None
    word = site.word()
    advice = f"end the line above with `{word}`"
    return wrong(*site.place(), f"a line can't start with `{word}`", advice)


def _empty_body(site: Site) -> Complaint | None:
    """`[x | ]` and `every x in xs { }`."""
    in_body = site.kind(-1) == "PIPE" or (
        site.kind(-1) == "LBRACE" and site.kind(-2) in OPERAND_ENDS
    )
    if site.kind() not in ("RBRACE", "RSQB") or not in_body:
        return None
    return wrong(*site.place(), "the body is empty", "write what must hold")


def _head(site: Site) -> Complaint | None:
    if site.rule != "head":
        return None
    if site.kind() == "RPAR" and site.kind(-1) == "LPAR":
        advice = "write `name := value`; a test without parameters is `name := true`"
        return unsupported(
            site.place(-1)[0], site.place()[1], "a helper with empty `( )`", advice
        )
    advice = (
        "write `name(x)`, `name(x) := value`, `name := value` or `name contains value`"
    )
    if site.at <= 1 or "ASSIGN" not in site.line():
        return wrong(*site.place(), _unexpected(site), advice)
    return None


def _generic(site: Site) -> Complaint:
    return wrong(*site.place(), _unexpected(site), label=f"expected {_expected(site)}")


def _unexpected(site: Site) -> str:
    if not site.kind():
        return "the text ends too early"
    if site.kind() == NEWLINE:
        return "the line ends too early"
    return f"unexpected `{site.word()}`"


def _expected(site: Site) -> str:
    before = site.kind(-1)
    if before in ("SOME", "EVERY"):
        return "a name"
    if before in _OPERATORS or before in ("NOT", "COMMA", "COLON"):
        return f"a value after `{site.word(-1)}`"
    if before in OPERAND_ENDS:
        return _continuation(site)
    if before in OPENERS:
        return f"a value or `{_CLOSING[before]}`"
    return "a value" if site.rule == "alone" else "a condition"


def _continuation(site: Site) -> str:
    """What can follow a value."""
    opener = site.opener()
    if site.line()[:1] in (("SOME",), ("EVERY",)) and "IN" not in site.line():
        return "`in`"
    if opener is not None:
        closing = _CLOSING[opener.type]
        return f"an operator, a comma or `{closing}`"
    if site.rule == "body":
        return "an operator or a new line"
    return "an operator or the end"


_EXAMPLES: tuple[Example, ...] = (
    _empty,
    _after_dot,
    _template,
    _text_problem,
    _unknown_character,
    _foreign_sign,
    _wildcard,
    _keyword_as_name,
    _keyword_assigned,
    _foreign_keyword,
    _foreign_word,
    _misplaced_word,
    _some_without_in,
    _every_without_body,
    _empty_body,
    _bracket,
    _comma_in_condition,
    _union_in_collection,
    _operator_at_line_start,
    _head,
)
