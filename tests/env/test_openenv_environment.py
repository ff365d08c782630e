"""The environment object alone: what is refused after close, and the rubric tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from openenv.core.env_server.mcp_types import CallToolAction, ListToolsAction

from opensoc_env.episode import WAITING, EpisodeError
from opensoc_env.finished import FinishedEpisode
from opensoc_env.generator import generate
from opensoc_env.judge import default_judge
from opensoc_env.server.openenv_environment import OpenSOCEnvironment
from opensoc_env.server.openenv_messages import TriageAction
from opensoc_env.server.tables import Tables

ANSWER = {"action": "dismiss"}
DISMISS = TriageAction(submit_triage=ANSWER)


def truth_of(seed: int) -> str:
    return default_judge().truth(generate("stage2_multi", seed)).outcome


# One that is missed by whoever dismisses it, whatever the scenarios are.
SEED = next(seed for seed in range(100) if truth_of(seed) != "dismiss")


def crafted() -> TriageAction:
    """The generator's own incident as an attacker would send it."""
    base = generate("stage2_multi", SEED)
    keys = ("target_label", "category", "events", "narrative")
    return TriageAction(craft_incident={key: base[key] for key in keys})


def begun(**arguments: Any) -> OpenSOCEnvironment:
    environment = OpenSOCEnvironment()
    environment.reset(seed=SEED, task="stage2_multi", **arguments)
    return environment


@pytest.mark.parametrize(
    "call",
    [
        lambda env: env.reset(seed=1),
        lambda env: env.step(DISMISS),
        lambda env: env.step(ListToolsAction()),
        lambda env: env.step(
            CallToolAction(tool_name="submit_triage", arguments=ANSWER)
        ),
        lambda env: env.play("submit_triage", ANSWER),
        lambda env: env.state,
        lambda env: env.mcp_server,
    ],
)
def test_after_close_every_call_fails(
    call: Callable[[OpenSOCEnvironment], Any],
) -> None:
    environment = begun()
    call(begun())
    environment.close()

    with pytest.raises(EpisodeError, match="the session was closed"):
        call(environment)


def test_a_bug_of_ours_is_told_to_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: FinishedEpisode) -> None:
        raise KeyError("the truth")

    environment = OpenSOCEnvironment(on_finish=fail)
    environment.reset(seed=SEED)
    with pytest.raises(EpisodeError) as refusal:
        environment.step(DISMISS)

    assert (refusal.value.code, refusal.value.__cause__) == ("internal_error", None)
    assert "the truth" not in str(refusal.value)
    assert "the truth" in caplog.text


def test_a_refused_reset_leaves_the_episode_as_it_was() -> None:
    environment = begun()
    with pytest.raises(EpisodeError, match="task"):
        environment.reset(task="stage9")

    assert environment.step(DISMISS).done


def scores(environment: OpenSOCEnvironment) -> dict[str, float | None]:
    return {name: part.last_score for name, part in environment.rubric.named_rubrics()}


def test_components_of_the_reward_have_readable_names() -> None:
    names = set(scores(OpenSOCEnvironment()))

    assert {"defender", "attacker"} <= names
    assert {
        "defender.correct",
        "defender.missed",
        "defender.over_react",
        "defender.evidence",
        "attacker.fooled",
        "attacker.novelty",
        "attacker.schema",
    } <= names


def test_components_are_the_graded_terms_and_sum_to_the_reward() -> None:
    environment = begun(role="attacker", opponent="always_dismiss")
    seen = environment.step(crafted())

    found, result = scores(environment), seen.result
    assert found["defender.missed"] == -1
    assert found["defender"] == pytest.approx(result.reward)
    assert found["attacker.fooled"] == 1
    assert found["attacker"] == pytest.approx(seen.reward) == result.attacker_reward
    assert environment.rubric.last_score == seen.reward


def test_scores_are_the_same_for_who_looked_before_and_who_looks_after() -> None:
    early, late = OpenSOCEnvironment(), OpenSOCEnvironment()
    assert early.rubric.last_score is None
    for environment in (early, late):
        environment.reset(seed=SEED, task="stage2_multi")
        environment.step(DISMISS)

    assert scores(early) == scores(late)
    assert early.rubric.last_score == -1


def test_scores_are_forgotten_at_reset() -> None:
    environment = begun()
    environment.step(DISMISS)
    scored = environment.rubric.last_score
    environment.reset(seed=SEED)

    assert scored is not None
    assert set(scores(environment).values()) == {None}


def test_the_same_attack_pays_less_in_the_same_session() -> None:
    environment = OpenSOCEnvironment()
    paid = []
    for _ in range(2):
        environment.reset(
            seed=SEED, task="stage2_multi", role="attacker", opponent="always_dismiss"
        )
        paid.append(environment.step(crafted()).reward)

    assert paid == [pytest.approx(1.2), pytest.approx(1.1)]


def seated(tables: Tables, role: str, **more: Any) -> OpenSOCEnvironment:
    environment = OpenSOCEnvironment(tables=tables)
    environment.reset(**TABLE, role=role, **more)
    return environment


TABLE = {
    "seed": SEED,
    "task": "stage2_multi",
    "opponent": "human",
    "episode_id": "table",
    "mode": "self_play",
}


def test_a_side_waits_only_for_a_while_and_is_told_whose_turn_it_is() -> None:
    tables = Tables(wait=0.01)
    attacker = seated(tables, "attacker")
    waiting = attacker.step(crafted())

    assert (waiting.done, waiting.role) == (False, "defender")
    assert waiting.instructions == WAITING["defender"]
    assert waiting.alert is None


def test_reset_comes_back_to_the_seat_and_to_the_end() -> None:
    tables = Tables(wait=0.01)
    attacker = seated(tables, "attacker")
    attacker.step(crafted())
    again = attacker.reset(**TABLE, role="attacker")
    defender = seated(tables, "defender")
    graded = defender.step(DISMISS)
    told = attacker.reset(**TABLE, role="attacker")

    assert not again.done
    assert attacker.state.step_count == 2
    assert (told.done, told.result) == (True, graded.result)
    assert told.reward == told.result.attacker_reward


def test_the_default_task_is_the_same_whether_it_is_named_or_not() -> None:
    tables = Tables(wait=0.01)
    unnamed = {**TABLE, "task": None, "role": "attacker"}
    OpenSOCEnvironment(tables=tables).reset(**unnamed)
    named = {**TABLE, "task": "stage1_basic", "role": "defender"}
    told = OpenSOCEnvironment(tables=tables).reset(**named)

    assert told.instructions == WAITING["attacker"]


def test_a_side_can_not_take_the_other_sides_turn() -> None:
    tables = Tables(wait=0.01)
    seated(tables, "attacker")
    defender = seated(tables, "defender")
    with pytest.raises(EpisodeError, match="this session plays the defender"):
        defender.step(crafted())


def test_a_table_is_cleared_when_both_have_left() -> None:
    tables = Tables(wait=0.01)
    attacker, defender = seated(tables, "attacker"), seated(tables, "defender")
    attacker.close()
    still = len(tables)
    defender.reset(seed=1)

    assert (still, len(tables)) == (1, 0)


def test_finished_episode_of_a_table_is_recorded_once() -> None:
    records: list[FinishedEpisode] = []
    tables = Tables(wait=0.01)
    attacker = OpenSOCEnvironment(tables=tables, on_finish=records.append)
    attacker.reset(**TABLE, role="attacker")
    attacker.step(crafted())
    seated(tables, "defender").step(DISMISS)

    (record,) = records
    assert (record.episode_id, record.opponent) == ("table", "human")
