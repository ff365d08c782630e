"""What the original system got wrong, one class for each of its known weaknesses."""

from __future__ import annotations

import copy
import ipaddress
import json
from functools import cache
from typing import Any

import pytest
from attacks import (
    FOREIGN,
    Incident,
    attack,
    beats,
    changed,
    flow,
    guesses,
    incident,
    label,
    logged_on,
    seen,
    started,
    truth_of,
)
from starlette.testclient import TestClient

from opensoc_env.defenders import make_defender
from opensoc_env.generator import (
    HOLDOUT_SEEDS,
    UNSEEN_CATEGORIES,
    Scope,
    flip_pair,
    generate,
)
from opensoc_env.judge import default_judge, proof_of, reward_of, ways_of
from opensoc_env.match import play
from opensoc_env.metrics import Outcome, score
from opensoc_env.models import ACTIONS, TASKS, SubmitTriage, TaskName
from opensoc_env.scenario import load_library
from opensoc_env.server.app import build_app

ALWAYS = [f"always_{action}" for action in ACTIONS]


@cache
def scores(seed: int = 7) -> dict[str, Any]:
    defenders = [make_defender(name) for name in (*ALWAYS, "verifier_oracle")]
    return {s.name: s for s in play(defenders, episodes=120, seed=seed).scores}


def reward(document: Incident, action: str, cited: list[str], rubric: str) -> float:
    answer = SubmitTriage.model_validate({"action": action, "cited_log_ids": cited})
    truth = default_judge().truth(document)
    return reward_of(default_judge().grade_defender(truth, answer, rubric))


class TestTheAnswerIsNotShown:
    """The prompt showed category and severity."""

    @pytest.mark.parametrize("task", TASKS)
    def test_one_category_deserves_several_actions(self, task: TaskName) -> None:
        found: dict[str, set[str]] = {}
        for index in range(80):
            document = generate(task, 5, index)
            found.setdefault(document["category"], set()).add(document["target_label"])

        assert sum(len(actions) > 1 for actions in found.values()) > len(found) / 2

    def test_the_benign_category_is_not_all_that_is_benign(self) -> None:
        documents = [generate("stage3_mixed", 5, index) for index in range(60)]
        benign = {d["category"] for d in documents if d["target_label"] == "dismiss"}

        assert len(benign) > 3

    @pytest.mark.parametrize("severity", [0, 50, 100])
    def test_what_a_product_calls_severe_decides_nothing(self, severity: int) -> None:
        note = {
            "event_type": "alert.detection",
            "source": "edr",
            "timestamp": "2026-03-02T09:00:01Z",
            "log_id": "a1",
            "fields": {
                "host": {"name": "ws-01"},
                "rule": {"name": "Malware"},
                "event": {"severity": severity},
            },
        }

        assert label(note) == "dismiss"
        assert label(started(), note) == "quarantine_host"


class TestCitations:
    """The bonus was paid on wrong actions, and one id could be guessed."""

    @pytest.mark.parametrize("action", [a for a in ACTIONS if a != "escalate"])
    def test_a_proof_beside_a_wrong_action_pays_nothing(self, action: str) -> None:
        document = incident(*guesses(), logged_on())
        proof = list(proof_of(default_judge().truth(document)))
        bare = reward(document, action, [], "defender.v2")

        assert reward(document, action, proof, "defender.v2") == bare
        assert reward(document, action, proof, "defender.v1") > reward(
            document, action, [], "defender.v1"
        )

    def test_one_line_of_eleven_is_no_proof(self) -> None:
        document = incident(*guesses(), logged_on())
        truth = default_judge().truth(document)
        whole = next(list(way) for way in ways_of(truth))

        assert len(whole) == 11
        assert reward(document, "escalate", whole, "defender.v2") == pytest.approx(1.1)
        assert reward(document, "escalate", whole[:1], "defender.v2") < 1.03

    @pytest.mark.parametrize("task", TASKS[1:])
    def test_a_guess_of_one_line_earns_little_of_the_bonus(
        self, task: TaskName
    ) -> None:
        bonuses = []
        for index in range(30):
            document = generate(task, 5, index)
            if not proof_of(default_judge().truth(document)):
                continue
            action = document["target_label"]
            bare = reward(document, action, [], "defender.v2")
            ids = [event["log_id"] for event in document["events"]]
            bonuses += [
                reward(document, action, [i], "defender.v2") - bare for i in ids
            ]

        assert sum(bonuses) / len(bonuses) < 0.05


