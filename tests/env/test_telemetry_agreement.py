from __future__ import annotations

import io
import json
from typing import Any

from opensoc_env.judge import default_judge
from opensoc_env.telemetry.agreement import Agreement
from opensoc_env.telemetry.alarms import Alarms
from opensoc_env.telemetry.labeller import Label, label_recording
from opensoc_env.telemetry.library import load_mapping
from opensoc_env.telemetry.recordings import OwnIncident, Recording, read_recordings

STOP = {
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "StopLogging",
    "eventTime": "2024-08-01T13:29:57Z",
    "recipientAccountId": "111122223333",
    "userIdentity": {"type": "IAMUser", "userName": "ana"},
}
LIST = STOP | {"eventSource": "s3.amazonaws.com", "eventName": "ListBuckets"}
CLEAR = {
    "EventID": 1102,
    "Channel": "Security",
    "Hostname": "ws1",
    "@timestamp": "2024-08-01T13:29:57Z",
}


def add_all(table: Agreement | Alarms, *documents: Any) -> None:
    text = "\n".join(json.dumps(document) for document in documents)
    mappings = [load_mapping(name) for name in ("cloudtrail", "windows-security")]
    for item in read_recordings(io.BytesIO(text.encode()), "day.jsonl"):
        assert isinstance(item, Recording | OwnIncident)
        for label in label_recording(item, mappings, default_judge()):
            assert isinstance(label, Label)
            table.add("day.jsonl", label)


def agreement(*documents: Any) -> Agreement:
    table = Agreement()
    add_all(table, *documents)
    return table


def alarms(*documents: Any) -> Alarms:
    table = Alarms()
    add_all(table, *documents)
    return table


def recording(event: Any, tactic: str, technique: str = "T1562.008") -> dict[str, Any]:
    said = {"published_tactics": [tactic], "published_techniques": [technique]}
    return {"events": [event], **said}


def test_a_flagged_recording_agrees_under_the_former_names() -> None:
    (row, _, total) = agreement(recording(STOP, "defense-evasion")).by_telemetry()

    assert row.name == "cloudtrail"
    assert (row.flagged.part, row.tactic.part, row.technique.part) == (1, 1, 1)
    assert total.recordings == 1


def test_a_flagged_recording_of_another_tactic_does_not_agree() -> None:
    row = agreement(recording(STOP, "impact", "T1486")).by_telemetry()[0]

    assert (row.flagged.part, row.tactic.part, row.technique.part) == (1, 0, 0)


def test_a_dismissed_recording_counts_and_does_not_agree() -> None:
    row = agreement(recording(LIST, "discovery")).by_telemetry()[0]

    assert (row.recordings, row.flagged.part, row.tactic.part) == (1, 0, 0)


def test_what_says_nothing_of_itself_is_left_out() -> None:
    assert agreement({"events": [STOP]}).by_telemetry()[-1].recordings == 0


def test_windows_recordings_are_added_up_whether_known_or_not() -> None:
    unknown = CLEAR | {"EventID": 31337}
    table = agreement(
        recording(CLEAR, "defense-evasion", "T1070.001"),
        recording(unknown, "defense-evasion"),
        recording(STOP, "defense-evasion"),
    )

    rows = {row.name: row for row in table.by_telemetry()}

    assert rows["all Windows"].recordings == 2
    assert rows["all Windows"].tactic.part == 1
    assert rows["not recognised"].recordings == 1


def test_a_recording_in_windows_counts_once() -> None:
    document = recording(STOP, "defense-evasion") | {"events": [STOP] * 1025}

    row = agreement(document).by_telemetry()[0]

    assert (row.recordings, row.tactic.part) == (1, 1)


def test_a_recording_stands_under_each_of_its_tactics() -> None:
    document = recording(STOP, "defense-evasion")
    document["published_tactics"].append("persistence")

    names = [row.name for row in agreement(document).by_tactic()]

    assert names == ["defense-evasion", "persistence"]


def test_the_report_names_every_recording() -> None:
    report = agreement(recording(STOP, "defense-evasion")).to_json()

    (line,) = report["recordings"]
    assert line["tactic_agrees"]
    assert line["rules"] == ["cloud-control-plane-changed"]
    assert report["telemetry"][0]["flagged"]["share"] == 1


def sample(event: Any, expected: bool) -> dict[str, Any]:
    tests = [{"expected": expected, "event": event}]
    return {"log_types": ["AWS.CloudTrail"], "tests": tests}


def test_an_alarm_is_a_verdict_on_what_is_no_attack() -> None:
    table = alarms(sample(STOP, expected=False), sample(LIST, expected=False))

    (row, total) = table.rows()

    assert (row.product, row.recordings) == ("AWS.CloudTrail", 2)
    assert (total.alarms.part, total.alarms.whole) == (1, 2)
    assert table.rules == {"cloud-control-plane-changed": 1}


def test_what_is_called_an_attack_is_no_false_alarm() -> None:
    assert alarms(sample(STOP, expected=True)).rows()[-1].recordings == 0


def test_a_product_without_a_mapping_is_told_apart() -> None:
    table = alarms({"product": "okta", "event": {"a": 1}})

    assert table.unjudged() == {"okta": 1}
    assert [row.product for row in table.rows()] == ["all"]
    assert table.rows()[-1].alarms.whole == 0
