"""Rows of builtins on regular expressions and globs."""

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import patterns, searches
from opensoc_engine.builtins.rows import (
    BOOLEAN,
    CHANGE,
    INTEGER,
    IS,
    TEXT,
    partial,
    row,
)

ROWS = (
    row(
        "regex.match",
        patterns.regex_match,
        'regex.match("^a+$", "aaa")',
        "true",
        partial(TEXT, TEXT, BOOLEAN),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    row(
        "regex.find_n",
        searches.regex_find_n,
        'regex.find_n("[0-9]+", "a1 b22", -1)',
        '["1", "22"]',
        partial(TEXT, TEXT, INTEGER, t.Array(TEXT)),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    row(
        "regex.find_all_string_submatch_n",
        searches.regex_find_groups,
        'regex.find_all_string_submatch_n("-e ([a-z]+)", "-e cmd", 1)[0]',
        '["-e cmd", "cmd"]',
        partial(TEXT, TEXT, INTEGER, t.Array(t.Array(TEXT))),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    row(
        "regex.replace",
        searches.regex_replace,
        'regex.replace("c^m^d 42", "[0-9]+", "<$0>")',
        '"c^m^d <42>"',
        partial(TEXT, TEXT, TEXT, TEXT),
        check=patterns.check_second_regex,
        settled_by=(1,),
    ),
    row(
        "regex.split",
        searches.regex_split,
        'regex.split("[,;] *", "a, b;c")',
        '["a", "b", "c"]',
        partial(TEXT, TEXT, t.Array(TEXT)),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    row(
        "regex.is_valid",
        patterns.regex_is_valid,
        'regex.is_valid("[a-z")',
        "false",
        *IS,
    ),
    row(
        "glob.match",
        patterns.glob_match,
        'glob.match("*.example.com", [], "a.example.com")',
        "true",
        partial(TEXT, t.Array(TEXT), TEXT, BOOLEAN),
        check=patterns.check_glob,
        settled_by=(0, 1),
    ),
    row(
        "glob.quote_meta",
        patterns.glob_quote_meta,
        'glob.quote_meta("*.log")',
        r"`\*.log`",
        *CHANGE,
    ),
)