class TestAlwaysEscalate:
    """It was perfect on both safety metrics and had a positive mean reward."""

    @pytest.mark.parametrize("name", ALWAYS)
    def test_no_constant_has_a_positive_mean_reward(self, name: str) -> None:
        assert scores()[name].to_json()["mean_reward"]["value"] < 0

    def test_escalating_what_is_benign_shows_in_a_metric(self) -> None:
        found = scores()["always_escalate"].to_json()

        assert found["dismiss_on_malicious"]["value"] == 0
        assert found["over_react"]["value"] == 0
        assert found["escalate_on_benign"]["value"] == 1

    def test_escalating_what_is_benign_costs_more_than_it_did(self) -> None:
        document = incident(started("excel.exe", "excel.exe", parent="a.exe"))
        old, new = (
            reward(document, "escalate", [], rubric)
            for rubric in ("defender.v1", "defender.v2")
        )

        assert old == pytest.approx(-0.05)
        assert new <= 3 * old


def without_estate(document: Incident, part: str) -> Incident:
    return changed(document, **{f"context__{part}": []})


ESTATE_DECIDES = {
    "tier of the asset": (
        incident(started(host="ws-01")),
        incident(started(host="dc-01")),
    ),
    "intelligence": (
        incident(*beats(ip="203.0.113.66")),
        without_estate(incident(*beats(ip="203.0.113.66")), "threat_intelligence"),
    ),
    "prevalence": (
        incident(*beats(ip="203.0.113.88")),
        without_estate(incident(*beats(ip="203.0.113.88")), "prevalence"),
    ),
    "class of the data": (
        incident(flow(host="app-01")),
        changed(
            incident(flow(host="app-01")),
            context__data_locations__1__class="restricted",
        ),
    ),
    "account of a leaver": (incident(flow()), incident(flow(user="carol"))),
    "health of the sensor": (
        incident(started()),
        changed(incident(started()), context__sensor_health__0__healthy=False),
    ),
    "networks of ours": (
        incident(*guesses(ip="10.0.1.11")),
        changed(
            incident(*guesses(ip="10.0.1.11")),
            context__networks__internal=["192.168.0.0/16"],
        ),
    ),
    "shared addresses": (
        incident(*guesses(ip="198.51.100.3")),
        changed(
            incident(*guesses(ip="198.51.100.3")), context__networks__shared_egress=[]
        ),
    ),
    "authorisation": (
        incident(flow(host="app-01", user="bob", ip="203.0.113.40")),
        without_estate(
            incident(flow(host="app-01", user="bob", ip="203.0.113.40")),
            "authorisations",
        ),
    ),
}


class TestTheEstateDecides:
    """Labels came from hidden cut-offs: a look-alike could only lie below a count."""

    @pytest.mark.parametrize("fact", ESTATE_DECIDES)
    def test_one_fact_of_the_estate_changes_the_label(self, fact: str) -> None:
        first, second = ESTATE_DECIDES[fact]

        assert truth_of(first) != truth_of(second)

    @pytest.mark.parametrize("fact", ESTATE_DECIDES)
    def test_a_defender_is_shown_the_fact(self, fact: str) -> None:
        first, second = ESTATE_DECIDES[fact]

        assert seen(first) != seen(second)

    @pytest.mark.parametrize(
        "binding",
        [
            {"actor": "alice"},
            {"asset": "fs-01"},
            {"tool": "rclone.exe"},
            {"destination": "203.0.113.41"},
            {"end": "2026-03-02T08:59:59Z"},
            {"start": "2026-03-02T09:00:01Z"},
        ],
        ids=lambda binding: next(iter(binding)),
    )
    def test_a_record_without_one_of_its_bindings_covers_nothing(
        self, binding: dict[str, str]
    ) -> None:
        document = copy.deepcopy(ESTATE_DECIDES["authorisation"][0])
        record = next(
            r for r in document["context"]["authorisations"] if r["id"] == "TRF-1"
        )
        record.update(binding)

        assert truth_of(ESTATE_DECIDES["authorisation"][0]) == "dismiss"
        assert truth_of(document) == "quarantine_host"

    @pytest.mark.parametrize("task", TASKS)
    @pytest.mark.parametrize("seed", range(4))
    def test_pairs_that_one_fact_tells_apart_deserve_different_actions(
        self, task: TaskName, seed: int
    ) -> None:
        pair = flip_pair(task, seed)

        assert pair.first["target_label"] != pair.second["target_label"]
        assert seen(pair.first) != seen(pair.second)

    def test_a_pair_is_not_told_apart_by_its_number_of_events_alone(self) -> None:
        pairs = [flip_pair("stage2_multi", seed) for seed in range(12)]
        same = [len(p.first["events"]) == len(p.second["events"]) for p in pairs]

        assert sum(same) >= len(same) / 2


