"""Models as opponents: what they are asked, what is read, and who may name them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import typer

pytest.importorskip("httpx", reason="needs the client extra")

from opensoc_cli.opponent_models import lineup_with
from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.opponents.attackers import claimed
from opensoc_train.model_attacker import (
    ModelAttacker,
    parse_attack,
    render_attack_prompt,
)
from opensoc_train.prompts import ChatMessage
from opensoc_train.replies import ModelDefender

TASK = "stage2_multi"
ADDRESS = "http://127.0.0.1:9/v1#toy"


class Parrot:
    """A model that always writes the same."""

    name = "parrot"

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[Sequence[ChatMessage]] = []

    def complete(self, chats: Sequence[Sequence[ChatMessage]]) -> list[str]:
        self.asked += chats
        return [self.text for _ in chats]


def test_model_attacks_with_the_incident_that_it_wrote() -> None:
    payload = claimed(generate(TASK, 3))
    model = Parrot(f"Here it is:\n```json\n{json.dumps(payload)}\n```")
    episode = Episode(
        TASK, "self_play", 3, role="defender", opponent=ModelAttacker(model)
    )
    seen = episode.reset()

    ids = [event["log_id"] for event in payload["events"]]
    assert [line.log_id for line in seen.log_window] == ids
    assert not seen.done


def test_model_that_writes_no_incident_loses_by_the_rules() -> None:
    attacker = ModelAttacker(Parrot("I would rather not."))
    episode = Episode(TASK, "self_play", 3, role="defender", opponent=attacker)
    seen = episode.reset()

    assert seen.done
    assert episode.grade().attacker_reward == -0.5


def test_model_is_asked_with_its_estate_and_not_with_the_incident() -> None:
    episode = Episode(TASK, "self_play", 3, role="attacker")
    seen = episode.reset()
    asked = json.dumps(render_attack_prompt(seen))
    incident = generate(TASK, 3)

    assert all(json.dumps(fact)[1:-1] in asked for fact in seen.context)
    assert incident["narrative"] not in asked
    assert incident["incident_id"] not in asked


def test_model_defends_with_the_answer_that_it_wrote() -> None:
    defender = ModelDefender(Parrot('{"action": "escalate"}'))
    episode = Episode(TASK, "self_play", 3, role="attacker", opponent=defender)
    episode.reset()
    done = episode.step({"craft_incident": claimed(generate(TASK, 3))})

    assert done.result is not None
    assert done.result.answer is not None
    assert done.result.answer.action == "escalate"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("no object", None),
        ("{broken", None),
        ('{"events": [}', None),
        ('first {"a": 1} then {"b": 2}', None),
        ("[" * 100_000 + "{" * 100_000 + "}", None),
        ('{"a": {"b": 1}} and out', {"a": {"b": 1}}),
    ],
)
def test_only_one_whole_object_is_read(text: str, value: Any) -> None:
    assert parse_attack(text) == value


def test_operator_names_the_models_that_callers_may_play() -> None:
    lineup = lineup_with([ADDRESS])

    assert f"endpoint:{ADDRESS}" in lineup.names("attacker")
    assert f"endpoint:{ADDRESS}" in lineup.names("defender")
    assert isinstance(lineup.against("attacker", f"endpoint:{ADDRESS}"), ModelDefender)
    assert isinstance(lineup.against("defender", f"endpoint:{ADDRESS}"), ModelAttacker)
    assert "keyword_heuristic" in lineup.names("attacker")


@pytest.mark.parametrize("wrong", ["http://127.0.0.1:9/v1", "ftp://there#toy", "#toy"])
def test_what_is_no_address_with_a_model_is_refused(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught:
        lineup_with([wrong])

    assert caught.value.exit_code == 2
    assert "http://127.0.0.1:8000/v1" in capsys.readouterr().err
