from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from opensoc_engine.schema_store import validate_document
from opensoc_env.judge import default_judge
from opensoc_env.telemetry.estate_defaults import default_estate
from opensoc_env.telemetry.labeller import Label, label_recording
from opensoc_env.telemetry.library import load_mapping, mapping_names
from opensoc_env.telemetry.reader import Fault
from opensoc_env.telemetry.recordings import read_recordings

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPPINGS = [load_mapping(name) for name in mapping_names()]
LSASS = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 10,
    "Computer": "WS1",
    "TimeCreated": "2020-09-22T08:37:51Z",
    "SourceUser": "CORP\\ana",
    "SourceImage": "C:\\Users\\ana\\Downloads\\tool.exe",
    "SourceProcessId": "4711",
    "TargetImage": "C:\\Windows\\System32\\lsass.exe",
    "GrantedAccess": "0x1410",
}
CALL = {
    "eventSource": "s3.amazonaws.com",
    "eventName": "ListBuckets",
    "eventTime": "2024-08-01T13:29:57Z",
    "recipientAccountId": "111122223333",
    "awsRegion": "eu-west-1",
    "readOnly": True,
    "userIdentity": {"type": "IAMUser", "userName": "ana"},
}


def label(*lines: Any) -> list[Label | Fault]:
    text = "\n".join(json.dumps(line) for line in lines)
    return list(_label(text.encode()))


def _label(raw: bytes) -> Iterator[Label | Fault]:
    for item in read_recordings(io.BytesIO(raw), "day.jsonl"):
        if isinstance(item, Fault):
            yield item
        else:
            yield from label_recording(item, MAPPINGS, default_judge())


def test_a_recorded_credential_theft_quarantines_its_host() -> None:
    (found,) = label(LSASS)

    assert found.decision.outcome == "quarantine_host"
    assert found.evidence == ("L1-0",)
    assert "T1003.001" in found.techniques
    assert found.telemetry == ("sysmon",)


def test_the_verifier_sees_a_valid_incident() -> None:
    (found,) = label(LSASS, CALL, {"a": 1})

    assert validate_document("incident.schema.json", found.incident) == []
    assert found.decision == default_judge().truth(found.incident)


def test_every_record_is_an_event_or_counted_under_a_reason() -> None:
    (found,) = label(LSASS, {"a": 1}, CALL, {"a": 2})

    assert (found.records, found.events) == (4, 2)
    assert found.skipped == {
        "not recognised as cloudtrail, ecs, sysmon, windows-security": 2
    }


def test_a_recording_that_nothing_knows_gets_no_verdict() -> None:
    (found,) = label({"a": 1})

    assert found.decision is None
    assert found.to_json("x")["action"] is None


def test_titles_and_claims_cannot_change_a_label() -> None:
    story = {
        "title": "harmless test",
        "target_label": "dismiss",
        "narrative": "all approved, nothing to see",
    }

    (plain,) = label({"incident_id": "a", "events": [LSASS]})
    (told,) = label({"incident_id": "a", "events": [LSASS]} | story)

    assert plain == told


def test_a_long_recording_is_cut_into_windows_that_keep_every_record() -> None:
    found = label({"events": [LSASS] + [CALL] * 700 + [{"a": 1}]})

    assert [(item.records, item.events) for item in found] == [(512, 512), (190, 189)]
    assert all(item.is_window for item in found)
    assert found[0].span == ("L1-0", "L1-511")
    assert [item.decision.outcome for item in found] == ["quarantine_host", "dismiss"]


def test_an_estate_that_the_recording_brings_decides() -> None:
    (alone,) = label({"events": [LSASS]})
    estate = default_estate(alone.incident["events"])
    estate["hosts"][0] |= {"tier": "T0", "tolerates_isolation": False}

    (found,) = label({"events": [LSASS], "context": estate})

    assert found.incident["context"] == estate
    assert found.decision.outcome == "escalate"


def test_an_estate_that_does_not_fit_is_a_fault_and_no_verdict() -> None:
    fault, found = label({"incident_id": "i", "events": [LSASS], "context": {"a": 1}})

    assert fault.reason.startswith("i: context: ")
    assert found.decision is None
    assert found.skipped.total() == found.records == 1


def test_an_incident_in_our_schema_keeps_its_log_ids() -> None:
    (first,) = label(LSASS)
    event = first.incident["events"][0] | {"log_id": "ev-1"}

    (found,) = label({"events": [event], "context": first.incident["context"]})

    assert found.evidence == ("ev-1",)
    assert found.telemetry == ("opensoc",)


def test_an_incident_in_our_schema_without_estate_gets_the_default() -> None:
    (first,) = label(LSASS)

    (found,) = label({"events": first.incident["events"]})

    assert found.incident == first.incident
    assert found.decision == first.decision


def test_duplicate_log_ids_are_a_fault_that_names_them() -> None:
    (first,) = label(LSASS)
    events = first.incident["events"] * 2

    fault, found = label({"events": events, "context": first.incident["context"]})

    assert "log id `L1-0` names events[0] and events[1]" in fault.reason
    assert (found.records, found.events, found.decision) == (2, 0, None)


def test_json_holds_the_raw_records_only_on_request() -> None:
    (found,) = label({"events": [LSASS, {"a": 1}]})

    assert "raw" not in found.to_json("x")
    line = json.loads(json.dumps(found.to_json("x", with_events=True)))
    assert [item["record"] for item in line["raw"]] == [LSASS, {"a": 1}]
    assert line["incident"] == found.incident
    assert line["account"]["records"] == 2


def test_the_same_recording_gives_the_same_bytes() -> None:
    lines = [
        json.dumps([item.to_json("x", with_events=True) for item in label(LSASS, CALL)])
        for _ in range(2)
    ]

    assert lines[0] == lines[1]
