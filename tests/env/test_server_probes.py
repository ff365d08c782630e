"""Readiness, liveness and what the server counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from starlette.testclient import TestClient

from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS
from opensoc_env.server.app import build_app
from opensoc_env.server.probes import self_check
from opensoc_env.store import EpisodeStore

ANSWER = {"submit_triage": {"action": "monitor"}}


def samples(client: TestClient) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in rows if "_created" not in name}


def changed(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    moved = {name: value - before.get(name, 0) for name, value in after.items()}
    return {name: by for name, by in moved.items() if by and "seconds" not in name}


def test_a_server_that_can_judge_is_ready_and_names_its_policies() -> None:
    told = TestClient(build_app()).get("/readyz").json()

    assert told["status"] == "ready"
    assert told["policy_digest"] == default_judge().digest
    assert told["policies"].keys() == {"verifier", "plausibility", "rubric"}
    assert not set(ACTIONS) & set(str(told).split("'"))


def test_policies_that_judge_wrongly_are_not_ready() -> None:
    judge = default_judge()
    swapped = replace(judge, plausibility=judge.verifier)
    client = TestClient(build_app(judge=swapped))
    told = client.get("/readyz")

    assert self_check(judge) == ""
    assert told.status_code == 503
    assert told.json()["code"] == "not_ready"
    assert "no plausible incident" in told.json()["detail"]
    assert client.get("/healthz").json() == {"status": "alive"}


def test_a_page_counts_what_was_played() -> None:
    client = TestClient(build_app())
    before = samples(client)
    name = client.post("/reset", params={"seed": 3}).json()["episode_id"]
    reward = client.post("/step", params={"episode_id": name}, json=ANSWER).json()
    moved = changed(before, samples(client))

    labels = '{mode="defender_only",task="stage1_basic"}'
    assert moved[f"opensoc_episodes_started_total{labels}"] == 1
    assert moved[f"opensoc_episodes_finished_total{labels}"] == 1
    assert moved['opensoc_reward_count{side="defender"}'] == 1
    assert moved['opensoc_reward_earned{side="defender"}'] == reward["reward"]


def test_sessions_are_counted_like_requests() -> None:
    client = TestClient(build_app())
    with client, client.websocket_connect("/ws") as socket:
        socket.send_json({"type": "reset", "data": {"seed": 1}})
        socket.receive_json()
        running = samples(client)
        socket.send_json({"type": "step", "data": ANSWER})
        socket.receive_json()
        moved = changed(running, samples(client))

    labels = '{mode="defender_only",task="stage1_basic"}'
    assert running["opensoc_sessions"] == 1
    assert running[f"opensoc_episodes_started_total{labels}"] == 1
    assert moved[f"opensoc_episodes_finished_total{labels}"] == 1


def test_who_comes_back_to_a_seat_starts_no_episode() -> None:
    client = TestClient(build_app())
    before = samples(client)
    seat = {"role": "attacker", "opponent": "human", "episode_id": "table"}
    with client, client.websocket_connect("/ws") as socket:
        for _ in range(3):
            socket.send_json({"type": "reset", "data": seat})
            assert socket.receive_json()["type"] == "observation"
        moved = changed(before, samples(client))

    labels = '{mode="self_play",task="stage1_basic"}'
    assert moved[f"opensoc_episodes_started_total{labels}"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_moves_before_the_end_depends_on_the_truth(seed: int) -> None:
    client = TestClient(build_app())
    query = {"task": "stage2_multi", "seed": seed}
    before = samples(client)
    client.post("/reset", params=query)
    client.get("/grade", params=query)
    client.get("/state", params=query)
    client.post("/step", params=query, json={"submit_triage": {"action": "dance"}})
    moved = changed(before, samples(client))

    assert moved == {
        'opensoc_episodes_started_total{mode="defender_only",task="stage2_multi"}': 1,
        "opensoc_episodes_running": 1,
        'opensoc_refusals_total{code="not_done"}': 1,
        'opensoc_refusals_total{code="bad_action"}': 1,
    }


def test_refusals_are_counted_by_code() -> None:
    client = TestClient(build_app())
    client.get("/nowhere/at/all")
    client.post("/step", content=b" " * 2_000_000)
    client.post("/reset", params={"task": "stage9"})
    client.post("/reset", headers={"Origin": "https://elsewhere.example"})
    with client, client.websocket_connect("/ws") as socket:
        socket.send_text("[]")
        socket.receive_json()
    found = {name for name in samples(client) if "refusals" in name}

    codes = ("not_found", "too_large", "bad_request", "wrong_origin", "invalid_json")
    assert found == {f'opensoc_refusals_total{{code="{code}"}}' for code in codes}


def test_a_path_that_nobody_serves_is_one_label() -> None:
    client = TestClient(build_app())
    for number in range(30):
        client.get(f"/nowhere/{number}/at/all")
    routes = {name for name in samples(client) if "request_seconds_count" in name}

    assert 'opensoc_request_seconds_count{route="other"}' in routes
    assert len(routes) <= 2


def test_finished_episodes_are_kept_before_they_are_told(tmp_path: Any) -> None:
    with EpisodeStore.open(tmp_path / "episodes.db") as store:
        client = TestClient(build_app(store=store))
        name = client.post("/reset", params={"seed": 3}).json()["episode_id"]
        told = client.post("/step", params={"episode_id": name}, json=ANSWER).json()
        kept = [stored.episode for stored in store.list()]

    assert [episode.episode_id for episode in kept] == [name]
    assert kept[0].result.model_dump(mode="json") == told["result"]


def test_an_episode_that_can_not_be_kept_is_a_problem_without_its_reason(
    tmp_path: Any,
) -> None:
    store = EpisodeStore.open(tmp_path / "episodes.db")
    client = TestClient(build_app(store=store), raise_server_exceptions=False)
    name = client.post("/reset", params={"seed": 3}).json()["episode_id"]
    store.close()
    told = client.post("/step", params={"episode_id": name}, json=ANSWER)

    assert told.status_code == 503
    assert told.json()["code"] == "not_kept"
    assert str(tmp_path) not in told.text


def test_a_failure_of_ours_is_counted() -> None:
    app = build_app()

    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError

    client = TestClient(app, raise_server_exceptions=False)

    assert client.get("/broken").json()["code"] == "internal_error"
    assert samples(client)['opensoc_refusals_total{code="internal_error"}'] == 1
