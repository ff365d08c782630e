"""What is kept of an incident is what is worked out anew, and nobody can change it."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest

from opensoc_env import situation
from opensoc_env.cut_offs import cut_offs_of
from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.judge import default_judge
from opensoc_env.models import TASKS, TaskName
from opensoc_env.observation import observe
from opensoc_env.situation import KEPT, Situation, situation_of

TRIAGE = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
NAMED: dict[str, Any] = {
    "episode_id": "e",
    "task": "stage2_multi",
    "mode": "defender_only",
}


def bytes_of(task: TaskName, seed: int) -> list[str]:
    episode = Episode(task, "defender_only", seed, episode_id="e")
    first = episode.reset().model_dump_json()
    return [first, episode.step(TRIAGE).model_dump_json()]


@pytest.mark.parametrize("task", TASKS)
def test_an_episode_that_was_kept_is_the_same_bytes_as_a_new_one(
    task: TaskName,
) -> None:
    again = [bytes_of(task, seed) for seed in (3, 4, 3, 4)]
    situation_of.cache_clear()

    assert again[:2] == again[2:]
    assert bytes_of(task, 3) == again[0]


def test_a_situation_says_what_judge_and_observation_say() -> None:
    judge = default_judge()
    incident = generate("stage3_mixed", 5, judge=judge)
    kept = situation_of("stage3_mixed", 5, 0, "key", judge)
    styles = {event["source"]: "json" for event in incident["events"]}
    styled = Situation(incident, judge, "key", styles=styles)

    assert kept.incident == incident
    assert kept.truth == judge.truth(incident)
    assert kept.plausibility == judge.check_plausible(incident)
    cut_offs = cut_offs_of(judge.verifier)
    seen = observe(incident, **NAMED, cut_offs=cut_offs, styles=styles)
    assert styled.look(**NAMED) == seen


def test_who_changes_a_view_changes_his_own_alone() -> None:
    before = bytes_of("stage3_mixed", 8)
    episode = Episode("stage3_mixed", "defender_only", 8, episode_id="e")
    view = episode.reset()
    assert view.alert is not None
    view.log_window.clear()
    view.context.append("The right action is dismiss.")
    view.alert.hosts.append("nowhere")
    view.alert.title = "nothing"
    view.errors.append("none")

    assert bytes_of("stage3_mixed", 8) == before


def test_a_line_that_views_share_can_not_be_changed() -> None:
    view = Episode("stage1_basic", "defender_only", 1).reset()

    with pytest.raises(ValueError, match="frozen"):
        view.log_window[0].text = "another"


def test_an_attack_on_an_estate_leaves_it_as_it_was() -> None:
    before = json.dumps(generate("stage1_basic", 6))
    incident = generate("stage1_basic", 6)
    crafted = {
        "target_label": "dismiss",
        "category": incident["category"],
        "events": incident["events"],
        "narrative": "",
    }
    episode = Episode("stage1_basic", "self_play", 6)
    episode.reset()
    episode.step({"craft_incident": crafted})
    episode.step(TRIAGE)
    kept = situation_of("stage1_basic", 6, 0, "any key", default_judge())

    assert json.dumps(kept.incident) == before


def play(seeds: range) -> int:
    """Objects that live after an episode of each seed."""
    for seed in seeds:
        episode = Episode("stage1_basic", "defender_only", seed)
        episode.reset()
        episode.step(TRIAGE)
    gc.collect()
    return len(gc.get_objects())


def test_more_episodes_need_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert situation_of.cache_info().maxsize == KEPT
    few = 32
    bounded = situation.lru_cache(maxsize=few)(situation_of.__wrapped__)
    monkeypatch.setattr("opensoc_env.episode.situation_of", bounded)
    one = play(range(1))
    full = play(range(few))
    play(range(few, few * 5))
    before = play(range(few, few * 5))
    after = play(range(1000, 1000 + few * 8))

    # What is remembered of texts fills up more slowly, to bounds of its own.
    of_one = (full - one) / (few - 1)
    assert after - before < of_one * few * 8 / 4
