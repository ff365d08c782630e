from __future__ import annotations

import json

from opensoc_engine.diagnostics import Diagnostic, Label, diagnose
from opensoc_engine.render import (
    render_github,
    render_json,
    render_sarif,
    render_text,
    summary,
)
from opensoc_engine.source import Source, Span


def found(text: str, part: str, name: str = "a.yaml", label: str = "") -> Diagnostic:
    source = Source(name, text)
    start = text.index(part)
    span = Span(source, start, start + len(part))
    return diagnose("E301", span, label=label, help="look again", name=part)


def carets(text: str, part: str) -> str:
    """The carets' line below the text, without the gutter."""
    return render_text([found(text, part)]).splitlines()[4].partition("|")[2][1:]


def test_a_message_looks_like_the_style_guide() -> None:
    source = Source("rules/a.yaml", "\n" * 13 + '    alert.severty == "high"')
    span = Span(source, 23, 30)
    message = diagnose(
        "E301",
        span,
        label="`Alert` has no such field",
        help="did you mean `severity`?",
        name="severty",
    )

    assert render_text([message]) == (
        "error[E301]: unknown field `severty`\n"
        "  --> rules/a.yaml:14:11\n"
        "   |\n"
        '14 |     alert.severty == "high"\n'
        "   |           ^^^^^^^ `Alert` has no such field\n"
        "   = help: did you mean `severity`?"
    )


def test_carets_stand_below_tabs() -> None:
    assert carets("\ta\tbad", "bad") == "        ^^^"


def test_carets_stand_below_wide_and_combining_characters() -> None:
    assert carets("日本 bad", "bad") == "     ^^^"
    assert carets("日本 bad", "本") == "  ^^"
    assert carets("e\u0301 bad", "bad") == "  ^^^"


def test_a_span_over_lines_is_marked_on_its_first() -> None:
    assert carets("x: |  \n  y\n", "|  \n  y") == "   ^"


def test_carriage_returns_are_not_shown() -> None:
    lines = render_text([found("one\r\nbad\r\n", "bad")]).splitlines()

    assert lines[3:5] == ["2 | bad", "  | ^^^"]


def test_an_empty_span_gets_one_caret() -> None:
    assert carets("abc", "") == "^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    lines = render_text([found("x" * 900 + "bad" + "y" * 900, "bad")]).splitlines()
    shown, marked = lines[3], lines[4]

    assert len(shown) < 120
    assert shown[marked.index("^") : marked.rindex("^") + 1] == "bad"
    assert shown.startswith("1 | …")
    assert shown.endswith("…")


def test_control_codes_never_reach_the_terminal() -> None:
    text = render_text([found("a \x1b[31m\u202e bad", "bad", name="\x1b[2J.yaml")])

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"a \x1b[31m\u202e bad" in text


def test_control_codes_in_the_message_are_escaped() -> None:
    assert r"unknown field `a\nb`" in render_text([found("a\nb", "a\nb")])


def test_labels_of_one_file_are_shown_in_order() -> None:
    source = Source("a.yaml", "one\n\n\ntwo three\n")
    others = (Label(Span(source, 0, 3), "first"), Label(Span(source, 10, 15), "third"))
    message = diagnose("E102", Span(source, 6, 9), others=others, key="two")

    assert render_text([message]).splitlines()[2:] == [
        "  |",
        "1 | one",
        "  | --- first",
        "...",
        "4 | two three",
        "  | ^^^",
        "  |     ----- third",
    ]


def test_a_label_of_another_file_names_it() -> None:
    other = Label(Span(Source("b.yaml", "there"), 0, 5), "here first")
    message = diagnose(
        "E102", Span(Source("a.yaml", "here"), 0, 4), others=(other,), key="x"
    )

    assert " ::: b.yaml:1:1" in render_text([message]).splitlines()


def test_a_file_without_text_is_named_without_a_line() -> None:
    span = Span(Source("gone.yaml", ""), 0, 0)
    message = diagnose("E107", span, problem="no such file")

    assert render_text([message]).splitlines()[1:] == [" --> gone.yaml"]


def test_colours_are_all_that_colour_adds() -> None:
    message = found("one bad", "bad", label="here")
    coloured = render_text([message], color=True)
    stripped = coloured
    for code in ("\x1b[1;31m", "\x1b[1m", "\x1b[34m", "\x1b[32m", "\x1b[0m"):
        assert code in stripped
        stripped = stripped.replace(code, "")

    assert stripped == render_text([message])


def test_summary_counts_by_severity() -> None:
    error = found("bad", "bad")

    assert summary([]) == "no problems"
    assert summary([error]) == "1 error"
    assert summary([error, error]) == "2 errors"


def test_json_is_a_list_with_places() -> None:
    (item,) = json.loads(render_json([found("one\nbad", "bad", label="here")]))

    assert (item["code"], item["slug"]) == ("E301", "unknown-field")
    assert (item["file"], item["label"], item["help"]) == (
        "a.yaml",
        "here",
        "look again",
    )
    assert (item["line"], item["column"], item["end_line"], item["end_column"]) == (
        2,
        1,
        2,
        4,
    )


def test_github_gets_one_escaped_line() -> None:
    line = render_github([found("50%\nbad", "50%", name="a,b:c.yaml")])

    assert line == (
        "::error file=a%2Cb%3Ac.yaml,line=1,endLine=1,title=E301 unknown-field,"
        "col=1,endColumn=3::unknown field `50%25`%0Ahelp: look again"
    )


def test_sarif_names_rules_and_regions() -> None:
    log = json.loads(render_sarif([found("bad", "bad", name="rules/a b.yaml")]))
    (run,) = log["runs"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]

    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "E301"
    assert place["artifactLocation"]["uri"] == "rules/a%20b.yaml"
    assert place["region"]["endColumn"] == 4


def test_sarif_of_nothing_is_a_clean_run() -> None:
    assert json.loads(render_sarif([]))["runs"][0]["results"] == []
