"""The border: what is refused, with its place, and the order that is guaranteed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from opensoc_env.incident import (
    IncidentError,
    craft_incident,
    instant,
    normalise_incident,
    order_events,
)

ESTATE: dict[str, Any] = {
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


def event(log_id: str, timestamp: str = "2026-03-02T09:15:00Z") -> dict[str, Any]:
    return {
        "event_type": "log.clear",
        "source": "windows",
        "timestamp": timestamp,
        "log_id": log_id,
        "fields": {"host": {"name": "ws-1"}},
    }


def file_event(entropy: float) -> dict[str, Any]:
    fields = {"host": {"name": "a"}, "file": {"path": "x", "entropy": entropy}}
    return event("L1") | {"event_type": "file.change", "fields": fields}


def incident(*events: dict[str, Any], **change: Any) -> dict[str, Any]:
    return {"events": list(events), "context": ESTATE} | change


def problems(document: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(IncidentError) as caught:
        normalise_incident(document)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def crafted(*events: dict[str, Any], **change: Any) -> dict[str, Any]:
    return {
        "target_label": "monitor",
        "category": "defense_impairment",
        "events": list(events),
        "narrative": "n",
    } | change


def test_events_are_ordered_by_instant_and_then_by_log_id() -> None:
    found = normalise_incident(
        incident(
            event("L3", "2026-03-02T09:15:00.000000002Z"),
            event("L2", "2026-03-02T10:15:00.000000001+01:00"),
            event("L9", "2026-03-02T09:15:00Z"),
            event("L1", "2026-03-02T09:15:00Z"),
        )
    )

    assert [item["log_id"] for item in found["events"]] == ["L1", "L9", "L2", "L3"]


def test_argument_is_left_alone() -> None:
    document = incident(event("L2"), event("L1"))
    before = copy.deepcopy(document)

    normalise_incident(document)

    assert document == before


def test_duplicate_log_id_is_refused_with_both_places() -> None:
    found = problems(incident(event("L1"), event("L2"), event("L1")))

    assert found == [
        (("events", 2, "log_id"), "log id `L1` names events[0] and events[2]")
    ]


def test_time_without_an_offset_is_refused_with_its_place() -> None:
    found = problems(incident(event("L1", "2026-03-02T09:15:00")))

    assert found[0][0] == ("events", 0, "timestamp")


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "0000-01-01"])
def test_time_that_does_not_exist_is_refused(day: str) -> None:
    found = problems(incident(event("L1", f"{day}T09:15:00Z")))

    assert found[0][0] == ("events", 0, "timestamp")


def test_unknown_field_of_an_event_is_refused_with_its_place() -> None:
    wrong = event("L1")
    wrong["fields"]["severty"] = "high"

    found = problems(incident(wrong))

    assert found[0][0][:3] == ("events", 0, "fields")


@pytest.mark.parametrize("document", [None, [], "x", 3, {}, {"events": {}}])
def test_document_of_another_shape_is_refused(document: Any) -> None:
    assert problems(document)


@pytest.mark.parametrize("entropy", [float("nan"), float("inf")])
def test_number_that_is_not_finite_is_refused(entropy: float) -> None:
    assert problems(incident(file_event(entropy)))


def test_lone_surrogate_is_refused() -> None:
    assert problems(incident(event("L1"), narrative="\ud800"))


def test_flood_of_events_is_refused_at_once() -> None:
    found = problems(incident(*[event("L1")] * 100_000))

    assert found == [(("events",), "100000 events are too many")]


def test_deeply_nested_value_is_refused_without_a_crash() -> None:
    deep: Any = {}
    for _ in range(50_000):
        deep = {"a": deep}
    wrong = event("L1")
    wrong["fields"]["host"] = deep

    assert problems(incident(wrong))


def test_message_is_one_line_with_at_most_five_problems() -> None:
    with pytest.raises(IncidentError) as caught:
        normalise_incident(incident(*[event("bad id!") for _ in range(9)]))

    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("more")


def test_instant_counts_nanoseconds_over_offsets() -> None:
    assert instant("2026-03-02T09:15:00.5Z") - instant("2026-03-02T10:15:00+01:00") == (
        500_000_000
    )


def test_instant_refuses_a_time_without_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        instant("2026-03-02T09:15:00")


def test_order_events_is_the_same_for_every_order_of_arrival() -> None:
    events = [event("L1"), event("L2"), event("L0", "2026-03-02T09:14:59Z")]

    assert order_events(events) == order_events(events[::-1])


def test_crafted_incident_gets_the_estate_and_ordered_events() -> None:
    found = craft_incident(crafted(event("L2"), event("L1")), ESTATE)

    assert found["context"] is ESTATE
    assert [item["log_id"] for item in found["events"]] == ["L1", "L2"]


def test_attacker_can_not_write_the_estate() -> None:
    with pytest.raises(IncidentError):
        craft_incident(crafted(event("L1"), context=ESTATE), ESTATE)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "text",
        crafted(),
        crafted(event("L1"), event("L1")),
        crafted(event("L1"), category="aliens"),
        crafted(event("L1"), narrative="x" * 4_001),
        crafted(*[event(f"L{n}") for n in range(33)]),
    ],
)
def test_crafted_incident_that_does_not_fit_is_refused(wrong: Any) -> None:
    with pytest.raises(IncidentError):
        craft_incident(wrong, ESTATE)
