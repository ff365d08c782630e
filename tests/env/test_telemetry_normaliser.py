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
    assert fields["user"]["target"] == {"name": "backup"}
    assert fields["source"] == {"ip": "198.51.100.7"}
    assert fields["event"] == {"action": "CreateAccessKey", "outcome": "success"}


def test_a_refused_call_is_a_failure() -> None:
    fields = event(CALL | {"errorCode": "AccessDenied"})["fields"]

    assert fields["event"]["outcome"] == "failure"
    assert fields["error"] == {"code": "AccessDenied"}


def test_the_status_zero_of_a_kerberos_ticket_is_success() -> None:
    data = {"TargetUserName": "ana", "TargetDomainName": "CORP", "Status": "0x0"}

    fields = event(security(4768, **data))["fields"]

    assert fields["event"] == {"outcome": "success"}


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

    assert fields["event"]["outcome"] == "unknown"


def test_what_the_record_does_not_say_stays_absent() -> None:
    raw = {k: v for k, v in FLAT.items() if k not in {"CommandLine", "ParentImage"}}

    process = event(raw)["fields"]["process"]

    assert "command_line" not in process
    assert "parent" not in process


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"a": 1}, "not recognised as cloudtrail, ecs, sysmon, windows-security"),
        (FLAT | {"EventID": 999}, f"no mapping for {CHANNEL.lower()} 999"),
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


def test_a_known_record_without_an_event_is_set_aside_by_its_mapping() -> None:
    result = normalise(FLAT | {"EventID": 5}, "L1-0", MAPPINGS)

    assert result == Skipped("set aside: the end of a process", "sysmon")


def test_what_was_written_to_the_registry_is_kept_as_one_text() -> None:
    raw = FLAT | {
        "EventID": 13,
        "TargetObject": r"HKLM\X\Run\a",
        "Details": "C:\\a b.exe",
    }

    registry = event(raw)["fields"]["registry"]

    assert registry["data"]["strings"] == ["C:\\a b.exe"]


def test_flags_of_an_account_get_their_names_and_unknown_ones_are_left_out() -> None:
    raw = security(
        4738,
        SubjectUserName="ana",
        TargetUserName="bob",
        UserAccountControl="\n\t\t%%2096\n\t\t%%2050\n\t\t%%2089",
    )

    assert event(raw)["fields"]["attribute"] == {
        "name": "useraccountcontrol",
        "values": ["preauthentication_not_required", "password_never_expires"],
    }


def test_a_file_of_a_share_has_the_share_before_its_path() -> None:
    raw = security(
        5145,
        SubjectUserName="ana",
        ObjectType="File",
        ShareName="\\\\*\\C$",
        RelativeTargetName="ProgramData\\a.exe",
        AccessList="%%4416\n%%4417",
    )

    assert event(raw)["fields"]["file"] == {
        "path": "\\\\*\\C$\\ProgramData\\a.exe",
        "name": "a.exe",
        "extension": "exe",
    }
    assert isinstance(
        normalise(raw | {"AccessList": "%%4416"}, "L1-0", MAPPINGS), Skipped
    )


def test_a_ticket_keeps_how_it_was_encrypted_and_asked_for() -> None:
    raw = security(
        4768,
        TargetUserName="ana",
        ServiceName="krbtgt",
        TicketEncryptionType="0x17",
        PreAuthType="0",
        Status="0x0",
    )

    ticket = event(raw)["fields"]["ticket"]

    assert ticket == {
        "service": "krbtgt",
        "encryption": "0x17",
        "preauthenticated": False,
    }


def test_rights_to_replicate_the_directory_are_named() -> None:
    raw = security(
        4662,
        SubjectUserName="ana",
        Properties="%%7688\n\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
    )

    assert event(raw)["event_type"] == "directory.access"
    assert event(raw)["fields"]["directory"]["rights"] == [
        "ds-replication-get-changes-all"
    ]


ECS = {
    "@timestamp": "2026-03-02T09:15:00Z",
    "ecs": {"version": "8.11.0"},
    "host": {"name": "WS-01"},
    "user": {"name": "ana"},
    "source": {"ip": "10.0.1.11", "port": 50000},
    "destination": {"ip": "203.0.113.9", "port": 443},
}


@pytest.mark.parametrize(
    ("said", "event_type"),
    [
        ({"category": ["network"], "type": ["connection"]}, "network.connection"),
        ({"category": "authentication", "outcome": "failure"}, "authentication.logon"),
    ],
)
def test_an_ecs_document_becomes_the_event_of_its_category(
    said: dict[str, Any], event_type: str
) -> None:
    found = event({**ECS, "event": said})

    assert found["event_type"] == event_type
    assert found["fields"]["source"]["ip"] == "10.0.1.11"


def test_a_connection_that_ecs_calls_denied_was_blocked() -> None:
    said = {"category": ["network"], "type": ["connection", "denied"]}

    assert event({**ECS, "event": said})["fields"]["disposition"] == "blocked"


def test_an_ecs_document_of_another_category_says_which() -> None:
    result = normalise({**ECS, "event": {"category": ["driver"]}}, "L1-0", MAPPINGS)

    assert result == Skipped("no mapping for ecs driver with these values")
