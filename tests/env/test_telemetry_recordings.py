from __future__ import annotations

import io
import json
from typing import Any

from opensoc_env.telemetry.reader import Fault
from opensoc_env.telemetry.recordings import (
    MAX_BATCH,
    OwnIncident,
    Recording,
    read_recordings,
)

OWN_EVENT = {"event_type": "log.clear", "log_id": "e1", "fields": {}}


def read(*lines: Any) -> list[Recording | OwnIncident | Fault]:
    text = "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines)
    return list(read_recordings(io.BytesIO(text.encode()), "day.jsonl"))


def ids(recording: Recording) -> list[str]:
    return [record.log_id for record in recording.records]


def test_lines_with_one_record_each_are_one_recording() -> None:
    (found,) = read({"a": 1}, {"a": 2})

    assert found.name == "day.jsonl"
    assert ids(found) == ["L1-0", "L2-0"]
    assert [record.raw for record in found.records] == [{"a": 1}, {"a": 2}]


def test_an_array_of_records_is_one_recording() -> None:
    (found,) = read([{"a": 1}, {"a": 2}])

    assert ids(found) == ["L1-0", "L1-1"]


def test_the_records_of_cloudtrail_are_a_recording() -> None:
    (found,) = read({"Records": [{"eventName": "x"}, {"eventName": "y"}]})

    assert found.name == "day.jsonl:1"
    assert ids(found) == ["L1-0", "L1-1"]


def test_every_line_with_a_list_of_events_is_a_recording_of_its_own() -> None:
    first, second = read(
        {"incident_id": "one", "events": [{"a": 1}]},
        {"events": [{"a": 2}, 3], "context": {"hosts": []}},
    )

    assert (first.name, second.name) == ("one", "day.jsonl:2")
    assert first.context is None
    assert second.context == {"hosts": []}
    assert second.records[1].raw == 3


def test_an_incident_in_our_schema_passes_as_it_is() -> None:
    incident = {"incident_id": "i", "events": [OWN_EVENT], "context": {}}

    plain, wrapped = read(incident, {"id": "w", "incident": incident, "truth": {}})

    assert plain == OwnIncident("i", 1, "L1-0", incident)
    assert wrapped == OwnIncident("w", 2, "L2-0", incident)


def test_a_fault_between_records_is_handed_on() -> None:
    fault, recording = read({"a": 1}, '{"a":', {"a": 3})

    assert isinstance(fault, Fault)
    assert ids(recording) == ["L1-0", "L3-0"]


def test_a_long_file_comes_in_batches_that_lose_no_record() -> None:
    lines = ['{"a":1}'] * (2 * MAX_BATCH + 1)

    batches = read(*lines)

    assert [len(batch.records) for batch in batches] == [MAX_BATCH, MAX_BATCH, 1]
    assert {(batch.key, batch.is_part) for batch in batches} == {("", True)}


def test_a_sample_is_a_recording_of_its_event() -> None:
    (found,) = read({"product": "okta", "event": {"a": 1}})

    assert isinstance(found, Recording)
    assert [record.raw for record in found.records] == [{"a": 1}]
    assert found.published.product == "okta"
    assert found.published.is_attack is None


def test_each_test_of_a_rule_is_a_recording_that_says_what_it_is() -> None:
    tests = [{"expected": True, "event": {"a": 1}}, {"expected": False, "event": {}}]

    found = read({"log_types": ["AWS.CloudTrail"], "tests": tests})

    assert [item.published.is_attack for item in found] == [True, False]
    assert {item.published.product for item in found} == {"AWS.CloudTrail"}
    assert len({item.key for item in found}) == 2


def test_a_recording_keeps_what_was_published_about_it() -> None:
    (found,) = read(
        {
            "events": [{"a": 1}],
            "published_tactics": ["discovery", 7],
            "published_techniques": ["T1087"],
        }
    )

    assert found.published.tactics == ("discovery",)
    assert found.published.techniques == ("T1087",)
    assert found.published.is_attack is True


def test_a_document_with_a_time_of_its_own_is_no_sample() -> None:
    document = {"@timestamp": "x", "product": "p", "event": {"a": 1}}

    (found,) = read(document)

    assert [record.raw for record in found.records] == [document]
