from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import InputError
from opensoc_engine.errors import InternalError
from opensoc_env.draws import fingerprint
from opensoc_env.estate import EXTERNAL_RANGES, build_estate
from opensoc_env.generator import (
    HOLDOUT_SEEDS,
    STAGES,
    UNSEEN_CATEGORIES,
    Scope,
    decoy_pair,
    flip_pair,
    generate,
    scope_of,
)
from opensoc_env.generator import _pick as pick
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import default_judge
from opensoc_env.log_text import texts_of
from opensoc_env.models import ACTIONS, TASKS
from opensoc_env.scenario import load_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.models import TaskName

SAMPLE = 12
PRINT = (
    "from opensoc_env.generator import generate;import json;"
    "print(json.dumps([generate('stage4_adversarial', 5, i) for i in range(3)]))"
)


def sample(task: TaskName, count: int = SAMPLE) -> list[dict[str, Any]]:
    return [generate(task, 11, index) for index in range(count)]


def addresses(incident: dict[str, Any]) -> Iterator[str]:
    for text in texts_of([event["fields"] for event in incident["events"]]):
        try:
            yield str(ipaddress.ip_address(text))
        except ValueError:
            continue


def is_within(address: str, networks: list[str]) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(network) for network in networks)


def facts_of(incident: dict[str, Any]) -> dict[str, Any]:
    """The incident by parts, without ids and times, machines and accounts by name."""
    parts = {
        key: value
        for key, value in incident["context"].items()
        if key not in ("hosts", "users")
    }
    named = incident["context"]["hosts"] + incident["context"]["users"]
    events = sorted(
        json.dumps([e["event_type"], e["fields"]], sort_keys=True)
        for e in incident["events"]
    )
    return parts | {"events": events} | {item["name"]: item for item in named}


def test_other_processes_generate_the_same_bytes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = [generate("stage4_adversarial", 5, index) for index in range(3)]

    assert outputs == {f"{json.dumps(here)}\n".encode()}


