from __future__ import annotations

from pathlib import Path

import pytest
from rule_files import CASES, CASES_TEXT, PROBE, RULES, TEXT, at, desk, instead

from opensoc_engine.editing.definition import definition


def target(text: str, path: Path = PROBE) -> tuple[str, str]:
    """The file and the line that a cursor leads to."""
    found = definition(*desk(text, path))
    if found is None:
        return "", ""
    source = found.source
    return Path(source.name).name, source.line(found.begin.line).strip()


def test_a_helper_leads_to_its_define() -> None:
    file, line = target(at("failed(e)\n      lower"))

    assert (file, line.partition(":")[0]) == ("probe.yaml", "failed(e)")


def test_a_shared_helper_leads_to_the_manifest() -> None:
    file, line = target(instead("failed(e)\n ", "ext^ernal(e.x)\n "))

    assert (file, line) == ("set.yaml", "external(ip): |")


def test_a_variable_leads_to_the_line_that_binds_it() -> None:
    assert target(at("e.event_type", 0))[1] == "some e in input.events"


def test_evidence_leads_to_the_line_that_binds_it() -> None:
    assert target(at("[e]"))[1] == "some e in input.events"


def test_a_list_leads_to_its_file() -> None:
    found = target(at("builtin_accounts"))

    assert found == ("builtin_accounts.yaml", "list: builtin_accounts")


def test_a_key_of_a_list_leads_to_its_line() -> None:
    text = instead("failed(e)\n ", "data.thresholds.phishing.click^_within_seconds\n ")

    assert target(text)[1].startswith("click_within_seconds: ")


def test_an_action_leads_to_the_order_of_the_set() -> None:
    assert target(at("monitor"))[1].startswith("order: [")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("probe-logon", "- id: probe-logon"),
        ("[probe-logon]", "- id: probe-logon"),
        ("probe\n", "policy: probe"),
        ("one logon fails}", "- name: one logon fails"),
    ],
)
def test_a_case_leads_to_what_it_is_about(word: str, expected: str) -> None:
    assert target(at(word, 1, CASES_TEXT), CASES)[1] == expected


def test_the_case_base_leads_to_its_file() -> None:
    path = RULES / "verifier" / "set.yaml"
    text = path.read_text("utf-8")

    assert target(at("../fixtures", 4, text), path)[0] == "office.yaml"


def test_the_schema_of_the_input_leads_to_its_file() -> None:
    text = TEXT.replace("title: Logons", "input: incident.schema.json\ntitle: Logons")

    assert target(at("incident", 1, text))[0] == "incident.schema.json"


@pytest.mark.parametrize("word", ["Logons that fail", "lower(", "1.0.0"])
def test_other_words_lead_nowhere(word: str) -> None:
    assert definition(*desk(at(word))) is None