class TestTheHoldOut:
    """It came from the training generator: nothing in it was unseen."""

    @pytest.mark.parametrize("task", TASKS)
    def test_training_never_shows_what_evaluation_keeps(self, task: TaskName) -> None:
        seeds = [(seed, index) for seed in range(4) for index in range(12)]
        shown = {generate(task, *named)["category"] for named in seeds}

        assert not shown & UNSEEN_CATEGORIES

    def test_evaluation_has_categories_of_its_own(self) -> None:
        scope = Scope(unseen=True, categories=UNSEEN_CATEGORIES)
        found = {
            generate("stage3_mixed", HOLDOUT_SEEDS, n, scope=scope)["category"]
            for n in range(10)
        }

        assert found == UNSEEN_CATEGORIES

    def test_most_categories_keep_a_variant_for_evaluation(self) -> None:
        kept: dict[str, bool] = {}
        for scenario in load_library().scenarios:
            unseen = any(variant.unseen for variant in scenario.variants)
            kept[scenario.category] = kept.get(scenario.category, False) or unseen

        assert sum(kept.values()) > len(kept) / 2


class TestSelfPlay:
    """The attacker was never trained; self-play was only a mode."""

    def test_an_attacker_is_shown_the_estate_and_is_paid(self) -> None:
        episode = attack()
        view = episode.reset()

        assert view.role == "attacker"
        assert view.context
        assert view.log_window == []

    def test_an_attacker_is_paid_for_the_truth_and_not_for_its_label(self) -> None:
        paid = set()
        for claim in ACTIONS:
            episode = attack()
            start = generate("stage4_adversarial", 3)
            episode.step(
                {
                    "craft_incident": {
                        "target_label": claim,
                        "category": start["category"],
                        "events": start["events"],
                        "narrative": "",
                    }
                }
            )
            episode.step({"submit_triage": {"action": start["target_label"]}})
            paid.add(episode.grade().attacker_reward)

        assert paid == {0}


class TestIntervals:
    """Rates over a few cases were printed as if they were certain."""

    def test_few_cases_have_wide_intervals(self) -> None:
        outcomes = [
            Outcome(
                truth="dismiss",
                answer="dismiss" if n % 3 else "escalate",
                cited_ok=False,
                reward=0.0,
            )
            for n in range(26)
        ]
        rate = score(outcomes, "few").to_json()["accuracy"]

        assert rate["high"] - rate["low"] > 0.2

    def test_every_rate_of_a_match_has_an_interval(self) -> None:
        rate = scores()["always_monitor"].to_json()["accuracy"]

        assert rate["low"] <= rate["value"] <= rate["high"]
        assert rate["low"] < rate["high"]


class TestDocumentationRanges:
    """Python calls them private, so addresses outside were read as our own."""

    @pytest.mark.parametrize("ip", ["192.0.2.7", "198.51.100.77", FOREIGN])
    def test_an_address_outside_is_outside_whatever_a_library_says(
        self, ip: str
    ) -> None:
        assert ipaddress.ip_address(ip).is_private
        assert label(*guesses(ip=ip)) == "block_ip"
        assert label(flow(ip=ip)) == "quarantine_host"
        assert label(*beats(ip=ip)) == "monitor"

    @pytest.mark.parametrize("ip", ["192.0.2.7", "198.51.100.77", FOREIGN])
    def test_it_is_inside_where_the_estate_says_so(self, ip: str) -> None:
        networks = [f"{ip}/32", "10.0.0.0/8"]
        document = incident(flow(ip=ip))

        assert (
            truth_of(changed(document, context__networks__internal=networks))
            == "dismiss"
        )


class TestCallersDoNotMeet:
    """One global environment: parallel callers clobbered each other."""

    def test_two_callers_of_one_seed_have_an_episode_each(self) -> None:
        with TestClient(build_app()) as client:
            where = "/reset?task=stage1_basic&mode=defender_only&seed=4"
            first, second = (client.post(where).json() for _ in range(2))
            name = first["episode_id"]
            answer = {"submit_triage": {"action": "monitor"}}
            done = client.post(f"/step?episode_id={name}", json=answer).json()
            state = client.get(f"/state?episode_id={second['episode_id']}").json()

        assert done["done"]
        assert not state["done"]

    @pytest.mark.parametrize("task", TASKS)
    def test_nothing_of_the_truth_is_served_before_the_end(
        self, task: TaskName
    ) -> None:
        with TestClient(build_app()) as client:
            view = client.post(f"/reset?task={task}&mode=defender_only&seed=4").json()
            name = view["episode_id"]
            state = client.get(f"/state?episode_id={name}").json()
            grade = client.get(f"/grade?episode_id={name}")

        served = json.dumps([view, state, grade.json()])
        assert grade.status_code == 409
        assert generate(task, 4)["narrative"] not in served
        assert not {"truth_action", "fired", "category"} & {*view, *state}
