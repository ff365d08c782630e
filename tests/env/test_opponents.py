"""Opponents: who they are, what a search finds, and what an episode makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import pytest
import yaml
from small_rules import small_rules

from opensoc_engine import Decision, InputError, data_root
from opensoc_engine.cases import case_documents
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import PolicyFolder, read_folder
from opensoc_engine.policy.model import Case
from opensoc_engine.policy.parser import parse_cases
from opensoc_engine.source import Source
from opensoc_env.case_file import render_cases
from opensoc_env.defenders import Defender, TriageItem, make_defender
from opensoc_env.draws import stream
from opensoc_env.episode import WAITING, Episode, EpisodeError
from opensoc_env.finished import FinishedEpisode
from opensoc_env.generator import generate
from opensoc_env.incident import instant
from opensoc_env.judge import Judge, default_judge
from opensoc_env.models import SubmitTriage
from opensoc_env.opponents.attackers import TemplateAttacker, claimed
from opensoc_env.opponents.campaign import Share, run_campaign
from opensoc_env.opponents.lineup import BUILT_IN, DEFAULT_OPPONENTS, built_in
from opensoc_env.opponents.mutations import Change, mutate
from opensoc_env.opponents.search import MAX_CHANGES, Hunt, SearchAttacker

TASK = "stage2_multi"
VERIFIER = data_root() / "rules" / "verifier"
KEYWORDS = make_defender("keyword_heuristic")


def attacked(seed: int, **options: Any) -> Episode:
    """An episode whose caller attacks."""
    options = {"role": "attacker", "opponent": KEYWORDS} | options
    episode = Episode(TASK, "self_play", seed, **options)
    episode.reset()
    return episode


def hunted(seed: int, defender: str = "keyword_heuristic", budget: int = 64) -> Hunt:
    attacker = SearchAttacker(make_defender(defender), budget=budget)
    return attacker.hunt(attacked(seed).craft_item())


def beaten_by_search(defender: Defender) -> tuple[int, Hunt]:
    """The first seed whose incident the defender gets right until it is changed."""
    attacker = SearchAttacker(defender)
    hunts = ((s, attacker.hunt(attacked(s).craft_item())) for s in range(200))
    return next((s, h) for s, h in hunts if h.beaten and h.beaten.attempt.changes)


# Episodes with an opponent


def test_attacker_meets_the_opponent_at_once() -> None:
    episode = attacked(3, opponent=make_defender("always_escalate"))
    done = episode.step({"craft_incident": claimed(generate(TASK, 3))})

    assert done.done
    assert done.role == "attacker"
    assert done.result is not None
    assert done.result.answer == SubmitTriage(action="escalate")
    assert done.reward == done.result.attacker_reward


def test_defender_meets_what_the_opponent_crafted() -> None:
    episode = Episode(
        TASK, "self_play", 3, role="defender", opponent=TemplateAttacker()
    )
    seen = episode.reset()
    done = episode.step({"submit_triage": {"action": "monitor"}})

    events = generate(TASK, 3)["events"]
    assert [line.log_id for line in seen.log_window] == [e["log_id"] for e in events]
    assert seen.role == "defender"
    assert done.result is not None
    assert done.result.attacker_reward is not None
    assert done.reward == done.result.reward


class Gibberish:
    name = "gibberish"

    def craft(self, _: Any) -> Any:
        return None


def test_defender_has_no_turn_if_the_opponent_can_not_be_read() -> None:
    seen = Episode(TASK, "self_play", 3, role="defender", opponent=Gibberish()).reset()

    assert (seen.done, seen.role, seen.reward) == (True, "defender", None)
    assert seen.context == []
    assert seen.result is not None
    assert seen.result.attacker_reward == -0.5


class Flaky:
    """A defender whose endpoint is away at first."""

    name = "flaky"

    def __init__(self) -> None:
        self.calls = 0

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        self.calls += 1
        if self.calls == 1:
            raise InputError("endpoint `http://10.0.0.1/v1` can't be reached")
        return [SubmitTriage(action="monitor") for _ in items]


def test_opponent_that_fails_costs_nothing_and_tells_no_address() -> None:
    episode = attacked(3, opponent=Flaky())
    turn = {"craft_incident": claimed(generate(TASK, 3))}
    with pytest.raises(EpisodeError) as caught:
        episode.step(turn)
    state = episode.state()

    assert caught.value.code == "opponent_failed"
    assert "10.0.0.1" not in str(caught.value)
    assert (state.role, state.step_count, state.done) == ("attacker", 0, False)
    assert episode.step(turn).done


def test_side_that_waits_is_told_so_and_sees_nothing_else() -> None:
    episode = Episode(TASK, "self_play", 3, role="defender")
    episode.reset()
    waiting = episode.view("defender")
    episode.step({"craft_incident": claimed(generate(TASK, 3))})
    attacker, defender = episode.view("attacker"), episode.view("defender")

    assert waiting.instructions == WAITING["attacker"]
    assert (waiting.alert, waiting.log_window, waiting.context) == (None, [], [])
    assert attacker.instructions == WAITING["defender"]
    assert attacker.alert is None
    assert len(defender.log_window) == len(generate(TASK, 3)["events"])


@pytest.mark.parametrize(
    ("mode", "role", "opponent", "field"),
    [
        ("defender_only", "attacker", None, "role"),
        ("defender_only", "defender", TemplateAttacker(), "opponent"),
        ("self_play", None, KEYWORDS, "opponent"),
        ("self_play", "attacker", TemplateAttacker(), "opponent"),
        ("self_play", "defender", KEYWORDS, "opponent"),
    ],
)
def test_sides_that_do_not_fit_are_refused(
    mode: Any, role: Any, opponent: Any, field: str
) -> None:
    with pytest.raises(EpisodeError) as caught:
        Episode(TASK, mode, 1, role=role, opponent=opponent)

    assert (caught.value.code, caught.value.field) == ("bad_reset", field)


def test_record_says_who_played_what() -> None:
    records: list[FinishedEpisode] = []
    episode = attacked(3, on_finish=records.append)
    payload = claimed(generate(TASK, 3))
    result = episode.step({"craft_incident": payload}).result

    (record,) = records
    assert (record.role, record.opponent) == ("attacker", "keyword_heuristic")
    assert record.crafted == payload
    assert record.incident["events"] == payload["events"]
    assert (record.result, record.answered) == (result, True)
    assert record.answer == record.result.answer


class FullDisk:
    """A store that can't keep the first record."""

    def __init__(self) -> None:
        self.kept: list[FinishedEpisode] = []
        self._is_full = True

    def record(self, episode: FinishedEpisode) -> None:
        if self._is_full:
            self._is_full = False
            raise OSError("disk full")
        self.kept.append(episode)


