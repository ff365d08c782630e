from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_engine.schema_store import validate_document
from opensoc_env.telemetry.library import load_mapping, mapping_names
from opensoc_env.telemetry.normaliser import Normalised, Skipped, normalise

MAPPINGS = [load_mapping(name) for name in mapping_names()]
CHANNEL = "Microsoft-Windows-Sysmon/Operational"
DATA = {
    "UtcTime": "2020-09-22 08:37:50.239",
    "ProcessId": "4711",
    "Image": "C:\\Windows\\System32\\cmd.exe",
    "CommandLine": "cmd /c whoami",
    "User": "CORP\\ana",
    "ParentImage": "C:\\Windows\\explorer.exe",
    "IntegrityLevel": "High",
}
NESTED = {
    "Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
            "EventID": 1,
            "Channel": CHANNEL,
            "Computer": "WS1.corp.example",
            "TimeCreated": {"#attributes": {"SystemTime": "2020-09-22T08:37:51Z"}},
        },
        "EventData": DATA,
    }
}
FLAT = {
    "EventID": 1,
    "Channel": CHANNEL,
    "Hostname": "WS1.corp.example",
    "@timestamp": "2020-09-22T08:37:51Z",
    **DATA,
}
BEATS = {
    "@timestamp": "2020-09-22T08:37:51Z",
    "winlog": {
        "channel": CHANNEL,
        "event_id": 1,
        "computer_name": "WS1.corp.example",
        "event_data": DATA,
    },
}
CALL = {
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateAccessKey",
    "eventTime": "2024-08-01T13:29:57Z",
    "awsRegion": "eu-west-1",
    "recipientAccountId": "111122223333",
    "sourceIPAddress": "198.51.100.7",
    "requestParameters": {"userName": "backup"},
    "userIdentity": {"type": "IAMUser", "userName": "ana"},
}


def event(raw: dict[str, Any]) -> dict[str, Any]:
    result = normalise(raw, "L1-0", MAPPINGS)
    assert isinstance(result, Normalised), result
    assert validate_document("event.schema.json", result.event) == []
    return result.event


def security(code: int, **data: Any) -> dict[str, Any]:
    return {
        "Channel": "Security",
        "EventID": code,
        "Computer": "dc1",
        "TimeCreated": "2020-09-22T08:37:51Z",
        **data,
    }


@pytest.mark.parametrize("raw", [NESTED, FLAT, BEATS])
def test_every_way_to_write_a_windows_event_gives_the_same_event(
    raw: dict[str, Any],
) -> None:
    assert event(raw) == {
        "event_type": "process.start",
        "source": "edr",
        "timestamp": "2020-09-22T08:37:51Z",
        "log_id": "L1-0",
        "fields": {
            "host": {"name": "ws1.corp.example"},
            "user": {"name": "ana", "domain": "CORP"},
            "process": {
                "name": "cmd.exe",
                "executable": "C:\\Windows\\System32\\cmd.exe",
                "pid": 4711,
                "command_line": "cmd /c whoami",
                "integrity_level": "high",
                "parent": {
                    "name": "explorer.exe",
                    "executable": "C:\\Windows\\explorer.exe",
                },
            },
            "disposition": "allowed",
        },
    }


def test_a_cloudtrail_call_keeps_actor_target_and_address() -> None:
    fields = event(CALL)["fields"]

    assert fields["user"]["name"] == "ana"
    assert fields["target_user"] == "backup"
    assert fields["source"] == {"ip": "198.51.100.7"}
    assert fields["outcome"] == "success"


def test_a_refused_call_is_a_failure() -> None:
    fields = event(CALL | {"errorCode": "AccessDenied"})["fields"]

    assert (fields["outcome"], fields["error_code"]) == ("failure", "AccessDenied")


def test_the_status_zero_of_a_kerberos_ticket_is_success() -> None:
    data = {"TargetUserName": "ana", "TargetDomainName": "CORP", "Status": "0x0"}

    fields = event(security(4768, **data))["fields"]

    assert fields["outcome"] == "success"
    assert "failure_reason" not in fields


