"""Where the grammar stopped becomes a complaint: the first example that fits speaks.

Each example knows one mistake, mostly a form that full Rego or another language has.
The last one fits always, and says what may stand there in plain words.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.rego import foreign
from opensoc_engine.rego.complaints import Complaint, unsupported, wrong
from opensoc_engine.rego.layout import BAR, CLOSERS, NEWLINE, OPENERS, OPERAND_ENDS
from opensoc_engine.rego.site import Site, token_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Token

_SIGNS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}
_CLOSING = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
_COMPARISONS = frozenset(
    ("EQUAL", "UNEQUAL", "LESS", "AT_MOST", "MORE", "AT_LEAST", "IN")
)
_OPERATORS = _COMPARISONS | frozenset(
    ("PIPE", "AMPERSAND", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "ASSIGN")
)
_KEYWORDS = frozenset(
    (
        *("IN", "SOME", "EVERY", "NOT", "TRUE", "FALSE", "CONTAINS"),
        *("NULL", "WITH", "AS", "IF", "ELSE", "DEFAULT", "IMPORT", "PACKAGE"),
    )
)


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
    return wrong(0, len(site.text), "the text is empty", "write a value")


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
            advice = f"write `{_double_quoted(site.word())}`"
            return wrong(*site.place(), "strings stand in double quotes", advice)
        case "BAD_NUMBER":
            problem = f"`{site.word()}` is not a number"
            advice = "write it in full and without leading zeros: `7`, `0.5`, `1000`"
            if site.after_operand and site.word().startswith("."):
                advice = f"write `[{site.word()[1:]}]` for an item of an array"
            return wrong(*site.place(), problem, advice)
        case _:
            return None


def _double_quoted(word: str) -> str:
    inner = word.strip("'")
    plain = len(word) == len(inner) + 2 and not set(inner) & set('"\\')
    return f'"{inner}"' if plain else '"text"'


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
    advice = "write `x.name`, or `x[...]`"
    label = "expected a field's name"
    return wrong(*site.place(), _unexpected(site), advice, label=label)


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
    return wrong(*site.place(), f"unknown character {shown}", _plainer(character))


def _plainer(character: str) -> str:
    if unicodedata.category(character) in ("Pi", "Pf"):
        return 'write straight quotes, `"`'
    if character.isspace():
        return "write a plain space"
    return "leave it out, or put text between double quotes"


def _foreign_sign(site: Site) -> Complaint | None:
    if site.kind() != "FOREIGN":
        return None
    sign = site.word()
    advice = foreign.SIGNS.get(sign, "write `==` to compare")
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
        names_helper and site.kind() not in foreign.TOP_LEVEL
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
    if site.kind() not in foreign.KEYWORDS:
        return None
    feature, advice = foreign.KEYWORDS[site.kind()]
    return unsupported(*site.place(), feature, advice)


def _foreign_word(site: Site) -> Complaint | None:
    """`a and b`, `for x in xs`: a name where only an operator can stand."""
    if site.kind() != "NAME" or not site.after_operand:
        return None
    word, before = site.word(), site.word(-1)
    if word in foreign.OPERATORS:
        advice = foreign.OPERATORS[word]
        return unsupported(*site.place(), f"the operator `{word}`", advice)
    if before in foreign.OPENINGS and site.kind(-1) == "NAME":
        advice = foreign.OPENINGS[before]
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
        if site.kind() == "NOT":
            advice = "leave both out"
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
    if site.kind() != "COMMA" or not site.after_operand or not site.in_body():
        return None
    advice = (
        "write `some k, v in xs` for a key and a value; a line ends without a comma"
    )
    return wrong(*site.place(), "a comma between conditions", advice)


def _union_in_collection(site: Site) -> Complaint | None:
    if site.kind() != BAR or not site.after_operand:
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
    in_body = site.kind(-1) == BAR or (
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
    label = f"expected {_expected(site)}"
    return wrong(*site.place(), _unexpected(site), _advice(site), label=label)


def _advice(site: Site) -> str:
    if site.kind(-1) in ("SOME", "EVERY"):
        return f"write `{site.word(-1)} x in xs`"
    if not site.after_operand:
        return "write what is missing, or leave out what stands before"
    if site.in_body():
        return "write each condition on a line of its own"
    return "is an operator or a comma missing?"


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
    if site.line()[:1] in (("SOME",), ("EVERY",)) and "IN" not in site.line():
        return "`in`"
    opener = site.opener()
    closing = f" or `{_CLOSING[opener.type]}`" if opener else ""
    if site.in_body():
        return (
            f"an operator, a new line{closing}"
            if opener
            else "an operator or a new line"
        )
    return f"an operator, a comma{closing}" if opener else "an operator or the end"


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
