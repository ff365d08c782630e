"""The builtins of policies: one table with a row each, in OPA's names and semantics.

What the checker lets pass never raises: an implementation takes any values of its
types, and gives None exactly where its signature is partial and there is no value.
Texts, arrays and numbers are bounded: what would be larger is cut at the limit, so no
chain of helpers can fill the memory. Sets of sets do not exist, hence no `union` and no
`intersection`: `|` and `&` say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import (
    collections,
    encoding,
    formatting,
    networks,
    numbers,
    patterns,
    searches,
    strings,
    time_,
    units,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CheckConstant: TypeAlias = Callable[[int, str], "str | None"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a builtin.

    Attributes:
        parameters: Types of the arguments; a variable stands for one type throughout.
        partial: True if some arguments of these types give no value.
    """

    parameters: tuple[t.Type, ...]
    result: t.Type
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Builtin:
    """A row of the table.

    Attributes:
        implementation: A function of plain values; None says that there is no value.
        signatures: Ways to call it; the first that fits counts.
        example: An expression, and the value that it has.
        check_constant: What is wrong with a constant string at a position, if anything.
        settled_by: Positions of strings that alone decide whether there is a value: if
            they are constants without a problem, a partial signature is total.
    """

    name: str
    implementation: Callable[..., Any]
    signatures: tuple[Signature, ...]
    example: tuple[str, str]
    check_constant: CheckConstant | None = None
    settled_by: tuple[int, ...] = ()

    @property
    def doc(self) -> str:
        """One sentence that says what the value is."""
        return (self.implementation.__doc__ or "").partition("\n")[0]


def resolve(
    builtin: Builtin, arguments: tuple[t.Type, ...]
) -> tuple[Signature, t.Type] | None:
    """The signature that fits the arguments, and the type of the value."""
    for signature in builtin.signatures:
        found: dict[str, t.Type] = {}
        if _fits(signature, arguments, found):
            partial = signature.partial and not _is_settled(builtin, arguments)
            result = t.substitute(signature.result, found)
            return replace(signature, partial=partial), result
    return None


def _fits(
    signature: Signature, arguments: tuple[t.Type, ...], found: dict[str, t.Type]
) -> bool:
    expected = signature.parameters
    return (
        len(expected) == len(arguments)
        and all(map(t.bind, expected, arguments, [found] * len(arguments)))
        and all(isinstance(kind, _KINDS[name]) for name, kind in found.items())
    )


def _is_settled(builtin: Builtin, arguments: tuple[t.Type, ...]) -> bool:
    """True if constants decide that there is a value."""
    check = builtin.check_constant
    if check is None or not builtin.settled_by:
        return False
    for position in builtin.settled_by:
        texts = _constants(arguments[position])
        if texts is None or any(check(position, text) for text in texts):
            return False
    return True


def _constants(kind: t.Type) -> tuple[str, ...] | None:
    """All strings that a value of the type may hold, if they are known."""
    if isinstance(kind, t.Array):
        return _constants(kind.element)
    if isinstance(kind, t.Enum):
        return kind.values
    return () if isinstance(kind, t.Never) else None


# Variables of signatures are called what messages shall call them.
ANY = t.Variable("any")
KEY = t.Variable("string")
SCALAR = t.Variable("scalar")
# Times are no such strings: their text has another order than their instants.
ORDERED = t.Variable("number, string or boolean")
_KINDS: Mapping[str, Any] = {
    ANY.name: object,
    KEY.name: (*t.STRINGS, t.Never),
    SCALAR.name: (*t.SCALARS, t.Never),
    ORDERED.name: (
        *(t.Boolean, t.Number, t.Text, t.Enum, t.Address, t.Network, t.Never),
    ),
}

BOOLEAN, NUMBER, INTEGER, TEXT = (
    t.Boolean(),
    t.Number(),
    t.Number(integer=True),
    t.Text(),
)
TEXTS: tuple[t.Type, ...] = (TEXT, t.Array(TEXT), t.Set(TEXT))


def _total(*types: t.Type) -> Signature:
    """A signature that always gives a value; the last type is that of the value."""
    return Signature(types[:-1], types[-1])