@pytest.mark.parametrize("role", ["attacker", "defender"])
def test_turn_that_could_not_be_recorded_did_not_happen(role: str) -> None:
    disk = FullDisk()
    options: dict[str, Any] = {"role": "defender", "opponent": TemplateAttacker()}
    turn: dict[str, Any] = {"submit_triage": {"action": "monitor"}}
    if role == "attacker":
        options, turn = {}, {"craft_incident": claimed(generate(TASK, 3))}
    episode = attacked(3, on_finish=disk.record, **options)
    with pytest.raises(OSError, match="disk full"):
        episode.step(turn)
    state = episode.state()

    assert (state.done, state.role, state.step_count) == (False, role, 0)
    assert episode.step(turn).done
    assert len(disk.kept) == 1


# The lineup


def test_every_name_of_the_lineup_plays() -> None:
    for name in BUILT_IN.names("attacker")[:-1]:
        opponent = BUILT_IN.against("attacker", name)
        step = attacked(3, opponent=opponent).step
        assert step({"craft_incident": claimed(generate(TASK, 3))}).done
    for name in BUILT_IN.names("defender")[:-1]:
        opponent = BUILT_IN.against("defender", name)
        episode = Episode(TASK, "self_play", 3, role="defender", opponent=opponent)
        assert episode.reset().log_window


def test_default_opponents_are_in_the_lineup() -> None:
    for role, name in DEFAULT_OPPONENTS.items():
        found = BUILT_IN.against(role, None)

        assert found is not None
        assert found.name == name


