"""Words and signs of full Rego and other languages, with what to write instead."""

from __future__ import annotations

# Keywords that begin something of a module, which no text of a policy has.
TOP_LEVEL = frozenset(("DEFAULT", "IMPORT", "PACKAGE"))

_AND = "lines are joined by AND: write each condition on a line of its own"
_OR = (
    'write a list of bodies for OR, or ask `x in {"a", "b"}` when one value is compared'
)
_BIND_ONCE = "a name has one value: bind another name with `:=`"

# Signs of other languages, and of full Rego.
SIGNS = {
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
KEYWORDS = {
    "NULL": (
        "`null`",
        (
            "values are never null: an absent field makes its line not hold, and "
            '`object.get(x, "key", default)` says what absence means'
        ),
    ),
    "WITH": ("`with`", "write a case that has the other input"),
    "AS": ("`as`", "write `:=` on a line of its own"),
    "IF": ("`if`", "the body holds the conditions alone: leave `if` out"),
    "ELSE": ("`else`", "write a second rule or a list of bodies"),
    "DEFAULT": ("`default`", "the default stands in `set.yaml`"),
    "IMPORT": (
        "`import`",
        "`data` and helpers need no import: leave it out",
    ),
    "PACKAGE": ("`package`", "the policy's name is its package: leave it out"),
}

# Words that other languages put between two values.
OPERATORS = {
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
OPENINGS = {
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
