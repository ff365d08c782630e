"""Episodes: turns, errors that cost nothing, both rewards, and nothing told early."""

from __future__ import annotations

from typing import Any

import pytest

from opensoc_engine import InputError
from opensoc_env.episode import Episode, EpisodeError
from opensoc_env.generator import generate
from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS, TASKS, Mode, Observation, TaskName
from opensoc_env.novelty import Archive

TRIAGE = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
SEED = 11


def begun(mode: Mode = "defender_only", task: TaskName = "stage2_multi") -> Episode:
    episode = Episode(task, mode, SEED)
    episode.reset()
    return episode


def truth_of(task: TaskName = "stage2_multi", seed: int = SEED) -> str:
    return default_judge().truth(generate(task, seed)).outcome


def crafted(seed: int = SEED, **change: Any) -> dict[str, Any]:
    """The generator's own incident as an attacker would send it."""
    base = generate("stage2_multi", seed)
    part = {
        "target_label": "dismiss",
        "category": base["category"],
        "events": base["events"],
        "narrative": "nothing to see",
    }
    return {"craft_incident": part | change}


def wrong_answer(truth: str) -> dict[str, Any]:
    action = next(item for item in ACTIONS if item != truth)
    return {"submit_triage": {"action": action}}


def right_answer(truth: str) -> dict[str, Any]:
    return {"submit_triage": {"action": truth}}


def code_of(episode: Episode, action: Any) -> str:
    with pytest.raises(EpisodeError) as caught:
        episode.step(action)
    return caught.value.code


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_gives_the_same_episode(task: TaskName) -> None:
    def played() -> list[str]:
        episode = Episode(task, "defender_only", SEED)
        views = [episode.reset(), episode.step(TRIAGE)]
        return [view.model_dump_json() for view in views]

    assert played() == played()


def test_another_seed_gives_another_window() -> None:
    one = Episode("stage2_multi", "defender_only", 1).reset()
    other = Episode("stage2_multi", "defender_only", 2).reset()

    assert one.log_window != other.log_window
    assert one.episode_id != other.episode_id


def test_right_action_is_rewarded_and_explained_at_the_end() -> None:
    view = begun().step(right_answer(truth_of()))

    assert view.done
    assert view.reward is not None
    assert view.reward >= 1
    assert view.result is not None
    assert view.result.truth_action == truth_of()
    assert view.result.policy_digest == default_judge().digest
    assert (view.result.plausible, view.result.attacker_reward) == (None, None)


@pytest.mark.parametrize("mode", ["defender_only", "self_play"])
def test_nothing_of_the_truth_is_told_before_the_end(mode: Mode) -> None:
    episode = begun(mode)
    views = [episode.reset()]
    if mode == "self_play":
        views.append(episode.step(crafted()))
    base = generate("stage2_multi", SEED)
    hidden = [*(p.slug.text for p in default_judge().verifier.policies)]
    hidden += [base.get("category", "-"), "nothing to see", "target_label"]

    for view in views:
        assert view.result is None
        assert view.reward is None
        text = view.model_dump_json() + episode.state().model_dump_json()
        assert [word for word in hidden if word in text] == []


def test_step_before_reset_is_refused() -> None:
    episode = Episode("stage1_basic", "defender_only", 1)

    assert code_of(episode, TRIAGE) == "not_reset"


def test_step_after_the_end_is_refused() -> None:
    episode = begun()
    episode.step(TRIAGE)

    assert code_of(episode, TRIAGE) == "already_done"


def test_grade_before_the_end_is_refused() -> None:
    with pytest.raises(EpisodeError) as caught:
        begun().grade()

    assert caught.value.code == "not_done"


def test_grade_after_the_end_is_the_result() -> None:
    episode = begun()

    assert episode.step(TRIAGE).result == episode.grade()


def test_reset_begins_the_same_episode_again() -> None:
    episode = begun()
    first = episode.reset()
    episode.step(TRIAGE)

    assert episode.reset() == first
    assert episode.state().step_count == 0


@pytest.mark.parametrize(
    ("mode", "action"),
    [("defender_only", {"craft_incident": {}}), ("self_play", TRIAGE)],
)
def test_turn_of_the_other_side_is_refused(mode: Mode, action: Any) -> None:
    assert code_of(begun(mode), action) == "wrong_role"


@pytest.mark.parametrize(
    "action",
    [
        None,
        [],
        "submit_triage",
        {},
        {"explode": {}},
        {**TRIAGE, "craft_incident": {}},
        {"submit_triage": None},
        {"submit_triage": {}},
        {"submit_triage": {"action": "explode"}},
        {"submit_triage": {"action": ["monitor"]}},
        {"submit_triage": {"action": "monitor", "confidence": 1}},
        {"submit_triage": {"action": "monitor", "rationale": "x" * 4_001}},
        {"submit_triage": {"action": "monitor", "cited_log_id": "x" * 65}},
        {"submit_triage": {"action": "monitor", "rationale": "\ud800"}},
        {1: {}},
    ],
)
def test_malformed_action_is_refused_and_costs_nothing(action: Any) -> None:
    episode = begun()
    before = episode.state()

    assert code_of(episode, action) == "bad_action"
    assert episode.state() == before
    assert episode.step(TRIAGE).done


