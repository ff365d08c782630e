from __future__ import annotations

from pathlib import Path

import pytest
from rule_files import CASES, CASES_TEXT, PROBE, RULES, TEXT, at, desk, instead

from opensoc_engine.editing.hover import hover


def shown(text: str, path: Path = PROBE) -> str:
    found = hover(*desk(text, path))
    return "" if found is None else found.text


def test_a_builtin_has_its_signature_doc_and_example() -> None:
    text = shown(at("lower(e"))

    assert "lower(string) -> string" in text
    assert "The string in small letters." in text
    assert '`lower("CMD.exe")` is `"cmd.exe"`' in text


def test_a_helper_has_its_head_comment_and_callers_types() -> None:
    text = shown(at("failed(e)\n      lower"))

    assert "```rego\nfailed(e)\n```" in text
    assert "An attempt that failed." in text
    assert "`e`: `authentication.logon` object" in text


def test_a_shared_helper_names_its_file() -> None:
    assert "from `set.yaml`" in shown(instead("failed(e)\n ", "ext^ernal(e.x)\n "))


def test_a_field_has_its_type_and_the_words_of_the_schema() -> None:
    text = shown(at("event_type =="))

    assert text.startswith("`e.event_type`: one of ")
    assert "What happened." in text


def test_a_field_that_may_be_missing_says_so() -> None:
    text = shown(instead("failed(e)\n ", "e.fields.sou^rce\n "))

    assert "`e.fields.source`: `endpoint` object; may be missing" in text


def test_a_claim_says_that_it_is_not_to_be_trusted() -> None:
    text = shown(instead("failed(e)\n ", 'input.cat^egory == "phishing"\n '))

    assert "not to be trusted: a claim of the attacker" in text


def test_a_list_shows_how_many_values_it_has() -> None:
    text = shown(at("builtin_accounts"))

    assert "`data.builtin_accounts`: " in text
    assert " values: `" in text


def test_a_value_in_a_list_is_shown() -> None:
    path = "data.thresholds.brute_force.within_sec^onds"

    assert "`: `600`" in shown(instead("failed(e)\n ", f"{path} > 1\n "))


@pytest.mark.parametrize("word", ["e in input", "e.event_type"])
def test_a_variable_has_the_type_of_its_line(word: str) -> None:
    assert shown(at(word, 0)).startswith("`e`: `")


def test_a_parameter_has_the_types_of_its_calls() -> None:
    assert "authentication.logon" in shown(at("failed(e):", len("failed(")))


def test_a_key_has_the_words_of_the_schema() -> None:
    assert shown(at("falsepositives", 1, TEXT + "falsepositives: []\n")) == (
        "Benign look-alikes."
    )


def test_an_event_in_a_case_has_the_words_of_the_input_schema() -> None:
    text = shown(at("outcome", 1, CASES_TEXT), CASES)

    assert text == "Did it succeed?"


def test_a_shared_helper_knows_how_policies_call_it() -> None:
    path = RULES / "verifier" / "set.yaml"
    text = path.read_text("utf-8")

    assert "`ip`: address" in shown(at("internal(ip)", 9, text), path)


def test_a_rule_without_its_other_keys_is_read() -> None:
    text = TEXT.replace("    title: Any logon fails\n    action: monitor\n", "")

    assert "lower(string)" in shown(at("lower(e", 1, text))


def test_a_line_that_spoils_the_file_is_left_out() -> None:
    text = TEXT.replace("    evidence: [e]\n", "    evidence: [e\n")

    assert "lower(string)" in shown(at("lower(e", 1, text))


def test_a_file_beside_the_rules_has_no_hover(tmp_path: Path) -> None:
    assert hover(*desk("some^thing: 1\n", tmp_path / "other.yaml")) is None
