from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from policy_modules import attempt, document, fires, process, rule

from opensoc_engine import types as t
from opensoc_engine.builtin_functions.strings import MAX_LENGTH
from opensoc_engine.builtins import BUILTINS, resolve

TEXT = t.Text()


def call(name: str, *arguments: Any) -> Any:
    return BUILTINS[name].implementation(*arguments)


def is_partial(name: str, *arguments: t.Type) -> bool:
    known = resolve(BUILTINS[name], arguments)
    assert known is not None
    return known[0].partial


@pytest.mark.parametrize("name", BUILTINS)
def test_the_example_of_a_builtin_has_the_value_that_its_row_shows(name: str) -> None:
    expression, value = BUILTINS[name].example

    assert name in expression
    assert fires(rule(f"{expression} == {value}"), document())


@pytest.mark.parametrize("name", BUILTINS)
def test_a_builtin_says_in_one_sentence_what_its_value_is(name: str) -> None:
    doc = BUILTINS[name].doc

    assert doc[0].isupper()
    assert doc.endswith(".")


@pytest.mark.parametrize("name", BUILTINS)
def test_a_builtin_has_signatures_of_one_length(name: str) -> None:
    assert len({len(s.parameters) for s in BUILTINS[name].signatures}) == 1


# Names and values as OPA has them.
VALUES = [
    ("sum", ((),), 0),
    ("sum", ([1, Decimal("0.1"), Decimal("0.2")],), Decimal("1.3")),
    ("product", (frozenset(),), 1),
    ("max", ([],), None),
    ("min", (frozenset(),), None),
    ("max", (frozenset({2, 10}),), 10),
    ("abs", (Decimal("-0.5"),), Decimal("0.5")),
    ("round", (Decimal("0.5"),), 1),
    ("round", (Decimal("-0.5"),), -1),
    ("round", (7,), 7),
    ("ceil", (Decimal("-2.5"),), -2),
    ("floor", (Decimal("1E+20"),), 10**20),
    ("numbers.range", (1, 3), [1, 2, 3]),
    ("numbers.range", (2, 2), [2]),
    ("numbers.range", (0, 10_000), None),
    ("count", ("né",), 2),
    ("count", ({"a": 1},), 1),
    ("array.slice", ([1, 2], -1, 9), [1, 2]),
    ("array.slice", ((1, 2), 2, 1), []),
    ("array.slice", ([1, 2, 3], -2, -1), []),
    ("array.concat", ((1,), [2]), [1, 2]),
    ("sort", (frozenset({"b", "a"}),), ["a", "b"]),
    ("split", ("", ","), [""]),
    ("split", ("ab", ""), ["a", "b"]),
    ("split", ("", ""), []),
    ("concat", (",", frozenset({"b", "a"})), "a,b"),
    ("replace", ("ab", "", "-"), "-a-b-"),
    ("substring", ("abc", 1, -1), "bc"),
    ("substring", ("abc", 5, 2), ""),
    ("substring", ("abc", -1, 2), None),
    ("indexof", ("abc", "z"), -1),
    ("indexof", ("abc", ""), None),
    ("strings.count", ("abc", ""), 4),
    ("strings.any_prefix_match", ([], ["a"]), False),
    ("strings.any_suffix_match", ("a.exe", []), False),
    ("trim", ("abc", ""), "abc"),
    ("trim_prefix", ("abc", "b"), "abc"),
    ("trim_space", ("\u2003\x85a\x1c ",), "a\x1c"),
    ("lower", ("ΔΣ İ",), "δ\u03c3 i"),
    ("upper", ("straße ᾳ",), "STRAßE ᾼ"),
    ("format_int", (Decimal("-255.9"), 16), "-ff"),
    ("format_int", (5, 3), None),
    ("to_number", ("-12",), -12),
    ("to_number", ("1e3",), Decimal(1000)),
    ("to_number", (".5",), Decimal("0.5")),
    ("to_number", ("0x10",), None),
    ("to_number", ("inf",), None),
    ("to_number", ("1e999999999",), None),
    ("to_number", ("٣",), None),
    ("to_number", (True,), 1),
    ("base64.decode", ("YQ==\r\n",), "a"),
    ("base64.decode", ("YQ=",), None),
    ("base64.decode", ("====",), None),
    ("base64.decode", ("Y Q=",), None),
    ("base64.decode", ("/w==",), "\ufffd"),
    ("base64.is_valid", ("YR==",), True),
    ("base64.encode", ("é",), "w6k="),
    ("base64url.decode", ("_-8=",), "\ufffd\ufffd"),
    ("base64url.decode", ("_-8",), "\ufffd\ufffd"),
    ("base64url.decode", ("YQ=",), None),
    ("base64url.decode", ("+/8=",), None),
    ("base64url.decode", ("YR",), "a"),
    ("hex.decode", ("ABcd6162",), "\ufffd\ufffdab"),
    ("hex.decode", ("6",), None),
    ("hex.decode", ("61 62",), None),
    ("hex.encode", ("é",), "c3a9"),
    ("urlquery.decode", ("a%20b+c%C3%A9",), "a b cé"),
    ("urlquery.decode", ("a%2",), None),
    ("urlquery.decode", ("%ff",), "\ufffd"),
    ("numbers.range_step", (10, 1, 3), [10, 7, 4, 1]),
    ("numbers.range_step", (1, 1, 5), [1]),
    ("numbers.range_step", (1, 10, 0), None),
    ("numbers.range_step", (0, 10**9, 10**5), None),
    ("bits.and", (-6, 3), 2),
    ("bits.xor", (-1, 1), -2),
    ("bits.lsh", (1, 100), 2**100),
    ("bits.lsh", (1, -1), None),
    ("bits.lsh", (1, 10**40), None),
    ("bits.rsh", (-17, 2), -5),
    ("bits.rsh", (5, 10**40), 0),
    ("bits.rsh", (1, -1), None),
    ("array.reverse", ((1, 2),), [2, 1]),
    ("object.remove", ({"a": 1, "b": 2}, frozenset({"a"})), {"b": 2}),
    ("object.filter", ({"a": 1, "b": 2}, ["a", "z"]), {"a": 1}),
    ("object.union", ({"a": 1}, {"a": 3}), {"a": 3}),
    ("object.subset", ({"a": 1, "b": 2}, {"a": 2}), False),
    ("object.subset", ({}, {}), True),
    ("object.subset", ((1, 2), frozenset({2})), True),
    ("object.subset", (frozenset({1}), frozenset({1, 2})), False),
    ("indexof_n", ("aaaa", "aa"), [0, 1, 2]),
    ("indexof_n", ("éaé", "é"), [0, 2]),
    ("indexof_n", ("a", ""), None),
    ("glob.quote_meta", ("*?\\[]{},!-a.b",), r"\*\?\\\[\]\{\},!-a.b"),
    ("regex.is_valid", ("a" * 100_000,), False),
    ("regex.find_n", ("a*", "baac", -1), ["", "aa", ""]),
    ("regex.find_n", ("a*", "baac", 2), ["", "aa"]),
    ("regex.find_n", ("a*", "baac", 0), []),
    ("regex.find_n", ("", "é", -1), ["", ""]),
    ("regex.find_n", ("^a", "aa", -1), ["a"]),
    ("regex.find_n", ("[", "a", -1), None),
    ("regex.split", ("", "ab"), ["a", "b"]),
    ("regex.split", ("a*", "abaabaccadaaae"), ["", "b", "b", "c", "c", "d", "e"]),
    ("regex.split", (",", ""), [""]),
    ("regex.split", ("", ""), []),
    ("regex.split", ("a", "aba"), ["", "b", ""]),
    ("regex.split", ("[", "a"), None),
    ("regex.replace", ("abc", "b(c)", "<$1>$$$x${1}y$1y"), "a<c>$cy"),
    ("regex.replace", ("abc", "x*", "-"), "-a-b-c-"),
    ("regex.replace", ("baac", "a*", "-"), "-b-c-"),
    ("regex.replace", ("aéc", "", "-"), "-a-é-c-"),
    ("regex.replace", ("abc", "(?P<n>b)", "$n-${n}-$"), "ab-b-$c"),
    ("regex.replace", ("abc", "(b)", "$1a ${1}a $11 $01 $ 1 ${}"), "a ba   $ 1 ${}c"),
    ("regex.replace", ("abc", "[", "-"), None),
    ("time.weekday", (-1,), "Wednesday"),
    ("time.clock", (-1,), [23, 59, 59]),
    ("time.date", (-1,), [1969, 12, 31]),
    ("time.date", (951_782_400 * 10**9,), [2000, 2, 29]),
    ("time.parse_duration_ns", ("-1.5h",), -5_400_000_000_000),
    ("time.parse_duration_ns", ("1us1ms1ns1µs",), 1_002_001),
    ("time.parse_duration_ns", ("1w2d",), 777_600_000_000_000),
    ("time.parse_duration_ns", (".5s",), 500_000_000),
    ("time.parse_duration_ns", ("0",), 0),
    ("time.parse_duration_ns", ("",), None),
    ("time.parse_duration_ns", (".s",), None),
    ("time.parse_duration_ns", ("1 h",), None),
    ("time.parse_duration_ns", ("200000d",), None),
    ("semver.compare", ("1.2.3-alpha.1", "1.2.3-alpha.beta"), -1),
    ("semver.compare", ("1.2.3-alpha.1", "1.2.3-alpha.1.1"), -1),
    ("semver.compare", ("1.2.3-2", "1.2.3-10"), -1),
    ("semver.compare", ("1.2.3", "1.2.3-rc"), 1),
    ("semver.compare", ("1.2.3+b1", "1.2.3+b2"), 0),
    ("semver.compare", ("1.2", "1.10.0"), None),
    ("semver.compare", ("99999999999999999999.2.3", "1.2.3"), None),
    ("semver.is_valid", ("1.0.0-a..b",), False),
    ("units.parse_bytes", ("1.5MB",), 1_500_000),
    ("units.parse_bytes", ("10ki",), 10_240),
    ("units.parse_bytes", ("0.0001K",), 0),
    ("units.parse_bytes", ("1e3K",), 1_000_000),
    ("units.parse_bytes", ("1EiB",), 2**60),
    ("units.parse_bytes", ("K",), None),
    ("units.parse_bytes", ("1b",), None),
]


