from __future__ import annotations

import pytest
from rule_files import TEXT

from opensoc_engine.editing.memo import Memo
from opensoc_engine.editing.tolerant import policy_of, tree_of
from opensoc_engine.source import Source


@pytest.mark.parametrize(
    "line",
    ["    acti", "    evidence: [a", '    title: "x', "  nonsense: - y", "\t- x"],
)
def test_one_line_that_can_not_be_read_spoils_no_other(line: str) -> None:
    text = TEXT.replace("    action: monitor", line)
    tree = tree_of(Source("probe.yaml", text))

    assert tree is not None
    assert policy_of(tree, Source("probe.yaml", text)).rules[0].id.text == "probe-logon"


def test_places_stay_where_they_are() -> None:
    text = TEXT.replace("    action: monitor", "    acti")
    tree = tree_of(Source("probe.yaml", text))
    key = tree and tree.key("rules")

    assert key is not None
    assert text[key.span.start : key.span.end] == "rules"


def test_the_line_that_is_being_written_is_left_out_first() -> None:
    text = "policy: a\nkind: verifier\nti\nversion: 1.0.0\n"
    tree = tree_of(Source("a.yaml", text), line=3)

    assert tree is not None
    assert [key.text for key, _ in tree.items] == ["policy", "kind", "version"]


@pytest.mark.parametrize("text", ["", "- a", "[" * 500, "%\n" * 50, "a: &x 1\n" * 9])
def test_any_text_is_answered(text: str) -> None:
    tree = tree_of(Source("a.yaml", text))

    assert tree is None or policy_of(tree, Source("a.yaml", text)).rules == ()


@pytest.mark.parametrize(
    "text",
    [
        "rules: 1",
        "rules: [1, {when: 2}, {when: [a, {b: c}]}]",
        "define: [a]\nrules: {a: b}",
        "define: {a: {b: c}, 1: x}",
        "policy: [a]\nkind: {}\nevidence: 3",
    ],
)
def test_other_shapes_are_read_as_far_as_they_go(text: str) -> None:
    tree = tree_of(Source("a.yaml", text))

    assert tree is not None
    assert policy_of(tree, Source("a.yaml", text)).slug.text == ""


def test_a_memo_forgets_what_was_asked_for_longest_ago() -> None:
    memo = Memo(2)
    made = [memo.get(key, lambda key=key: key.upper()) for key in ("a", "b", "a", "c")]

    assert made == ["A", "B", "A", "C"]
    assert memo.get("a", lambda: "made again") == "A"
    assert memo.get("b", lambda: "made again") == "made again"
