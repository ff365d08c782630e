"""The page *Play* as Streamlit runs it, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")
pytest.importorskip("streamlit", reason="needs the app extra")

import streamlit as st
from streamlit.testing.v1 import AppTest

from opensoc_app.crafting import workbench
from opensoc_app.seating import HOUSE
from opensoc_env.episode import WAITING
from opensoc_env.finished import FinishedEpisode
from opensoc_env.judge import default_judge
from opensoc_env.server.openenv_environment import OpenSOCEnvironment
from opensoc_env.server.tables import Tables
from opensoc_env.situation import Situation, situation_of

TASK = "stage2_multi"


@cache
def attack() -> tuple[int, Situation]:
    """A seed whose incident has to be acted on, and what is known of it."""
    for seed in range(100):
        situation = situation_of(TASK, seed, 0, "", default_judge())
        if situation.truth.findings:
            return seed, situation
    raise AssertionError("all incidents are benign")


def table(role: str) -> dict[str, Any]:
    asked = {"mode": "self_play", "opponent": "human", "episode_id": "table"}
    return {**asked, "task": TASK, "seed": attack()[0], "role": role}


class Server:
    """What a page shares with the sessions of its process."""

    def __init__(self) -> None:
        self.tables = Tables(wait=0.0)
        self.kept: list[FinishedEpisode] = []

    def start(self) -> OpenSOCEnvironment:
        return OpenSOCEnvironment(tables=self.tables, on_finish=self.kept.append)

    def other(self, role: str) -> OpenSOCEnvironment:
        session = self.start()
        session.reset(**table(role))
        return session


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    HOUSE.use(server.start)
    yield server
    st.cache_resource.clear()


def script() -> None:
    from opensoc_app.play_page import show  # noqa: PLC0415 - run by itself

    show()


def opened() -> AppTest:
    return AppTest.from_function(script, default_timeout=60).run()


def seated(role: str, opponent: str) -> AppTest:
    page = opened()
    page.radio("role").set_value(role).run()
    page.selectbox("opponent").select(opponent)
    page.selectbox("task").select(TASK)
    page.number_input("seed").set_value(attack()[0]).run()
    if opponent == "human":
        page.text_input("table").set_value("table")
    return page.button("sit").click().run()


def shown(page: AppTest) -> str:
    """All that the page says, as text."""
    assert not page.exception
    kinds = ("html", "caption", "subheader", "code", "markdown", "success", "info")
    return "\n".join(str(item.value) for kind in kinds for item in page.get(kind))


def crafted() -> dict[str, Any]:
    turn: dict[str, Any] = json.loads(workbench(TASK, attack()[0]).text)
    return turn


@pytest.mark.usefixtures("server")
def test_a_person_defends_alone_and_is_graded() -> None:
    page = seated("defender", "template")
    _, situation = attack()
    before = shown(page)
    page.radio("action").set_value(situation.truth.outcome)
    page.text_area("rationale").set_value("<img src=x> & so on")
    page.button("send").click().run()
    after = shown(page)

    assert "Log window" in before
    assert "The rules say" not in before
    assert f'<div class="os-action">{1.0:+.2f}' in after
    assert "&lt;img src=x&gt; &amp; so on" in after
    assert "os-lit" in after


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("role", "opponent"), [("defender", "template"), ("attacker", "random")]
)
def test_nothing_of_the_truth_is_on_the_page_before_the_end(
    role: str, opponent: str
) -> None:
    page = seated(role, opponent)
    _, situation = attack()
    before = shown(page) + "".join(str(area.value) for area in page.text_area)
    rules = [finding.rule for finding in situation.truth.findings]

    hidden = [situation.incident["narrative"], situation.incident["category"], *rules]
    assert [word for word in hidden if word in before] == []
    assert "os-lit" not in before


def test_a_person_meets_an_attacker_of_the_same_process(server: Server) -> None:
    page = seated("defender", "human")
    waiting = shown(page)
    attacker = server.other("attacker")
    attacker.play("craft_incident", crafted())
    page.run()
    page.radio("action").set_value("dismiss")
    page.button("send").click().run()
    fooled = attacker.reset(**table("attacker"))

    assert WAITING["attacker"] in waiting
    assert "episode_id='table'" in waiting
    assert (fooled.done, fooled.reward) == (True, pytest.approx(1.2))
    assert f"{1.2:+.2f}" in shown(page)
    assert [(e.episode_id, e.opponent) for e in server.kept] == [("table", "human")]


def test_a_person_attacks_a_session_and_waits_for_it(server: Server) -> None:
    page = seated("attacker", "human")
    page.button("send").click().run()
    waiting = shown(page)
    defender = server.other("defender")
    defender.play("submit_triage", {"action": "dismiss"})
    page.run()

    assert WAITING["defender"] in waiting
    assert "could have happened" in shown(page)


@pytest.mark.usefixtures("server")
def test_text_that_is_no_json_costs_nothing() -> None:
    page = seated("attacker", "always_dismiss")
    page.text_area("incident").set_value('{"target_label": ')
    page.button("send").click().run()

    assert "line 1, column 18" in shown(page)
    assert "The rules say" not in shown(page)


@pytest.mark.usefixtures("server")
def test_a_check_names_fields_and_what_was_expected_and_costs_nothing() -> None:
    page = seated("attacker", "always_dismiss")
    turn = {**crafted(), "target_label": "<b>panic</b>"}
    page.text_area("incident").set_value(json.dumps(turn))
    page.button("check").click().run()
    refused = shown(page)
    page.text_area("incident").set_value(json.dumps(crafted()))
    page.button("check").click().run()

    assert 'os-id">target_label</span>' in refused
    assert "expected" in refused
    assert "<b>panic" not in refused
    assert "It fits the schema" in shown(page)
    assert "The rules say" not in shown(page)


@pytest.mark.usefixtures("server")
def test_an_incident_that_does_not_fit_ends_the_episode_as_on_the_wire() -> None:
    page = seated("attacker", "always_dismiss")
    page.text_area("incident").set_value('{"target_label": "dismiss"}')
    page.button("send").click().run()

    assert "its incident does not fit the schema" in shown(page)
    assert f"{-0.5:+.2f}" in shown(page)
    assert 'os-id">events</span>' in shown(page)


@pytest.mark.usefixtures("server")
def test_an_implausible_incident_is_objected_to_by_name() -> None:
    page = seated("attacker", "always_dismiss")
    turn = json.dumps(crafted()).replace('"name": "', '"name": "not-')
    page.text_area("incident").set_value(turn)
    page.button("send").click().run()

    assert "could not have happened" in shown(page)
    assert "unknown-host" in shown(page)


def test_a_seat_that_is_taken_is_said_and_the_person_stays_in_the_lobby(
    server: Server,
) -> None:
    server.other("defender")
    page = seated("defender", "human")

    assert "the defender of `table` is taken" in shown(page)
    assert page.button("sit")


def test_a_person_who_leaves_or_goes_on_frees_the_seat(server: Server) -> None:
    page = seated("defender", "human")
    sat = len(server.tables)
    page.button("leave").click().run()

    assert (sat, len(server.tables)) == (1, 0)
    assert page.text_input("table").value == "table"


def test_after_the_end_comes_the_next_seed(server: Server) -> None:
    page = seated("defender", "template")
    page.button("send").click().run()
    page.button("again").click().run()

    assert len(server.kept) == 1
    assert page.number_input("seed").value == attack()[0] + 1
    assert page.selectbox("opponent").value == "template"


def test_a_link_says_where_to_sit_and_may_say_anything() -> None:
    HOUSE.use(Server().start)
    page = AppTest.from_function(script, default_timeout=60)
    page.query_params["episode_id"] = "x" * 999
    page.query_params["seed"] = "-1"
    page.query_params["role"] = "referee"
    page.query_params["task"] = TASK
    page.run()
    st.cache_resource.clear()

    assert page.text_input("table").value == "x" * 255
    assert (page.number_input("seed").value, page.radio("role").value) == (
        1,
        "defender",
    )
    assert page.selectbox("task").value == TASK


def test_a_server_with_a_key_asks_for_it() -> None:
    HOUSE.use(Server().start, "tango")
    page = opened()
    page.text_input("server-key").set_value("foxtrot").run()
    shut = [item.key for item in page.button]
    page.text_input("server-key").set_value("tango").run()
    st.cache_resource.clear()

    assert shut == []
    assert page.button("sit")


def test_without_the_serve_extra_the_page_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("opensoc_app.play_page.find_spec", lambda _: None)
    page = opened()

    assert "opensoc[app,serve]" in page.error[0].value
    assert not page.button