def test_groups_that_are_not_there_are_empty() -> None:
    found = call("regex.find_all_string_submatch_n", "a(x)?b", "ab axb", -1)

    assert found == [["ab", ""], ["axb", "x"]]


def test_a_search_is_bounded_in_text_and_matches() -> None:
    long = "a" * MAX_LENGTH

    assert len(call("regex.find_n", "a", long, -1)) == 1000
    assert call("regex.find_n", "a+", long, -1) == ["a" * 65_536]
    assert len(call("regex.split", "a", long)) == 1001
    assert call("regex.replace", long, "a", "bb") == ("bb" * 1000 + long)[:MAX_LENGTH]
    assert len(call("regex.replace", long, "a", "$0" * 5000)) == MAX_LENGTH
    assert len(call("indexof_n", long, "a")) == 1000


def test_encodings_are_cut_where_they_can_be_decoded() -> None:
    long = "a" * MAX_LENGTH

    for coding in ("hex", "base64"):
        encoded = call(f"{coding}.encode", long)
        assert len(encoded) == MAX_LENGTH
        assert long.startswith(call(f"{coding}.decode", encoded))


MEETINGS = [
    ("10.0.0.0/8", "10.1.0.0/16", True),
    ("10.1.0.0/16", "10.0.0.0/8", True),
    ("10.1.0.0/16", "10.2.0.0/16", False),
    ("10.0.0.0/8", "::/0", False),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8", True),
    ("nonsense", "10.0.0.0/8", False),
]