def test_the_oracle_of_other_rules_goes_by_them(tmp_path: Path) -> None:
    judge = Judge.load(small_rules(tmp_path))
    oracle = built_in(judge).against("attacker", "verifier_oracle")
    seeds = [seed for seed in range(8) if is_judged_otherwise(seed, judge)]
    results = []
    for seed in seeds:
        episode = Episode(
            TASK, "self_play", seed, role="attacker", opponent=oracle, judge=judge
        )
        episode.reset()
        episode.step({"craft_incident": claimed(generate(TASK, seed))})
        results.append(episode.grade())

    assert results
    assert all(found.answer.action == found.truth_action for found in results)


def is_judged_otherwise(seed: int, judge: Judge) -> bool:
    incident = generate(TASK, seed)
    return judge.truth(incident).outcome != default_judge().truth(incident).outcome


def test_human_is_nobody_here() -> None:
    assert BUILT_IN.seated("self_play", "attacker", "human") is None


def test_unknown_opponent_names_the_known_ones() -> None:
    with pytest.raises(EpisodeError, match="search:keyword_heuristic") as caught:
        BUILT_IN.against("defender", "endpoint:http://10.0.0.1/v1")

    assert caught.value.field == "opponent"


# Search


def test_search_beats_a_defender_that_gets_the_template_right() -> None:
    seed, hunt = beaten_by_search(KEYWORDS)
    template = attacked(seed).step({"craft_incident": claimed(generate(TASK, seed))})

    assert template.result is not None
    assert template.result.answer is not None
    assert template.result.answer.action == template.result.truth_action
    assert hunt.beaten is not None
    assert 1 <= len(hunt.beaten.attempt.changes) <= MAX_CHANGES
    assert hunt.beaten.is_wrong


def test_what_the_search_finds_beats_the_defender_in_an_episode() -> None:
    seed, _ = beaten_by_search(KEYWORDS)
    episode = attacked(seed)
    payload = SearchAttacker(KEYWORDS).craft(episode.craft_item())
    result = episode.step({"craft_incident": payload}).result

    assert result is not None
    assert (result.plausible, result.violations) == (True, [])
    assert result.answer is not None
    assert result.answer.action != result.truth_action
    assert result.attacker_reward == pytest.approx(1.2)


def test_same_turn_and_budget_find_the_same() -> None:
    defender = make_defender("random")

    assert beaten_by_search(defender) == beaten_by_search(defender)


def test_nothing_beats_the_oracle_and_the_budget_is_kept() -> None:
    hunt = hunted(3, "verifier_oracle", budget=100)

    assert (hunt.beaten, hunt.tried) == (None, 100)
    assert 1 < hunt.plausible <= 100
    assert hunt.payload(attacked(3).craft_item()) == claimed(generate(TASK, 3))


def facts_of(event: dict[str, Any]) -> dict[str, str]:
    """The fields of an event, its kind and its time as JSON, by dotted path."""

    def walk(value: Any, path: str) -> dict[str, str]:
        if not isinstance(value, dict):
            return {path: json.dumps(value)}
        inner = (walk(part, f"{path}.{key}") for key, part in value.items())
        return {key: leaf for found in inner for key, leaf in found.items()}

    return walk({k: v for k, v in event.items() if k != "log_id"}, "")


def test_a_mutation_changes_one_fact() -> None:
    incident = generate(TASK, 3)
    before = [facts_of(event) for event in incident["events"]]
    draws, kinds = stream("one fact"), set()
    for _ in range(200):
        mutated = mutate(incident["events"], incident["context"], draws)
        if mutated is None:
            continue
        change, events = mutated
        after = [facts_of(event) for event in events]
        kinds.add(change.kind)
        lost = [facts for facts in before if facts not in after]
        new = [facts for facts in after if facts not in before]

        assert len(lost) + len(new) <= 2
        if lost and new:
            assert len(set(lost[0].items() ^ new[0].items())) <= 2

    assert kinds == {"set", "add", "remove", "drop", "repeat", "move"}
    assert before == [facts_of(event) for event in incident["events"]]


def test_log_ids_of_a_mutation_count_its_events_in_order_of_time() -> None:
    incident, draws = generate(TASK, 3), stream("ids")
    found = (mutate(incident["events"], incident["context"], draws) for _ in range(50))
    for events in (mutated[1] for mutated in found if mutated is not None):
        ids = [event["log_id"] for event in events]

        assert ids == [f"L1-{at}" for at in range(len(events))]
        assert sorted(events, key=lambda e: instant(e["timestamp"])) == events


