"""The fast acceptor says what the library says, on documents that nearly fit."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_engine.policy.schema_acceptor import build_acceptor
from opensoc_engine.schema_store import default_store

STORE = default_store()
ACCEPT = build_acceptor("incident.schema.json", STORE.documents)
NUMBERS = [0, -1, 1, 3.0, 0.5, float("nan"), float("inf"), Decimal("0.5"), 10**30]
TEXTS = [
    *("", "x", "x" * 5000, "A", "\ud800", "10.0.0.1", "10.0.0.0/8", "dns.query"),
    *("2026-03-02T09:15:00Z", "2026-03-02T09:15:00", "process.start"),
]
HOLDERS = [[], ["x"], {}, {"name": "h1"}, {"x": 1}]
VALUES = st.sampled_from([None, True, *NUMBERS, *TEXTS, *HOLDERS])
INCIDENT: dict[str, Any] = {
    "events": [
        {
            "event_type": "process.start",
            "source": "edr",
            "timestamp": "2026-03-02T09:15:00.5+02:00",
            "log_id": "L1",
            "fields": {
                "host": {"name": "h1"},
                "user": {"name": "ann"},
                "process": {"name": "cmd.exe", "pid": 7},
                "disposition": "allowed",
            },
        },
        {
            "event_type": "network.connection",
            "source": "firewall",
            "timestamp": "2026-03-02T09:15:00Z",
            "log_id": "L2",
            "fields": {
                "source": {"ip": "10.0.0.5"},
                "destination": {"ip": "::1", "port": 443},
                "disposition": "allowed",
            },
        },
    ],
    "context": {
        "networks": {"internal": ["10.0.0.0/8"], "shared_egress": []},
        "hosts": [],
        "users": [
            {"name": "ann", "roles": ["it"], "privileged": True, "leaver": False}
        ],
        "authorisations": [],
        "threat_intelligence": [],
        "prevalence": [],
        "sensor_health": [],
        "data_locations": [],
        "baselines": [],
        "approved_tools": [],
    },
    "category": "phishing",
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all that can be changed."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    own = [(*path, key) for key in (*keys, "novel" if isinstance(value, dict) else 0)]
    below = [found for key in keys for found in paths(value[key], (*path, key))]
    return own + below


def changed(path: tuple[Any, ...], value: Any, *, is_removed: bool) -> Any:
    document = copy.deepcopy(INCIDENT)
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    if isinstance(holder, list) and not holder:
        holder.append(value)
    elif is_removed and (isinstance(holder, list) or path[-1] in holder):
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


@given(st.sampled_from(paths(INCIDENT)), VALUES, st.booleans())
def test_the_acceptor_agrees_with_the_library(
    path: tuple[Any, ...], value: Any, is_removed: bool
) -> None:
    document = changed(path, value, is_removed=is_removed)
    validator = STORE.validator("incident.schema.json")

    assert ACCEPT is not None
    assert ACCEPT(document) == validator.is_valid(document)


def test_the_unchanged_document_is_accepted() -> None:
    assert ACCEPT is not None
    assert ACCEPT(INCIDENT)


@pytest.mark.parametrize(
    "name", ["incident", "event", "actions", "policy", "cases", "set", "list"]
)
def test_the_schemas_of_the_border_have_an_acceptor(name: str) -> None:
    assert build_acceptor(f"{name}.schema.json", STORE.documents) is not None
