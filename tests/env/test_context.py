"""Context: only the facts of the estate that concern the window, one sentence each."""

from __future__ import annotations

from typing import Any

import pytest

from opensoc_env.context import estate_facts, mentions_of, window_facts


def host(name: str, ip: str, **change: Any) -> dict[str, Any]:
    return {
        "name": name,
        "ip": ip,
        "os": "windows",
        "role": "workstation",
        "tier": "T2",
        "tolerates_isolation": True,
        "sensors": ["edr"],
    } | change


ESTATE: dict[str, Any] = {
    "networks": {"internal": ["10.0.0.0/8"], "shared_egress": ["198.51.100.0/28"]},
    "hosts": [
        host("ws-1", "10.0.0.1"),
        host(
            "dc-1",
            "10.0.0.9",
            role="domain_controller",
            tier="T0",
            tolerates_isolation=False,
        ),
    ],
    "users": [
        {
            "name": "ana",
            "roles": ["finance"],
            "privileged": False,
            "leaver": True,
            "devices": ["laptop-7", "Ana's phone"],
            "countries": ["NL", "DE"],
        },
        {"name": "root", "roles": [], "privileged": True, "leaver": False},
    ],
    "authorisations": [
        {
            "id": "CHG-1",
            "kind": "change",
            "actor": "ana",
            "asset": "dc-1",
            "tool": "certutil.exe",
            "destination": "pki.example",
            "start": "2026-03-02T09:00:00Z",
            "end": "2026-03-02T10:00:00Z",
        }
    ],
    "threat_intelligence": [
        {"indicator": "bad.example", "type": "domain", "confidence": 90}
    ],
    "prevalence": [
        {"indicator": "203.0.113.9", "hosts_percent": 1, "first_seen_days": 2}
    ],
    "sensor_health": [
        {"host": "ws-1", "sensor": "edr", "healthy": False},
        {"host": "ws-1", "sensor": "dns", "healthy": True},
    ],
    "data_locations": [{"location": "fs-9\\pay", "class": "restricted"}],
    "baselines": [
        {"entity": "dc-1", "measure": "outbound_bytes_per_day", "usual": 40000000},
        {"entity": "ana", "measure": "files_read_per_hour", "usual": 20},
    ],
    "approved_tools": ["anydesk.exe", "quickassist.exe"],
}


def facts(**fields: Any) -> str:
    return "\n".join(window_facts(ESTATE, mentions_of([{"fields": fields}]), {}))


def test_host_of_the_window_is_described_and_others_are_not() -> None:
    text = facts(host={"name": "WS-1"})

    assert (
        "Host ws-1 (10.0.0.1): windows workstation, tier T2, may be isolated." in text
    )
    assert "dc-1" not in text


def test_host_is_found_by_its_address() -> None:
    text = facts(destination={"ip": "10.0.0.9"})

    assert "windows domain controller, tier T0, must not be isolated." in text


def test_host_is_found_inside_a_path() -> None:
    assert "Host dc-1" in facts(file={"path": r"\\dc-1\sysvol\a.ps1"})


def test_user_is_described_with_roles_and_leaving() -> None:
    text = facts(user={"name": "ana"})

    assert "User ana: finance, leaving the organisation." in text
    assert "root" not in text


def test_user_is_described_with_known_devices_and_usual_countries() -> None:
    text = facts(user={"name": "ana"})

    assert 'Known devices of ana: laptop-7, "Ana\'s phone".' in text
    assert "Usual countries of ana: NL, DE." in text


def test_devices_and_countries_that_are_not_known_go_without_saying() -> None:
    text = facts(user={"name": "root"})

    assert "User root: no role, privileged." in text
    assert "devices" not in text
    assert "countries" not in text