def test_bad_action_names_the_field_and_what_was_expected() -> None:
    with pytest.raises(EpisodeError) as caught:
        begun().step({"submit_triage": {"action": "explode"}})

    assert caught.value.field == "submit_triage.action"
    assert "'quarantine_host'" in caught.value.expected


def test_forfeit_is_a_format_violation() -> None:
    view = begun().forfeit()

    assert view.result is not None
    assert view.result.answer is None
    assert view.reward == -1


def test_state_counts_turns_and_tells_whose_it_is() -> None:
    episode = begun("self_play")
    roles = [episode.state().role]
    episode.step(crafted())
    roles.append(episode.state().role)

    assert roles == ["attacker", "defender"]
    assert episode.state().step_count == 1


def test_defender_meets_the_events_that_the_attacker_crafted() -> None:
    view = begun("self_play").step(crafted())

    events = generate("stage2_multi", SEED)["events"]
    assert [line.log_id for line in view.log_window] == [e["log_id"] for e in events]


def fool(archive: Archive) -> Observation:
    episode = Episode("stage2_multi", "self_play", SEED, archive=archive)
    episode.reset()
    episode.step(crafted())
    return episode.step(wrong_answer(truth_of()))


def test_attacker_that_fools_the_defender_is_paid_less_for_the_same_pattern() -> None:
    archive = Archive()

    results = [fool(archive).result, fool(archive).result]

    paid = [result.attacker_reward for result in results if result is not None]
    assert paid == [pytest.approx(1.2), pytest.approx(1.1)]


def test_attacker_gets_nothing_when_the_defender_is_right() -> None:
    episode = begun("self_play")
    episode.step(crafted())
    result = episode.step(right_answer(truth_of())).result

    assert result is not None
    assert result.plausible is True
    assert result.attacker_reward == 0


def names_a_host(seed: int) -> bool:
    events = generate("stage2_multi", seed)["events"]
    return any("host" in event["fields"] for event in events)


def unknown_host(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    changed = []
    for event in events:
        fields = dict(event["fields"])
        if "host" in fields:
            fields["host"] = {"name": "no-such-host"}
        changed.append(event | {"fields": fields})
    return changed


def test_implausible_incident_goes_to_the_defender_and_earns_nothing() -> None:
    archive = Archive()
    seed = next(seed for seed in range(100) if names_a_host(seed))
    episode = Episode("stage2_multi", "self_play", seed, archive=archive)
    episode.reset()
    events = unknown_host(generate("stage2_multi", seed)["events"])
    view = episode.step(crafted(events=events))
    assert (view.done, view.role, view.errors) == (False, "defender", [])
    result = episode.forfeit().result

    assert result is not None
    assert result.plausible is False
    assert "unknown-host" in {item.rule for item in result.violations}
    assert result.attacker_reward == 0
    assert len(archive) == 0


def test_incident_off_the_schema_costs_the_attacker_and_is_dismissed() -> None:
    view = begun("self_play").step(crafted(events=[{"event_type": "nonsense"}]))

    assert view.done
    assert view.reward == -0.5
    assert view.result is not None
    assert view.result.truth_action == "dismiss"
    assert view.result.reward is None
    assert view.result.attacker_reward == -0.5
    assert view.errors
    assert view.result.violations[0].field.startswith("events[0]")


def test_attacker_that_can_not_be_read_forfeits_like_one_off_the_schema() -> None:
    view = begun("self_play").forfeit()

    assert (view.done, view.reward) == (True, -0.5)


def test_claims_of_the_attacker_change_no_reward() -> None:
    def paid(**claims: Any) -> tuple[float | None, float | None]:
        episode = begun("self_play")
        episode.step(crafted(**claims))
        result = episode.step(TRIAGE).result
        assert result is not None
        return result.reward, result.attacker_reward

    assert paid(target_label="escalate", narrative="Please dismiss.") == paid()


def test_hostile_key_stays_one_short_line_in_the_error() -> None:
    with pytest.raises(EpisodeError) as caught:
        begun().step({"submit_triage": {"action": "monitor", "x\n" * 9_999: 1}})

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("rubric", ["defender.v9", "attacker.v2"])
def test_rubric_that_can_not_grade_the_side_is_refused_at_once(rubric: str) -> None:
    with pytest.raises(InputError, match=r"defender\.v1, defender\.v2"):
        Episode("stage1_basic", "defender_only", 1, defender_rubric=rubric)


def test_episode_under_the_first_rubrics_pays_their_constants() -> None:
    episode = Episode(
        "stage2_multi", "defender_only", SEED, defender_rubric="defender.v1"
    )
    episode.reset()

    assert episode.forfeit().reward == -0.1
