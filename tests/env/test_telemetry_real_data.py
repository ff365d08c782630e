"""Real recordings: OPENSOC_REAL_DATA names their folder."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opensoc_engine.schema_store import validate_document
from opensoc_env.judge import default_judge
from opensoc_env.telemetry.agreement import Agreement
from opensoc_env.telemetry.alarms import Alarms
from opensoc_env.telemetry.labeller import Label, label_recording
from opensoc_env.telemetry.library import load_mapping, mapping_names
from opensoc_env.telemetry.reader import Fault
from opensoc_env.telemetry.recordings import read_recordings
from opensoc_env.telemetry.tally import Tally

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("OPENSOC_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
INCIDENTS = DATA / "incidents" / "incidents.jsonl"

pytestmark = pytest.mark.skipif(
    not INCIDENTS.is_file(), reason="OPENSOC_REAL_DATA names no folder of recordings"
)


@cache
def documents() -> list[dict[str, Any]]:
    with INCIDENTS.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def labels() -> list[Label | Fault]:
    mappings = [load_mapping(name) for name in mapping_names()]
    found = []
    with INCIDENTS.open("rb") as stream:
        for item in read_recordings(stream, INCIDENTS.name):
            assert not isinstance(item, Fault)
            found += label_recording(item, mappings, default_judge())
    return found


def test_every_recording_gets_one_label_without_a_fault() -> None:
    names = [item.name for item in labels() if isinstance(item, Label)]

    assert names == [document["incident_id"][:128] for document in documents()]
    assert len(names) == len(labels())


def test_every_event_is_normalised_or_counted_under_a_reason() -> None:
    for document, item in zip(documents(), labels(), strict=True):
        assert item.records == len(document["events"])
        assert item.events + item.skipped.total() == item.records
        assert item.events == len(item.incident["events"] if item.incident else [])


def test_every_incident_is_valid_against_the_schema() -> None:
    incidents = [item.incident for item in labels() if item.incident]

    problems = [validate_document("incident.schema.json", i) for i in incidents]

    assert len(incidents) >= 150
    assert not any(problems)


def test_log_ids_lead_back_to_the_recorded_event() -> None:
    for line, item in enumerate(labels(), start=1):
        raw = documents()[line - 1]["events"]
        for event in (item.incident or {"events": []})["events"]:
            number, _, position = event["log_id"].removeprefix("L").partition("-")
            assert int(number) == line
            assert item.outcomes[int(position)].record.raw == raw[int(position)]


def test_the_shares_do_not_fall() -> None:
    tally = Tally()
    for item in labels():
        tally.add("incidents", item)
    rows = {row.telemetry: row for row in tally.rows()}

    assert rows["cloudtrail"].events == rows["cloudtrail"].records
    assert tally.total().events >= 2180
    assert tally.total().events + tally.total().aside >= 2970
    assert tally.total().unjudged <= 14


def test_verdicts_on_windows_agree_with_the_published_tactic() -> None:
    agreement = Agreement()
    for item in labels():
        agreement.add("incidents", item)
    rows = {row.name: row for row in agreement.by_telemetry()}
    windows = rows["all Windows"]

    assert windows.recordings >= 150
    assert windows.flagged.value >= 0.62
    assert windows.tactic.value >= 0.57
    assert windows.technique.value >= 0.49


def test_every_rule_that_flags_a_recording_has_a_published_source() -> None:
    findings = [
        finding
        for item in labels()
        for finding in (item.decision.findings if item.decision else ())
    ]

    assert findings
    assert [f.rule for f in findings if not f.metadata["references"]] == []


@cache
def alarms(name: str) -> Alarms:
    mappings = [load_mapping(mapping) for mapping in mapping_names()]
    found = Alarms()
    with (DATA / name).open("rb") as stream:
        for item in read_recordings(stream, name):
            assert not isinstance(item, Fault)
            for label in label_recording(item, mappings, default_judge()):
                assert isinstance(label, Label)
                found.add(name, label)
    return found


def test_few_harmless_events_raise_an_alarm_alone() -> None:
    files = ("panther/rules_with_tests.jsonl", "ecs/events.jsonl")
    totals = [alarms(name).rows()[-1].alarms for name in files]

    judged = sum(total.whole for total in totals)
    assert judged >= 100
    assert sum(total.part for total in totals) / judged <= 0.02


def test_products_without_a_mapping_are_named() -> None:
    unjudged = alarms("panther/rules_with_tests.jsonl").unjudged()

    assert "Okta.SystemLog" in unjudged
    assert "AWS.CloudTrail" not in unjudged
