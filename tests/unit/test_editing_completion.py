from __future__ import annotations

from pathlib import Path

import pytest
from rule_files import CASES, CASES_TEXT, PROBE, RULES, TEXT, desk, instead

from opensoc_engine.editing.completion import complete

LOGON = {"event", "source", "logon_type"}


def labels(text: str, path: Path = PROBE) -> set[str]:
    found = complete(*desk(text, path))
    return set() if found is None else {item.label for item in found.items}


def line(text: str) -> set[str]:
    """What is suggested on a line after the comparison of the event's type."""
    return labels(instead("failed(e)\n ", f"{text}\n "))


def test_fields_follow_the_narrowing_of_earlier_lines() -> None:
    assert line("e.fields.^") >= LOGON


def test_before_the_narrowing_only_common_fields_are_suggested() -> None:
    text = instead("in input.events\n", "in input.events\n      e.fields.^\n")

    assert not labels(text) & LOGON


@pytest.mark.parametrize(
    "text",
    [
        "startswith(e.fields.^",
        "count([x | some x in input.events; e.fields.^",
        "every x in input.events { e.fields.^",
        "lower(e.fields.^) == 1",
        "e.fields.ev^",
    ],
)
def test_fields_are_suggested_in_half_a_line(text: str) -> None:
    assert line(text) >= LOGON


def test_the_head_of_a_comprehension_sees_its_body() -> None:
    assert "log_id" in line("count({x.^ | some x in input.events}) > 1")


def test_a_bound_variable_is_known_in_the_comprehension_only() -> None:
    assert "inner" in line("count([1 | some inner in input.events; in^]) > 1")
    assert "inner" not in line("count([1 | some inner in input.events]) > in^")


def test_fields_that_may_not_be_read_are_not_suggested() -> None:
    found = line("input.^")

    assert "events" in found
    assert not found & {"narrative", "category", "target_label"}


def test_names_are_suggested() -> None:
    assert line("^") >= {"e", "failed", "external", "lower", "input", "data", "some"}


def test_the_word_that_is_being_written_is_replaced() -> None:
    workspace, path, offset = desk(instead("failed(e)\n ", "fai^led(e)\n "))
    found = complete(workspace, path, offset)

    assert found is not None
    assert workspace.texts[path][found.start : found.end] == "failed"


def test_a_builtin_with_a_dot_is_completed_behind_it() -> None:
    found = complete(*desk(instead("failed(e)\n ", "time.^\n ")))

    assert found is not None
    written = {item.written for item in found.items}
    assert written >= {"parse_rfc3339_ns", "weekday"}
    assert not any("." in word for word in written)


def test_lists_are_suggested_with_their_values() -> None:
    found = complete(*desk(instead("failed(e)\n ", "e.x in data.^\n ")))

    assert found is not None
    texts = {item.label: item.text for item in found.items}
    assert "`data.thresholds`: " in texts["thresholds"]


def test_keys_of_a_list_are_suggested() -> None:
    assert "within_seconds" in line("1 < data.thresholds.brute_force.^")


@pytest.mark.parametrize("text", ['== "^', '== "fai^', 'in {"success", "^'])
def test_the_values_of_a_field_are_suggested_in_quotes(text: str) -> None:
    assert line(f"e.fields.event.outcome {text}") == {"failure", "success", "unknown"}


def test_nothing_is_suggested_in_a_comment() -> None:
    assert line("# e.^") == set()


def test_a_helpers_parameter_has_the_fields_of_its_callers() -> None:
    text = instead('e.fields.event.outcome == "failure"', "e.fields.^")

    assert labels(text) >= LOGON


def test_a_shared_helpers_parameter_has_the_fields_of_its_callers() -> None:
    path = RULES / "verifier" / "set.yaml"
    text = path.read_text("utf-8")

    assert "tier" in labels(instead("machine.tier ==", "machine.^ ==", text), path)


def test_keys_of_a_rule_that_are_not_there_are_suggested() -> None:
    found = labels(instead("    action: monitor\n", "    ^\n"))

    assert "action" in found
    assert "title" not in found


def test_actions_are_those_of_the_set() -> None:
    text = instead("action: monitor", "action: ^")

    assert labels(text) == {"escalate", "quarantine_host", "block_ip", "monitor"}


def test_evidence_is_what_the_body_binds() -> None:
    assert labels(instead("[e]", "[^]")) == {"e"}


def test_constants_of_the_schema_are_suggested() -> None:
    assert "experimental" in labels(instead("status: test", "status: ^"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("rule: probe-logon", "rule: ^", "probe-logon"),
        ("fired: []", "fired: [^]", "probe-logon"),
        ("from: one logon fails", "from: ^", "one logon fails"),
        ("is: quiet", "is: ^", "near-miss"),
        ("action: monitor", "action: ^", "dismiss"),
        ("cases: probe", "cases: ^", "brute-force"),
        ("outcome: failure", "outcome: ^", "success"),
        ("event_type: authentication.logon", "event_type: ^", "process.start"),
    ],
)
def test_words_of_a_case_are_suggested(old: str, new: str, expected: str) -> None:
    assert expected in labels(instead(old, new, CASES_TEXT), CASES)


def test_a_rule_without_its_other_keys_is_completed() -> None:
    text = TEXT.replace("    title: Any logon fails\n    action: monitor\n", "")

    assert labels(instead("failed(e)\n ", "e.fields.^\n ", text)) >= LOGON