def test_account_that_is_known_to_have_no_device_is_told_so() -> None:
    change = {"users": [ESTATE["users"][1] | {"devices": []}]}
    seen = mentions_of([{"fields": {"user": {"name": "root"}}}])

    assert "Known devices of root: none." in window_facts(ESTATE | change, seen, {})


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (
            {"destination": {"ip": "10.0.0.9"}},
            "Usual for dc-1: up to 40000000 outbound bytes per day.",
        ),
        (
            {"user": {"name": "ANA"}},
            "Usual for ana: up to 20 files read per hour.",
        ),
    ],
)
def test_baseline_is_shown_for_its_host_or_account_alone(
    field: dict[str, Any], sentence: str
) -> None:
    usual = [line for line in facts(**field).splitlines() if "Usual for" in line]

    assert usual == [sentence]


@pytest.mark.parametrize(
    "field",
    [
        {"process": {"name": "anydesk.exe"}},
        {"process": {"executable": r"C:\Tools\AnyDesk.exe"}},
        {"service": {"command_line": '"C:\\Tools\\AnyDesk.exe" --service'}},
    ],
)
def test_approved_tool_is_shown_where_its_image_occurs(field: dict[str, Any]) -> None:
    assert "Approved remote tools: anydesk.exe." in facts(**field)


def test_approved_tool_is_left_out_where_another_image_ends_alike() -> None:
    assert "Approved" not in facts(process={"name": "notanydesk.exe"})


def test_record_is_shown_for_its_actor_even_on_another_asset() -> None:
    assert (
        "Record CHG-1 (change): ana may use certutil.exe on dc-1 towards pki.example "
        "from 2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z."
    ) in facts(user={"name": "ana"}, host={"name": "ws-1"})


def test_record_is_left_out_when_neither_actor_nor_asset_occurs() -> None:
    assert "Record" not in facts(host={"name": "ws-1"}, user={"name": "root"})


@pytest.mark.parametrize(
    "field",
    [
        {"destination": {"ip": "203.0.113.1", "domain": "bad.example"}},
        {"dns": {"question": {"name": "a.b.bad.example"}}},
        {"process": {"command_line": "curl https://bad.example/x"}},
        {"email": {"from": {"address": "x@bad.example"}}},
    ],
)
def test_intelligence_is_shown_where_its_domain_occurs(field: dict[str, Any]) -> None:
    expected = "Threat intelligence lists bad.example with confidence 90 of 100."

    assert expected in facts(**field)


def test_intelligence_on_a_name_that_only_ends_alike_is_left_out() -> None:
    assert "intelligence" not in facts(dns={"question": {"name": "notbad.example"}})


def test_addresses_are_placed_by_the_networks_of_the_estate() -> None:
    text = facts(
        source={"ip": "10.9.9.9"},
        destination={"ip": "198.51.100.3"},
        dns={"answers": {"data": ["203.0.113.9"]}},
    )

    assert "Internal addresses: 10.9.9.9." in text
    assert "Shared egress addresses: 198.51.100.3." in text
    assert "External addresses: 203.0.113.9." in text
    assert "203.0.113.9 is on 1% of hosts, first seen 2 days ago." in text


def test_only_a_blind_sensor_is_worth_a_sentence() -> None:
    text = facts(host={"name": "ws-1"})

    assert "Sensor edr on ws-1 is blind." in text
    assert "dns" not in text


def test_data_location_is_found_inside_a_path() -> None:
    text = facts(file={"path": r"\\fs-9\pay\2026.xlsx"})

    assert "restricted." in text


def test_attacker_gets_every_fact() -> None:
    text = "\n".join(estate_facts(ESTATE))

    for word in ("ws-1", "dc-1", "ana", "root", "CHG-1", "bad.example", "10.0.0.0/8"):
        assert word in text
    assert "Sensors of ws-1: edr." in text
    assert "Known devices of ana: laptop-7" in text
    assert "Usual for dc-1: up to 40000000 outbound bytes per day." in text
    assert "Approved remote tools: anydesk.exe, quickassist.exe." in text


def test_context_is_the_same_whatever_the_order_of_fields() -> None:
    one = {"host": {"name": "ws-1"}, "user": {"name": "ana"}}
    other = dict(reversed(one.items()))

    assert facts(**one) == facts(**other)


def test_flood_of_names_costs_no_more_than_their_length() -> None:
    script = " ".join(f"h{n}.example" for n in range(5_000))

    assert "h4999.example" in mentions_of([{"fields": {"x": script}}]).words