def _partial(*types: t.Type) -> Signature:
    """A signature that may give no value; the last type is that of the value."""
    return Signature(types[:-1], types[-1], partial=True)


def _either(
    signature: Callable[..., Signature], element: t.Type, result: t.Type
) -> tuple[Signature, ...]:
    """Signatures that take the elements as an array or as a set."""
    return signature(t.Array(element), result), signature(t.Set(element), result)


def _row(
    name: str,
    implementation: Callable[..., Any],
    example: str,
    value: str,
    *signatures: Signature,
    check: CheckConstant | None = None,
    settled_by: tuple[int, ...] = (),
) -> Builtin:
    return Builtin(
        name, implementation, signatures, (example, value), check, settled_by
    )


_SUMS = (*_either(_total, INTEGER, INTEGER), *_either(_total, NUMBER, NUMBER))
_EXTREMES = _either(_partial, ORDERED, ORDERED)
_ROUND = (_total(NUMBER, INTEGER),)
_TEST = (_total(TEXT, TEXT, BOOLEAN),)
_CHANGE = (_total(TEXT, TEXT),)
_CUT = (_total(TEXT, TEXT, TEXT),)
_BITS = (_total(INTEGER, INTEGER, INTEGER),)
_SHIFT = (_partial(INTEGER, INTEGER, INTEGER),)
_KEYS = (
    _total(t.Map(KEY, ANY), t.Array(TEXT), t.Map(KEY, ANY)),
    _total(t.Map(KEY, ANY), t.Set(TEXT), t.Map(KEY, ANY)),
)
_PAIR_OF_MAPS = (t.Map(KEY, SCALAR), t.Map(KEY, SCALAR))
_DECODE = (_partial(TEXT, TEXT),)
_IS = (_total(TEXT, BOOLEAN),)
_WEEKDAYS = t.Enum(tuple(sorted(time_.WEEKDAYS)))
_ANY_MATCH = tuple(_total(*pair, BOOLEAN) for pair in product(TEXTS, TEXTS))