@pytest.mark.parametrize(("left", "right", "value"), MEETINGS)
def test_networks_meet_or_do_not(left: str, right: str, value: bool) -> None:
    assert call("net.cidr_intersects", left, right) is value


@pytest.mark.parametrize(
    ("line", "code", "problem"),
    [
        (
            'count(sprintf("%s", [1])) > 0',
            "E401",
            "`%s` of `sprintf` does not show number",
        ),
        (
            'count(sprintf("%d", [true])) > 0',
            "E401",
            "`%d` of `sprintf` does not show boo",
        ),
        (
            'count(sprintf("%v", [["a"]])) > 0',
            "E401",
            "does not show array of one of `a`",
        ),
        ('time.weekday(0) == "Sunay"', "E405", "`Sunay`"),
        ('count(object.union({"a": [1]}, {"a": [2]})) > 0', "E401", "does not take"),
    ],
)
def test_what_a_builtin_never_takes_or_gives_does_not_compile(
    line: str, code: str, problem: str
) -> None:
    _, found = attempt(rule(line))

    assert [diagnostic.code for diagnostic in found] == [code]
    assert problem in found[0].message


def test_values_of_different_types_are_shown_together() -> None:
    texts = rule('sprintf("%s:%d (%v)", ["a", 443, true]) == "a:443 (true)"')

    assert fires(texts, document())


