"""Rows of builtins on strings."""

from itertools import product

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import formatting, strings
from opensoc_engine.builtins.rows import (
    BOOLEAN,
    CHANGE,
    INTEGER,
    NUMBER,
    SCALAR,
    TEXT,
    partial,
    row,
    total,
)

_TEXTS: tuple[t.Type, ...] = (TEXT, t.Array(TEXT), t.Set(TEXT))
_TEST = (total(TEXT, TEXT, BOOLEAN),)
_CUT = (total(TEXT, TEXT, TEXT),)
_ANY_MATCH = tuple(total(*pair, BOOLEAN) for pair in product(_TEXTS, _TEXTS))

ROWS = (
    row("contains", strings.contains, 'contains("abc", "b")', "true", *_TEST),
    row("startswith", strings.startswith, 'startswith("abc", "ab")', "true", *_TEST),
    row("endswith", strings.endswith, 'endswith("abc", "ab")', "false", *_TEST),
    row("lower", strings.lower, 'lower("CMD.exe")', '"cmd.exe"', *CHANGE),
    row("upper", strings.upper, 'upper("hkcu")', '"HKCU"', *CHANGE),
    row("trim", strings.trim, 'trim("--a-b--", "-")', '"a-b"', *_CUT),
    row("trim_left", strings.trim_left, 'trim_left("--a-", "-")', '"a-"', *_CUT),
    row("trim_right", strings.trim_right, 'trim_right("-a--", "-")', '"-a"', *_CUT),
    row("trim_prefix", strings.trim_prefix, 'trim_prefix("aab", "a")', '"ab"', *_CUT),
    row("trim_suffix", strings.trim_suffix, 'trim_suffix("abb", "b")', '"ab"', *_CUT),
    row("trim_space", strings.trim_space, r'trim_space(" a b\n")', '"a b"', *CHANGE),
    row("strings.reverse", strings.reverse, 'strings.reverse("ab")', '"ba"', *CHANGE),
    row(
        "strings.count",
        strings.occurrences,
        'strings.count("banana", "an")',
        "2",
        total(TEXT, TEXT, INTEGER),
    ),
    row(
        "strings.any_prefix_match",
        strings.any_prefix_match,
        'strings.any_prefix_match("abc", ["x", "ab"])',
        "true",
        *_ANY_MATCH,
    ),
    row(
        "strings.any_suffix_match",
        strings.any_suffix_match,
        'strings.any_suffix_match(["a.exe", "b.ps1"], {".ps1", ".vbs"})',
        "true",
        *_ANY_MATCH,
    ),
    row(
        "split",
        strings.split,
        'split("a.b", ".")',
        '["a", "b"]',
        total(TEXT, TEXT, t.Array(TEXT)),
    ),
    row(
        "concat",
        strings.concat,
        'concat("/", ["a", "b"])',
        '"a/b"',
        total(TEXT, t.Array(TEXT), TEXT),
        total(TEXT, t.Set(TEXT), TEXT),
    ),
    row(
        "replace",
        strings.replace,
        'replace("a-b-c", "-", "+")',
        '"a+b+c"',
        total(TEXT, TEXT, TEXT, TEXT),
    ),
    row(
        "substring",
        strings.substring,
        'substring("abcdef", 2, 3)',
        '"cde"',
        partial(TEXT, INTEGER, INTEGER, TEXT),
    ),
    row(
        "indexof",
        strings.indexof,
        'indexof("abc", "c")',
        "2",
        partial(TEXT, TEXT, INTEGER),
        check=strings.check_needle,
        settled_by=(1,),
    ),
    row(
        "indexof_n",
        strings.indexof_n,
        'indexof_n("banana", "an")',
        "[1, 3]",
        partial(TEXT, TEXT, t.Array(INTEGER)),
        check=strings.check_needle,
        settled_by=(1,),
    ),
    row(
        "sprintf",
        formatting.sprintf,
        'sprintf("%s-%s", ["a", "b"])',
        '"a-b"',
        partial(TEXT, t.Array(SCALAR), TEXT),
        check=formatting.check_template,
    ),
    row(
        "format_int",
        formatting.format_int,
        "format_int(255, 16)",
        '"ff"',
        partial(NUMBER, INTEGER, TEXT),
    ),
    row(
        "to_number",
        formatting.to_number,
        'to_number("1.5")',
        "1.5",
        total(INTEGER, INTEGER),
        total(NUMBER, NUMBER),
        total(BOOLEAN, INTEGER),
        partial(TEXT, NUMBER),
    ),
)