_TABLE = (
    # Numbers.
    _row("sum", numbers.total, "sum([1, 2, 0.5])", "3.5", *_SUMS),
    _row("product", numbers.product, "product([2, 3, 4])", "24", *_SUMS),
    _row(
        "abs",
        numbers.magnitude,
        "abs(-2)",
        "2",
        _total(INTEGER, INTEGER),
        _total(NUMBER, NUMBER),
    ),
    _row("round", numbers.round_half_up, "round(-2.5)", "-3", *_ROUND),
    _row("ceil", numbers.ceiling, "ceil(2.1)", "3", *_ROUND),
    _row("floor", numbers.floor, "floor(-2.1)", "-3", *_ROUND),
    _row(
        "numbers.range",
        numbers.number_range,
        "numbers.range(3, 1)",
        "[3, 2, 1]",
        _partial(INTEGER, INTEGER, t.Array(INTEGER)),
    ),
    _row(
        "numbers.range_step",
        numbers.range_step,
        "numbers.range_step(0, 10, 4)",
        "[0, 4, 8]",
        _partial(INTEGER, INTEGER, INTEGER, t.Array(INTEGER)),
    ),
    _row("bits.and", numbers.bits_and, "bits.and(6, 3)", "2", *_BITS),
    _row("bits.or", numbers.bits_or, "bits.or(6, 3)", "7", *_BITS),
    _row("bits.xor", numbers.bits_xor, "bits.xor(6, 3)", "5", *_BITS),
    _row("bits.lsh", numbers.shift_left, "bits.lsh(1, 4)", "16", *_SHIFT),
    _row("bits.rsh", numbers.shift_right, "bits.rsh(18, 1)", "9", *_SHIFT),
    # Arrays, sets and objects.
    _row(
        "count",
        collections.count,
        'count({"a", "b"})',
        "2",
        *_either(_total, ANY, INTEGER),
        _total(t.Map(KEY, ANY), INTEGER),
        _total(TEXT, INTEGER),
    ),
    _row("max", collections.greatest, "max([3, 5, 4])", "5", *_EXTREMES),
    _row("min", collections.least, 'min({"b", "a"})', '"a"', *_EXTREMES),
    _row(
        "sort",
        collections.in_order,
        "sort([3, 1, 2])",
        "[1, 2, 3]",
        *_either(_total, ORDERED, t.Array(ORDERED)),
    ),
    _row(
        "array.concat",
        collections.array_concat,
        "array.concat([1], [2, 3])",
        "[1, 2, 3]",
        _total(t.Array(ANY), t.Array(ANY), t.Array(ANY)),
    ),
    _row(
        "array.slice",
        collections.array_slice,
        "array.slice([1, 2, 3, 4], 1, 3)",
        "[2, 3]",
        _total(t.Array(ANY), INTEGER, INTEGER, t.Array(ANY)),
    ),
    _row(
        "array.reverse",
        collections.array_reverse,
        "array.reverse([1, 2, 3])",
        "[3, 2, 1]",
        _total(t.Array(ANY), t.Array(ANY)),
    ),
    _row(
        "object.keys",
        collections.object_keys,
        'object.keys({"a": 1, "b": 2})',
        '{"a", "b"}',
        _total(t.Map(KEY, ANY), t.Set(KEY)),
    ),
    _row(
        "object.remove",
        collections.object_remove,
        'object.keys(object.remove({"a": 1, "b": 2}, ["a"]))',
        '{"b"}',
        *_KEYS,
    ),
    _row(
        "object.filter",
        collections.object_filter,
        'object.keys(object.filter({"a": 1, "b": 2}, {"a", "c"}))',
        '{"a"}',
        *_KEYS,
    ),
    _row(
        "object.union",
        collections.object_union,
        'object.union({"a": 1, "b": 1}, {"b": 2}).b',
        "2",
        _total(*_PAIR_OF_MAPS, t.Map(KEY, SCALAR)),
    ),
    _row(
        "object.subset",
        collections.object_subset,
        'object.subset({"a", "b"}, {"b"})',
        "true",
        _total(t.Set(SCALAR), t.Set(SCALAR), BOOLEAN),
        _total(t.Array(SCALAR), t.Set(SCALAR), BOOLEAN),
        _total(*_PAIR_OF_MAPS, BOOLEAN),
    ),
    # Strings.
    _row("contains", strings.contains, 'contains("abc", "b")', "true", *_TEST),
    _row("startswith", strings.startswith, 'startswith("abc", "ab")', "true", *_TEST),
    _row("endswith", strings.endswith, 'endswith("abc", "ab")', "false", *_TEST),
    _row("lower", strings.lower, 'lower("CMD.exe")', '"cmd.exe"', *_CHANGE),
    _row("upper", strings.upper, 'upper("hkcu")', '"HKCU"', *_CHANGE),
    _row("trim", strings.trim, 'trim("--a-b--", "-")', '"a-b"', *_CUT),
    _row("trim_left", strings.trim_left, 'trim_left("--a-", "-")', '"a-"', *_CUT),
    _row("trim_right", strings.trim_right, 'trim_right("-a--", "-")', '"-a"', *_CUT),
    _row("trim_prefix", strings.trim_prefix, 'trim_prefix("aab", "a")', '"ab"', *_CUT),
    _row("trim_suffix", strings.trim_suffix, 'trim_suffix("abb", "b")', '"ab"', *_CUT),
    _row("trim_space", strings.trim_space, r'trim_space(" a b\n")', '"a b"', *_CHANGE),
    _row("strings.reverse", strings.reverse, 'strings.reverse("ab")', '"ba"', *_CHANGE),
    _row(
        "strings.count",
        strings.occurrences,
        'strings.count("banana", "an")',
        "2",
        _total(TEXT, TEXT, INTEGER),
    ),
    _row(
        "strings.any_prefix_match",
        strings.any_prefix_match,
        'strings.any_prefix_match("abc", ["x", "ab"])',
        "true",
        *_ANY_MATCH,
    ),
    _row(
        "strings.any_suffix_match",
        strings.any_suffix_match,
        'strings.any_suffix_match(["a.exe", "b.ps1"], {".ps1", ".vbs"})',
        "true",
        *_ANY_MATCH,
    ),
    _row(
        "split",
        strings.split,
        'split("a.b", ".")',
        '["a", "b"]',
        _total(TEXT, TEXT, t.Array(TEXT)),
    ),
    _row(
        "concat",
        strings.concat,
        'concat("/", ["a", "b"])',
        '"a/b"',
        _total(TEXT, t.Array(TEXT), TEXT),
        _total(TEXT, t.Set(TEXT), TEXT),
    ),
    _row(
        "replace",
        strings.replace,
        'replace("a-b-c", "-", "+")',
        '"a+b+c"',
        _total(TEXT, TEXT, TEXT, TEXT),
    ),
    _row(
        "substring",
        strings.substring,
        'substring("abcdef", 2, 3)',
        '"cde"',
        _partial(TEXT, INTEGER, INTEGER, TEXT),
    ),
    _row(
        "indexof",
        strings.indexof,
        'indexof("abc", "c")',
        "2",
        _partial(TEXT, TEXT, INTEGER),
        check=strings.check_needle,
        settled_by=(1,),
    ),
    _row(
        "indexof_n",
        strings.indexof_n,
        'indexof_n("banana", "an")',
        "[1, 3]",
        _partial(TEXT, TEXT, t.Array(INTEGER)),
        check=strings.check_needle,
        settled_by=(1,),
    ),
    _row(
        "sprintf",
        formatting.sprintf,
        'sprintf("%s-%s", ["a", "b"])',
        '"a-b"',
        _partial(TEXT, t.Array(SCALAR), TEXT),
        check=formatting.check_template,
    ),
    _row(
        "format_int",
        formatting.format_int,
        "format_int(255, 16)",
        '"ff"',
        _partial(NUMBER, INTEGER, TEXT),
    ),
    _row(
        "to_number",
        formatting.to_number,
        'to_number("1.5")',
        "1.5",
        _total(INTEGER, INTEGER),
        _total(NUMBER, NUMBER),
        _total(BOOLEAN, INTEGER),
        _partial(TEXT, NUMBER),
    ),
    # Patterns.
    _row(
        "regex.match",
        patterns.regex_match,
        'regex.match("^a+$", "aaa")',
        "true",
        _partial(TEXT, TEXT, BOOLEAN),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    _row(
        "regex.find_n",
        searches.regex_find_n,
        'regex.find_n("[0-9]+", "a1 b22", -1)',
        '["1", "22"]',
        _partial(TEXT, TEXT, INTEGER, t.Array(TEXT)),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    _row(
        "regex.find_all_string_submatch_n",
        searches.regex_find_groups,
        'regex.find_all_string_submatch_n("-e ([a-z]+)", "-e cmd", 1)[0]',
        '["-e cmd", "cmd"]',
        _partial(TEXT, TEXT, INTEGER, t.Array(t.Array(TEXT))),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    _row(
        "regex.replace",
        searches.regex_replace,
        'regex.replace("c^m^d 42", "[0-9]+", "<$0>")',
        '"c^m^d <42>"',
        _partial(TEXT, TEXT, TEXT, TEXT),
        check=patterns.check_second_regex,
        settled_by=(1,),
    ),
    _row(
        "regex.split",
        searches.regex_split,
        'regex.split("[,;] *", "a, b;c")',
        '["a", "b", "c"]',
        _partial(TEXT, TEXT, t.Array(TEXT)),
        check=patterns.check_regex,
        settled_by=(0,),
    ),
    _row(
        "regex.is_valid",
        patterns.regex_is_valid,
        'regex.is_valid("[a-z")',
        "false",
        *_IS,
    ),
    _row(
        "glob.match",
        patterns.glob_match,
        'glob.match("*.example.com", [], "a.example.com")',
        "true",
        _partial(TEXT, t.Array(TEXT), TEXT, BOOLEAN),
        check=patterns.check_glob,
        settled_by=(0, 1),
    ),
    _row(
        "glob.quote_meta",
        patterns.glob_quote_meta,
        'glob.quote_meta("*.log")',
        r"`\*.log`",
        *_CHANGE,
    ),
    # Networks, times, versions and sizes.
    _row(
        "net.cidr_contains",
        networks.cidr_contains,
        'net.cidr_contains("10.0.0.0/8", "10.1.2.3")',
        "true",
        _total(t.Network(), t.Address(), BOOLEAN),
        _total(t.Network(), t.Network(), BOOLEAN),
    ),
    _row(
        "net.cidr_intersects",
        networks.cidr_intersects,
        'net.cidr_intersects("10.0.0.0/8", "10.1.0.0/16")',
        "true",
        _total(t.Network(), t.Network(), BOOLEAN),
    ),
    _row(
        "time.parse_rfc3339_ns",
        time_.parse_rfc3339_ns,
        'time.parse_rfc3339_ns("1970-01-01T01:00:01.5+01:00")',
        "1500000000",
        _total(t.Timestamp(), INTEGER),
        _partial(TEXT, INTEGER),
        check=time_.check_time,
        settled_by=(0,),
    ),
    _row(
        "time.parse_duration_ns",
        time_.parse_duration_ns,
        'time.parse_duration_ns("1m30s")',
        "90000000000",
        _partial(TEXT, INTEGER),
        check=time_.check_duration,
        settled_by=(0,),
    ),
    _row(
        "time.weekday",
        time_.weekday,
        "time.weekday(0)",
        '"Thursday"',
        _total(INTEGER, _WEEKDAYS),
    ),
    _row(
        "time.clock",
        time_.clock,
        "time.clock(3661000000000)",
        "[1, 1, 1]",
        _total(INTEGER, t.Array(INTEGER)),
    ),
    _row(
        "time.date",
        time_.calendar_date,
        "time.date(0)",
        "[1970, 1, 1]",
        _total(INTEGER, t.Array(INTEGER)),
    ),
    _row(
        "semver.compare",
        versions.semver_compare,
        'semver.compare("1.9.0", "1.10.0")',
        "-1",
        _partial(TEXT, TEXT, INTEGER),
        check=versions.check_version,
        settled_by=(0, 1),
    ),
    _row(
        "semver.is_valid",
        versions.semver_is_valid,
        'semver.is_valid("1.0")',
        "false",
        *_IS,
    ),
    _row(
        "units.parse_bytes",
        units.parse_bytes,
        'units.parse_bytes("1.5KiB")',
        "1536",
        _partial(TEXT, INTEGER),
        check=units.check_size,
        settled_by=(0,),
    ),
    # Encodings and digests.
    _row(
        "base64.decode",
        encoding.base64_decode,
        'base64.decode("Y21k")',
        '"cmd"',
        *_DECODE,
    ),
    _row(
        "base64.is_valid",
        encoding.base64_is_valid,
        'base64.is_valid("Y21")',
        "false",
        *_IS,
    ),
    _row(
        "base64.encode",
        encoding.base64_encode,
        'base64.encode("a")',
        '"YQ=="',
        *_CHANGE,
    ),
    _row(
        "base64url.decode",
        encoding.base64url_decode,
        'base64url.decode("fj8")',
        '"~?"',
        *_DECODE,
    ),
    _row("hex.decode", encoding.hex_decode, 'hex.decode("636D64")', '"cmd"', *_DECODE),
    _row("hex.encode", encoding.hex_encode, 'hex.encode("cmd")', '"636d64"', *_CHANGE),
    _row(
        "urlquery.decode",
        encoding.urlquery_decode,
        'urlquery.decode("a%20b+c")',
        '"a b c"',
        *_DECODE,
    ),
    _row(
        "crypto.md5",
        encoding.md5_hex,
        'substring(crypto.md5("abc"), 0, 8)',
        '"90015098"',
        *_CHANGE,
    ),
    _row(
        "crypto.sha1",
        encoding.sha1_hex,
        'substring(crypto.sha1("abc"), 0, 8)',
        '"a9993e36"',
        *_CHANGE,
    ),
    _row(
        "crypto.sha256",
        encoding.sha256_hex,
        'substring(crypto.sha256("abc"), 0, 8)',
        '"ba7816bf"',
        _total(TEXT, TEXT),
    ),
)

BUILTINS: Mapping[str, Builtin] = {row.name: row for row in _TABLE}