def test_index_and_seed_and_task_make_other_incidents() -> None:
    texts = {
        json.dumps(generate(task, seed, index))
        for task in TASKS
        for seed in (0, 1)
        for index in (0, 1)
    }

    assert len(texts) == 4 * len(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_incidents_are_valid_and_normal(task: TaskName) -> None:
    for incident in sample(task):
        assert normalise_incident(incident) == incident


@pytest.mark.parametrize("task", TASKS)
def test_incidents_are_plausible_and_labelled_by_the_judge(task: TaskName) -> None:
    judge = default_judge()
    for incident in sample(task):
        assert judge.check_plausible(incident).outcome == "plausible"
        assert incident["target_label"] == judge.truth(incident).outcome


@pytest.mark.parametrize("task", TASKS)
def test_ids_count_events_in_order_of_time(task: TaskName) -> None:
    for incident in sample(task):
        events = incident["events"]
        times = [event["timestamp"] for event in events]

        assert [e["log_id"] for e in events] == [f"L1-{n}" for n in range(len(events))]
        assert times == sorted(set(times))


@pytest.mark.parametrize("task", TASKS)
def test_addresses_are_internal_or_kept_for_documentation(task: TaskName) -> None:
    ranges = [f"{network}.0/24" for network in EXTERNAL_RANGES]
    for incident in sample(task):
        networks = incident["context"]["networks"]["internal"]

        assert all(is_within(a, networks + ranges) for a in addresses(incident))


@pytest.mark.parametrize("task", TASKS)
def test_an_incident_shows_few_machines(task: TaskName) -> None:
    for incident in sample(task):
        hosts = {host["name"] for host in incident["context"]["hosts"]}
        named = hosts & set(texts_of([e["fields"] for e in incident["events"]]))
        assert 3 <= len(hosts) <= max(9, len(named) + 1)


def test_the_first_stage_is_short_and_later_ones_have_decoys() -> None:
    sizes = {task: [len(i["events"]) for i in sample(task, 40)] for task in TASKS}
    means = [sum(sizes[task]) / 40 for task in TASKS]

    assert means[0] <= 3
    assert means == sorted(means)


@pytest.mark.parametrize("task", TASKS)
def test_no_action_is_rare(task: TaskName) -> None:
    counts = Counter(i["target_label"] for i in sample(task, 150))

    assert min(counts[action] for action in ACTIONS) >= 0.08 * 150


def kept_from(scope: Scope) -> set[tuple[str, frozenset[str]]]:
    """Scenarios with the twists of each variant that a scope may not use."""
    return {
        (scenario.name, frozenset(variant.twists))
        for scenario in load_library().scenarios
        for variant in scenario.variants
        if not scope.holds(scenario, variant)
    }


def test_training_seeds_never_use_what_is_kept_for_evaluation() -> None:
    stage, kept = STAGES["stage4_adversarial"], kept_from(scope_of(0))
    keys = [fingerprint("unseen", number) for number in range(800)]

    seen = [pick(stage, key, scope_of(0)) for key in keys]
    later = [pick(stage, key, scope_of(HOLDOUT_SEEDS)) for key in keys]

    assert not {(s.name, frozenset(twists)) for s, twists in seen} & kept
    assert {(s.name, frozenset(twists)) for s, twists in later} & kept
    assert not {scenario.category for scenario, _ in seen} & UNSEEN_CATEGORIES
    assert {scenario.category for scenario, _ in later} >= UNSEEN_CATEGORIES


def test_most_incidents_have_a_twist_more_than_their_variant() -> None:
    stage = STAGES["stage3_mixed"]
    picked = [pick(stage, fingerprint("join", n), scope_of(0)) for n in range(300)]
    written = [
        scenario
        for scenario, twists in picked
        if set(twists) in [set(variant.twists) for variant in scenario.variants]
    ]

    assert 0.2 * len(picked) < len(written) < 0.8 * len(picked)


def test_a_scope_of_categories_gives_these_and_no_other() -> None:
    scope = Scope(unseen=True, categories=frozenset({"phishing"}))
    found = [generate("stage3_mixed", 1, n, scope=scope) for n in range(SAMPLE)]

    assert {incident["category"] for incident in found} == {"phishing"}


def test_a_scope_of_evasions_gives_variants_that_evade() -> None:
    stage, scope = STAGES["stage4_adversarial"], Scope(evasions=True)
    picked = [pick(stage, fingerprint("evade", n), scope) for n in range(60)]

    assert all(
        any(v.evasion and v.twists == twists for v in scenario.variants)
        for scenario, twists in picked
    )


def test_a_scope_without_any_scenario_is_refused() -> None:
    scope = Scope(categories=frozenset({"nothing"}))

    with pytest.raises(InternalError, match="no scenario for stage 2"):
        generate("stage2_multi", 1, scope=scope)


def names_of(world: str) -> set[str]:
    """Machines, staff and networks of many estates."""
    found: set[str] = set()
    for number in range(40):
        estate = build_estate(fingerprint(world, number), world)
        staff = [user for user in estate["users"] if user["roles"] != ["service"]]
        found |= {item["name"] for item in (*estate["hosts"], *staff)}
        found |= set(estate["networks"]["internal"])
    return found


def test_estates_of_another_world_share_no_name_with_those_at_home() -> None:
    assert names_of("home").isdisjoint(names_of("elsewhere"))


def test_a_flip_pair_differs_in_one_fact_and_in_its_right_action() -> None:
    judge = default_judge()
    for index in range(60):
        pair = flip_pair(TASKS[index % 4], 3, index, judge=judge)
        first, second = pair.first, pair.second
        parts = facts_of(first), facts_of(second)
        shared = parts[0].keys() & parts[1].keys()
        changed = [name for name in shared if parts[0][name] != parts[1][name]]

        if not changed:  # the fact is a time
            changed = ["times"] * (first["events"] != second["events"])

        assert len(changed) == 1, (pair.fact, changed)
        assert judge.truth(first).outcome != judge.truth(second).outcome


def test_a_flip_pair_is_the_same_each_time() -> None:
    pairs = [flip_pair("stage2_multi", 4, 2) for _ in range(2)]

    assert pairs[0] == pairs[1]


def test_a_decoy_pair_differs_in_events_that_change_nothing() -> None:
    judge = default_judge()
    for index in range(12):
        pair = decoy_pair(TASKS[index % 4], 3, index, judge=judge)
        kept = [event_text(event) for event in pair.second["events"]]
        sides = [pair.first, pair.second]

        assert len({judge.truth(side).outcome for side in sides}) == 1
        assert all(event_text(event) in kept for event in pair.first["events"])
        assert len(kept) > len(pair.first["events"])


def event_text(event: dict[str, Any]) -> str:
    """An event without its id and its time, which depend on the others."""
    return json.dumps({k: event[k] for k in ("event_type", "source", "fields")})


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(InputError, match="no task `stage9`: expected one of stage1"):
        generate("stage9", 0)  # type: ignore[arg-type]
