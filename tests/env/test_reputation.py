"""What the verifier knows of a place by its name is what the defender is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opensoc_env.context import mentions_of, window_facts
from opensoc_env.generator import STAGES, craft
from opensoc_env.judge import default_judge
from opensoc_env.scenario import load_library

LIBRARY = load_library()
STAGE = STAGES["stage4_adversarial"]
CALLS = next(s for s in LIBRARY.scenarios if s.name == "steady-calls")


def calls(*twists: str) -> dict[str, Any]:
    return craft(CALLS, twists, "reputation", replace(STAGE, decoys=0, records=0))


def told(incident: dict[str, Any]) -> str:
    facts = window_facts(incident["context"], mentions_of(incident["events"]), {})
    return "\n".join(facts)


def test_a_listed_domain_means_what_lies_below_it_to_both() -> None:
    incident = calls("parent_bad")
    (listed,) = incident["context"]["threat_intelligence"]
    called = incident["events"][0]["fields"]["destination"]["domain"]

    assert called.endswith(f".{listed['indicator']}")
    assert f"Threat intelligence lists {listed['indicator']} " in told(incident)
    assert default_judge().truth(incident).outcome == "quarantine_host"


def test_a_domain_that_only_ends_alike_means_nothing_to_both() -> None:
    incident = calls("parent_bad")
    (listed,) = incident["context"]["threat_intelligence"]
    listed["indicator"] = listed["indicator"][1:]

    assert "Threat intelligence" not in told(incident)
    assert default_judge().truth(incident).outcome == "monitor"


@pytest.mark.parametrize("category", ["defense_impairment", "cloud_control_plane"])
def test_records_of_other_work_excuse_nothing(category: str) -> None:
    judge, alone = default_judge(), replace(STAGE, records=0)
    for scenario in LIBRARY.scenarios:
        for variant in scenario.variants if scenario.category == category else ():
            key = f"{scenario.name} {variant.name}"
            with_records = craft(scenario, variant.twists, key, STAGE)
            without = craft(scenario, variant.twists, key, alone)

            assert judge.truth(with_records) == judge.truth(without)
