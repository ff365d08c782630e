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
