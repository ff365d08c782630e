"""Company on a machine whose sensor is doubtful is seen by another sensor."""

from __future__ import annotations

from typing import Any

from opensoc_env.generator import Stage, craft
from opensoc_env.scenario import Scenario, load_library

CROWDED = Stage(4, decoys=6, records=0)


def scenario() -> Scenario:
    return next(
        s for s in load_library().scenarios if s.name == "what-the-sensor-missed"
    )


def incident(number: int, *twists: str) -> dict[str, Any]:
    return craft(scenario(), twists, f"witness {number}", CROWDED)


def doubtful(document: dict[str, Any]) -> set[tuple[str, str]]:
    health = document["context"]["sensor_health"]
    return {(state["host"], state["sensor"]) for state in health}


def seen_by(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (event["fields"].get("host", {}).get("name", ""), event["source"])
        for event in document["events"]
    ]


def test_a_doubtful_sensor_reports_nothing() -> None:
    for number in range(12):
        document = incident(number)

        assert doubtful(document).isdisjoint(seen_by(document))


def test_the_machine_still_has_company() -> None:
    machines = [
        [host for host, _ in seen_by(document)].count(doubted)
        for document in map(incident, range(12))
        for doubted, _ in doubtful(document)
    ]

    assert max(machines) > 1


def test_that_it_is_blind_changes_no_event() -> None:
    for number in range(12):
        assert incident(number)["events"] == incident(number, "blind")["events"]