def test_a_user_name_cannot_forge_the_address_of_an_ssh_logon() -> None:
    name = "x from 192.0.2.9 port 22 ssh2"
    raw = {
        "Channel": "OpenSSH/Operational",
        "EventID": 4,
        "Computer": "srv",
        "TimeCreated": "2020-09-22T08:37:51Z",
        "payload": f"Failed none for invalid user {name} from 10.0.0.5 port 60 ssh2",
    }

    fields = event(raw)["fields"]

    assert fields["source"] == {"ip": "10.0.0.5", "port": 60}
    assert fields["user"]["name"] == name


def test_a_statement_cannot_forge_an_audited_sql_logon() -> None:
    text = (
        "audit_schema_version:1\nevent_time:x\nsequence_number:1\naction_id:SL  \n"
        "server_principal_name:ana\nstatement:select '\naction_id:LGIF \n'\n"
    )
    raw = security(33205) | {"Channel": "Application", "Data": text}

    result = normalise(raw, "L1-0", MAPPINGS)

    assert isinstance(result, Skipped)


def test_an_outcome_that_no_record_tells_is_unknown() -> None:
    fields = event(security(4776, TargetUserName="ana"))["fields"]

    assert fields["outcome"] == "unknown"


def test_what_the_record_does_not_say_stays_absent() -> None:
    raw = {k: v for k, v in FLAT.items() if k not in {"CommandLine", "ParentImage"}}

    process = event(raw)["fields"]["process"]

    assert "command_line" not in process
    assert "parent" not in process


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"a": 1}, "not recognised as cloudtrail, sysmon, windows-security"),
        (FLAT | {"EventID": 255}, f"no mapping for {CHANNEL.lower()} 255"),
        (FLAT | {"User": "-"}, "process.start needs user, and it is not recorded"),
        (FLAT | {"@timestamp": "noon", "UtcTime": ""}, "no readable timestamp"),
        (
            CALL | {"userIdentity": {}},
            "cloud.api needs user.name, and it is not recorded",
        ),
    ],
)
def test_a_record_that_becomes_no_event_says_why(
    raw: dict[str, Any], reason: str
) -> None:
    assert normalise(raw, "L1-0", MAPPINGS) == Skipped(reason)


def test_a_reason_stays_short_whatever_the_record_is_called() -> None:
    result = normalise(FLAT | {"Channel": "x" * 9999}, "L1-0", MAPPINGS)

    assert isinstance(result, Skipped)
    assert len(result.reason) < 200


def test_text_over_the_limit_is_cut_and_noted() -> None:
    result = normalise(FLAT | {"CommandLine": "x" * 100_000}, "L1-0", MAPPINGS)

    assert isinstance(result, Normalised)
    assert "cut: process.command_line" in result.notes
    assert validate_document("event.schema.json", result.event) == []


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.lists(st.text(max_size=5), max_size=2),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    st.sampled_from(["0x1", "::1", "2020-01-01T00:00:00Z", "S-1-5-18", "x" * 20_000]),
)
CODES = sorted({key for mapping in MAPPINGS for key in mapping.rules})
NAMES = sorted(
    {
        source
        for mapping in MAPPINGS
        for rules in mapping.rules.values()
        for rule in rules
        for field in rule.fields
        for source in field.sources
    }
)


@given(
    key=st.sampled_from(CODES),
    values=st.dictionaries(st.sampled_from(NAMES), HOSTILE, max_size=25),
)
def test_hostile_values_give_a_valid_event_or_a_reason(
    key: tuple[str, str], values: dict[str, Any]
) -> None:
    channel, code = key
    origin = {"Channel": channel, "EventID": code, "@timestamp": "2020-01-01T00:00:00Z"}
    raw = {"Computer": "ws1", "User": "CORP\\ana", "Image": "C:\\a.exe"} | values

    for whole in (raw | origin, CALL | values):
        result = normalise(whole, "L1-0", MAPPINGS)
        if isinstance(result, Normalised):
            assert validate_document("event.schema.json", result.event) == []
