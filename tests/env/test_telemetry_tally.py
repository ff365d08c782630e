from __future__ import annotations

import io
import json
from typing import Any

from opensoc_env.judge import default_judge
from opensoc_env.telemetry.labeller import Label, label_recording
from opensoc_env.telemetry.library import load_mapping
from opensoc_env.telemetry.recordings import OwnIncident, Recording, read_recordings
from opensoc_env.telemetry.tally import Row, Tally

CALL = {
    "eventSource": "s3.amazonaws.com",
    "eventName": "ListBuckets",
    "eventTime": "2024-08-01T13:29:57Z",
    "recipientAccountId": "111122223333",
    "readOnly": True,
    "userIdentity": {"type": "IAMUser", "userName": "ana"},
}


def tally(*lines: Any) -> Tally:
    text = "\n".join(json.dumps(line) for line in lines)
    found = Tally()
    for item in read_recordings(io.BytesIO(text.encode()), "day.jsonl"):
        assert isinstance(item, Recording | OwnIncident)
        for label in label_recording(
            item, [load_mapping("cloudtrail")], default_judge()
        ):
            assert isinstance(label, Label)
            found.add("day.jsonl", label)
    return found


def test_the_windows_of_a_recording_count_as_one_recording() -> None:
    found = tally({"events": [CALL] * 1025})

    assert found.rows() == [Row("cloudtrail", 1, 1025, 1025, 0, 0, 0)]
    assert found.actions == {"dismiss": 3}


def test_what_nothing_recognised_comes_last_without_a_verdict() -> None:
    found = tally({"events": [{"a": 1}]}, {"events": [CALL, {"b": 1}]})

    assert [row.telemetry for row in found.rows()] == ["cloudtrail", "not recognised"]
    assert found.total() == Row("all", 2, 3, 1, 0, 0, 1)
    assert found.skipped == {"not recognised as cloudtrail": 2}
