from __future__ import annotations

from typing import Any

from opensoc_engine.schema_store import validate_document
from opensoc_env.telemetry.estate_defaults import default_estate


def flow(host: str, direction: str, source: str, destination: str) -> dict[str, Any]:
    return {
        "event_type": "network.connection",
        "source": "edr",
        "fields": {
            "host": {"name": host},
            "user": {"name": "ana"},
            "source": {"ip": source},
            "destination": {"ip": destination},
            "network": {"direction": direction},
        },
    }


def test_the_default_estate_is_valid_and_excuses_nothing() -> None:
    estate = default_estate([flow("ws1", "outbound", "10.0.0.5", "203.0.113.9")])

    assert validate_document("estate.schema.json", estate) == []
    assert estate["authorisations"] == []
    assert estate["users"] == [
        {"name": "ana", "roles": [], "privileged": False, "leaver": False}
    ]


def test_a_host_is_an_ordinary_workstation_that_tolerates_isolation() -> None:
    (host,) = default_estate([flow("dc1", "inbound", "10.0.0.9", "10.0.0.5")])["hosts"]

    assert host["ip"] == "10.0.0.5"
    assert (host["tier"], host["role"]) == ("T2", "workstation")
    assert host["tolerates_isolation"] is True
    assert host["sensors"] == ["edr"]


def test_a_host_without_an_address_gets_one_that_nobody_has() -> None:
    events = [
        flow("ws1", "outbound", "127.0.0.1", "127.0.0.1"),
        flow("ws2", "inbound", "10.0.0.9", "0.0.0.0"),  # noqa: S104
    ]

    hosts = default_estate(events)["hosts"]

    assert [host["ip"] for host in hosts] == ["100::1", "100::2"]


def test_no_events_give_an_empty_valid_estate() -> None:
    assert validate_document("estate.schema.json", default_estate([])) == []