@pytest.mark.parametrize(("name", "arguments", "value"), VALUES)
def test_a_builtin_gives_the_value_of_opa(
    name: str, arguments: tuple[Any, ...], value: Any
) -> None:
    found = call(name, *arguments)

    assert found == value
    assert type(found) is type(value)


TEMPLATES = [
    ("%s is %s", ["a", "b"], "a is b"),
    ("%d%%", [5], "5%"),
    ("%d", [Decimal("5.0")], "5"),
    ("%d", [Decimal("5.5")], None),
    ("%d", ["5"], None),
    ("%s", [5], None),
    ("%s %v", [True, False], "true false"),
    ("%x", [-255], "-ff"),
    ("%x", ["hi"], "6869"),
    ("%v", [Decimal("1.50")], "1.5"),
    ("%v", [Decimal("1E+3")], "1000"),
    ("%v", [10**2000], None),
    ("%s", [], None),
    ("x", ["a"], None),
    ("%q", ["a"], None),
    ("100%", [], None),
]


@pytest.mark.parametrize(("template", "values", "text"), TEMPLATES)
def test_sprintf_has_a_value_where_verbs_and_values_fit(
    template: str, values: list[Any], text: str | None
) -> None:
    assert call("sprintf", template, values) == text


GLOBS = [
    ("*.com", [], "a.com", True),
    ("*.com", [], "a.b.com", False),
    ("**.com", [], "a.b.com", True),
    ("*:b", [":"], "a.a:b", True),
    ("a?c", [], "abc", True),
    ("a?c", [], "a.c", False),
    ("[a-c]x", [], "bx", True),
    ("[!a-c]x", [], "bx", False),
    ("[ab-]", [], "-", True),
    (r"[a\]]", [], "]", True),
    ("{cat,bat,[fr]at}", [], "rat", True),
    ("{a,b}c,d", [], "bc,d", True),
    (r"\*", [], "*", True),
    (r"\*", [], "a", False),
    ("a}", [], "a}", True),
    ("a", [], "a\n", False),
    ("**", [], "a\nb", True),
    ("é*", ["é"], "éé", False),
    ("[a", [], "a", None),
    ("[]", [], "a", None),
    ("[c-a]", [], "b", None),
    ("[a-cx]", [], "b", None),
    ("{a", [], "a", None),
    ("a\\", [], "a", None),
    ("a", ["::"], "a", None),
    ("\ud800", [], "a", False),
    ("*" * 100_000, [], "a", None),
    ("**", list("abcdefghijklmnopq"), "a", None),
    ("**", ["a"] * 17, "a", True),
]