def test_a_change_is_told_in_one_line() -> None:
    moved = Change("set", "process.start", "process.name", "a.exe", "b\n.exe")

    assert str(moved) == 'set process.start process.name: "a.exe" -> "b\\n.exe"'
    assert str(Change("drop", "process.start")) == "drop process.start"


# Campaigns


def test_campaign_counts_what_the_policies_pay() -> None:
    defender = make_defender("always_escalate")
    campaign = run_campaign(defender, episodes=8, seed=5, budget=40)
    told = campaign.to_json()

    template, search = told["attackers"]
    assert template["beaten"]["value"] <= search["beaten"]["value"]
    for name, results in campaign.results.items():
        wrong = [r for r in results if r.truth_action != "escalate"]
        side = template if name == "template" else search
        assert side["beaten"]["value"] == pytest.approx(len(wrong) / 8)
    assert len(told["found"]) == round(8 * search["beaten"]["value"])
    assert told["tried"] <= 8 * 40
    again = run_campaign(defender, episodes=8, seed=5, budget=40)
    assert again.to_json() == told


@pytest.mark.parametrize("change", [{"episodes": 0}, {"budget": 0}, {"tasks": ()}])
def test_campaign_of_nothing_is_refused(change: dict[str, Any]) -> None:
    options = {"episodes": 1, "seed": 1, "budget": 1} | change
    with pytest.raises(InputError, match="at least one"):
        run_campaign(KEYWORDS, **options)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (5, 10), (10, 10), (1, 1)])
def test_interval_holds_the_share_and_is_no_point(hits: int, n: int) -> None:
    share = Share(hits, n)
    low, high = share.interval

    assert 0 <= low <= share.value <= high <= 1
    assert high - low > 0.2


def test_finds_are_cases_that_hold_beside_their_policy(tmp_path: Path) -> None:
    judge, parts = default_judge(), without_policies(tmp_path)
    hunts = [hunted(seed, "always_escalate") for seed in range(12)]
    found = [hunt.beaten.attempt.incident for hunt in hunts if hunt.beaten]
    named = {f"find {at}": incident for at, incident in enumerate(found)}
    files = render_cases(named.items(), judge)
    checked = [
        check_case(judge.truth(document), policy, case)
        for policy, text in files.items()
        for case, document in documents_of(parts, policy, text)
    ]

    assert sorted(checked) == sorted(named)
    assert len(named) > 1


def check_case(truth: Decision, policy: str, case: Case) -> str:
    """The name of a case that the verdict on its document agrees with."""
    fired = sorted(f.rule for f in truth.findings if f.policy == policy)
    assert case.expect.action == truth.outcome
    assert case.expect.fired == tuple(fired)
    assert case.rule is None or case.rule.text in fired
    return case.name.text


def documents_of(
    parts: PolicyFolder, policy: str, text: str
) -> Iterator[tuple[Case, dict[str, Any]]]:
    """The cases of a text, pasted under the examples of its policy's shipped file."""
    name = f"{policy}.cases.yaml"
    file = yaml.safe_load((VERIFIER / name).read_text("utf-8"))
    file["examples"] = yaml.safe_load(text)["examples"]
    source = Source(name, yaml.safe_dump(file, sort_keys=False))
    found, inputs = DiagnosticCollector(), {policy: "incident.schema.json"}
    cases = parse_cases(source, parts.store, found)
    assert cases is not None
    built = case_documents([cases], inputs, parts.case_base, parts.store, found)
    assert not found.has_errors
    return ((case, document) for _, case, document in built)


def without_policies(tmp_path: Path) -> PolicyFolder:
    """The verifier's manifest and what its cases extend, which is read in no time."""
    for name in ("fixtures", "lists"):
        copytree(VERIFIER.parent / name, tmp_path / "rules" / name)
    folder = tmp_path / "rules" / "verifier"
    folder.mkdir()
    copy(VERIFIER / "set.yaml", folder)
    parts = read_folder(folder, DiagnosticCollector())
    assert parts is not None
    return parts
