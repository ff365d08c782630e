from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[2] / "schemas"
DOCUMENTS = {p.name: json.loads(p.read_text()) for p in SCHEMAS.glob("*.schema.json")}
REGISTRY = Registry().with_resources(
    (name, Resource.from_contents(document)) for name, document in DOCUMENTS.items()
)
ESTATE = {
    "networks": {"internal": ["10.0.0.0/8"], "shared_egress": []},
    "hosts": [],
    "users": [],
    "authorisations": [],
    "threat_intelligence": [],
    "prevalence": [],
    "sensor_health": [],
    "data_locations": [],
    "baselines": [],
    "approved_tools": [],
}
FLOW = {
    "event_type": "network.connection",
    "source": "firewall",
    "timestamp": "2026-03-02T09:15:00Z",
    "log_id": "L1-0",
    "fields": {
        "source": {"ip": "10.0.0.5"},
        "destination": {"ip": "192.0.2.7", "port": 443},
        "disposition": "allowed",
    },
}


def is_valid(event: dict[str, object]) -> bool:
    schema = DOCUMENTS["incident.schema.json"]
    validator = Draft202012Validator(schema, registry=REGISTRY)
    return bool(validator.is_valid({"events": [event], "context": ESTATE}))


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_each_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENTS[name])

    assert DOCUMENTS[name]["title"]


def test_a_flow_is_a_valid_event() -> None:
    assert is_valid(FLOW)


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "2026-03-02T09:15:00"},
        {"event_type": "network.future"},
        {"log_id": ""},
        {"extra": 1},
    ],
)
def test_a_broken_event_is_refused(change: dict[str, object]) -> None:
    assert not is_valid({**FLOW, **change})


def test_a_negative_port_is_refused() -> None:
    fields = {**FLOW["fields"], "destination": {"ip": "192.0.2.7", "port": -1}}

    assert not is_valid({**FLOW, "fields": fields})