@pytest.mark.parametrize(("pattern", "delimiters", "text", "value"), GLOBS)
def test_a_glob_matches_the_whole_string(
    pattern: str, delimiters: list[str], text: str, value: bool | None
) -> None:
    assert call("glob.match", pattern, delimiters, text) is value


NETWORKS = [
    ("10.0.0.0/8", "10.255.255.255", True),
    ("10.0.0.0/8", "11.0.0.0", False),
    ("10.0.0.0/8", "10.0.0.0/9", True),
    ("10.0.0.0/9", "10.0.0.0/8", False),
    ("10.0.0.0/8", "::ffff:10.1.2.3", True),
    ("::ffff:10.0.0.0/104", "10.1.2.3", True),
    ("::/0", "10.1.2.3", False),
    ("2001:db8::/32", "2001:db8::1", True),
    ("10.0.0.0/8", "010.1.2.3", False),
    ("10.0.0.0/8", "10.1.2.3\n", False),
    ("10.0.0.0/255.0.0.0", "10.1.2.3", False),
    ("nonsense", "10.1.2.3", False),
    ("fe80::/10", "fe80::1%eth0", False),
]


@pytest.mark.parametrize(("network", "inner", "value"), NETWORKS)
def test_a_network_holds_addresses_and_networks(
    network: str, inner: str, value: bool
) -> None:
    assert call("net.cidr_contains", network, inner) is value


TIMES = [
    ("1970-01-01T00:00:00Z", 0),
    ("1969-12-31T23:59:59.999999999Z", -1),
    ("2026-11-24T07:08:09.123Z", 1_795_504_089_123_000_000),
    ("2026-11-24T08:38:09.123+01:30", 1_795_504_089_123_000_000),
    ("2026-11-23T19:08:09.123-12:00", 1_795_504_089_123_000_000),
    ("0001-01-01T00:00:00Z", -62_135_596_800_000_000_000),
    ("2026-02-29T00:00:00Z", None),
    ("2026-01-01T24:00:00Z", None),
    ("2026-01-01T00:00:60Z", None),
    ("2026-01-01T00:00:00", None),
    ("2026-01-01 00:00:00Z", None),
    ("2026-01-01T00:00:00.1234567890Z", None),
    ("\uff12026-01-01T00:00:00Z", None),
]


@pytest.mark.parametrize(("text", "value"), TIMES)
def test_a_time_is_an_exact_number_of_nanoseconds(text: str, value: int | None) -> None:
    assert call("time.parse_rfc3339_ns", text) == value


def test_a_regex_is_not_anchored_and_a_dollar_is_the_very_end() -> None:
    assert call("regex.match", "b", "abc") is True
    assert call("regex.match", "c$", "abc\n") is False


def test_a_pattern_that_is_not_valid_has_no_value() -> None:
    assert call("regex.match", "(", "(") is None
    assert call("regex.match", "a" * 100_000, "a") is None
    assert call("regex.match", "(a{999}){999}", "a") is None


def test_halves_of_surrogate_pairs_do_not_raise() -> None:
    half = "\ud800"

    assert call("regex.match", "a", half) is False
    assert call("regex.match", half, "a") is None
    assert len(call("crypto.sha256", half)) == 64
    assert call("sprintf", "%x", [half]) == "eda080"


def test_a_text_is_cut_where_it_would_grow_beyond_the_limit() -> None:
    long = "a" * 2000

    assert call("replace", long, "a", long) == "a" * MAX_LENGTH
    assert call("concat", long, [long] * 2000) == "a" * MAX_LENGTH
    assert len(call("array.concat", [0] * 99_999, [1, 1])) == 100_000


def test_the_sum_of_a_set_does_not_depend_on_the_order_of_its_making() -> None:
    parts = [Decimal(f"1E{power}") for power in range(0, 60, 7)]
    parts.append(-parts[-1])

    sums = {call("sum", frozenset(order)) for order in (parts, parts[::-1])}

    assert len(sums) == 1


def test_a_constant_pattern_makes_a_match_total() -> None:
    dots = t.Array(t.Enum((".",)))

    assert not is_partial("regex.match", t.Enum(("a+",)), TEXT)
    assert not is_partial("glob.match", t.Enum(("*",)), dots, TEXT)
    assert not is_partial("glob.match", t.Enum(("*",)), t.Array(t.Never()), TEXT)
    assert not is_partial("indexof", TEXT, t.Enum(("a",)))


def test_a_pattern_that_is_read_from_somewhere_makes_a_match_partial() -> None:
    assert is_partial("regex.match", TEXT, TEXT)
    assert is_partial("regex.match", t.Enum(("a", "(")), TEXT)
    assert is_partial("glob.match", t.Enum(("*",)), t.Array(TEXT), TEXT)
    assert is_partial("glob.match", t.Enum(("*",)), t.Array(t.Enum((":",))), TEXT)
    assert is_partial("indexof", TEXT, TEXT)


def test_only_times_of_the_schema_always_have_an_instant() -> None:
    assert not is_partial("time.parse_rfc3339_ns", t.Timestamp())
    assert is_partial("time.parse_rfc3339_ns", TEXT)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('regex.match("(", "a")', "the pattern is not valid: missing ): ("),
        ('glob.match("[a", [], "a")', "the glob is not valid: a `[` is empty"),
        ('count(sprintf("%q", ["a"])) > 0', "`%q` is not a verb of `sprintf`"),
        ('count(sprintf("50%", ["a"])) > 0', "`%` is not a verb of `sprintf`"),
        ('count(sprintf("%s", ["a", 1])) > 0', "the template has verbs for 1 and not"),
        ('regex.replace("a", "(", "b") == ""', "the pattern is not valid: missing )"),
        ('time.parse_duration_ns("5") > 0', "`5` is not a duration such as `90s`"),
        ('units.parse_bytes("5 KB") > 0', "`5 KB` is not a size such as `10KB`"),
        ('semver.compare("1.2", "1.0.0") > 0', "`1.2` is not a semantic version"),
        ('indexof("a", "") == 0', "it looks for at least one character"),
        ('time.parse_rfc3339_ns("yesterday") > 0', "`yesterday` is not an RFC 3339"),
    ],
)
def test_a_constant_that_can_not_be_read_does_not_compile(
    line: str, problem: str
) -> None:
    _, found = attempt(rule(line))

    assert [diagnostic.code for diagnostic in found] == ["E407"]
    assert found[0].message.startswith(problem)


@pytest.mark.parametrize(
    "line",
    [
        "x := max([e.at | some e in input.events; e.kind == `process`])\nx != `a`",
        'net.cidr_contains("10.0.0.0/8", input.names[0])',
        "count(1) > 0",
        "count(sort([[1], [2]])) > 0",
        "round(`1`) == 1",
    ],
)
def test_an_argument_of_another_type_does_not_compile(line: str) -> None:
    _, found = attempt(rule(line))

    assert "E401" in [diagnostic.code for diagnostic in found]


def test_a_builtin_that_may_have_no_value_must_be_guarded_under_not() -> None:
    _, found = attempt(rule("not max(numbers.range(1, 2)) == 2"))

    assert {diagnostic.code for diagnostic in found} == {"E403"}


def test_a_constant_pattern_needs_no_guard_under_not() -> None:
    assert fires(rule('not regex.match("^b", "a")'), document())


def test_a_line_does_not_hold_where_a_builtin_has_no_value() -> None:
    texts = rule('regex.match(input.names[0], "a")')

    assert not fires(texts, document(names=["("]))
    assert fires(texts, document(names=["a"]))


def test_constant_texts_may_stand_for_networks_addresses_and_times() -> None:
    body = (
        "some e in input.events\n"
        'e.kind == "process"\n'
        'time.parse_rfc3339_ns(e.at) < time.parse_rfc3339_ns("2026-02-01T00:00:00Z")\n'
        'net.cidr_contains("10.0.0.0/8", "10.0.0.1")'
    )

    assert fires(rule(body), document(process(1)))
