"""The real server on a real port, driven by curl, our client and openenv's client."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from openenv.core.generic_client import GenericEnvClient

from opensoc_engine import data_root
from opensoc_env.client import ClientError, OpenSOCClient
from opensoc_env.client_async import AsyncOpenSOCClient
from opensoc_env.episode import Episode
from opensoc_env.judge import default_judge
from opensoc_env.models import Observation
from opensoc_env.server.app import build_app

TRIAGE = {
    "submit_triage": {"action": "monitor", "cited_log_id": "L1-0", "rationale": "ok"}
}
Serve = Callable[[Any], str]
SECRETS = ("truth", "fired", "category", "target_label", "narrative", "scenario")


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(build_app(max_sessions=2))


def curl(*arguments: str) -> Any:
    done = subprocess.run(
        ["curl", "-sS", *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_documented_curl_lines_work(url: str) -> None:
    where = "task=stage1_basic&mode=defender_only"
    healthy = curl(f"{url}/health")
    observation = curl("-X", "POST", f"{url}/reset?{where}")
    done = curl(
        *("-X", "POST", f"{url}/step?{where}"),
        *("-H", "Content-Type: application/json", "-d", json.dumps(TRIAGE)),
    )
    graded = curl(f"{url}/grade?{where}")

    assert healthy["status"] == "healthy"
    assert done["episode_id"] == observation["episode_id"]
    assert done["done"]
    assert done["result"] == graded
    assert graded["policy_digest"] == default_judge().digest
    assert len(curl(f"{url}/tasks")["tasks"]) == 4
    assert curl(f"{url}/state?{where}")["done"]


def test_the_documented_python_lines_work(url: str) -> None:
    c = OpenSOCClient(url)
    obs = c.reset(task="stage1_basic", mode="defender_only", seed=1)
    result = c.step(TRIAGE, task="stage1_basic", mode="defender_only", seed=1)

    assert obs.alert is not None
    assert result.done
    assert result.reward == c.grade().reward


def documented() -> list[str]:
    """The Python examples of the page on the environment for the HTTP API."""
    text = (data_root() / "docs" / "environment.md").read_text("utf-8")
    part = text.partition("## Python")[2].partition("## OpenEnv")[0]
    return re.findall(r"```python\n(.*?)```", part, re.DOTALL)


@pytest.mark.parametrize("code", documented())
def test_a_documented_example_runs(
    url: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(code.replace("SOCClient()", f"SOCClient({url!r})"), {})  # noqa: S102 - ours

    assert ("print(" in code) == bool(capsys.readouterr().out.strip())


def test_callers_with_one_seed_do_not_clobber_each_other(url: str) -> None:
    first, second = OpenSOCClient(url), OpenSOCClient(url)
    one, other = first.reset(seed=7), second.reset(seed=7)
    answers = [first.step(TRIAGE), second.step(TRIAGE)]

    assert one.episode_id != other.episode_id
    assert one.log_window == other.log_window
    assert answers[0].reward == answers[1].reward


def test_64_callers_at_once_see_what_one_by_one_would(url: str) -> None:
    async def play(client: AsyncOpenSOCClient, seed: int) -> Observation:
        started = await client.reset(task="stage2_multi", seed=seed)
        return await client.step(TRIAGE, episode_id=started.episode_id)

    async def play_all() -> list[Observation]:
        async with AsyncOpenSOCClient(url) as client:
            return await asyncio.gather(*(play(client, seed) for seed in range(64)))

    together = asyncio.run(play_all())
    for seed, told in enumerate(together):
        alone = Episode(
            "stage2_multi", "defender_only", seed, episode_id=told.episode_id
        )
        alone.reset()
        assert told.model_dump_json() == alone.step(TRIAGE).model_dump_json()
    assert len({told.episode_id for told in together}) == 64


def test_a_seed_names_an_episode_without_its_id(url: str) -> None:
    with httpx.Client(base_url=url) as http:
        query = {"task": "stage2_multi", "mode": "defender_only", "seed": 11}
        started = [http.post("/reset", params=query).json() for _ in range(2)]
        stepped = [http.post("/step", params=query, json=TRIAGE) for _ in range(3)]

    ids = [answer.json().get("episode_id") for answer in stepped]
    assert ids == [started[0]["episode_id"], started[1]["episode_id"], None]
    assert stepped[2].status_code == 409
    assert stepped[2].json()["code"] == "already_done"


@pytest.mark.parametrize(
    "others",
    [
        [{"seed": 21}, {"seed": 21, "index": 1}],
        [{"seed": 22}, {"seed": 22, "split": "flips"}],
        [{"task": "stage2_multi"}, {"task": "stage2_multi"}],
    ],
    ids=["index", "split", "no seed"],
)
def test_a_turn_that_could_be_of_several_incidents_has_to_name_its_own(
    url: str, others: list[dict[str, Any]]
) -> None:
    with httpx.Client(base_url=url) as http:
        started = [http.post("/reset", params=query).json() for query in others]
        meant = {"task": started[1]["task"], "mode": "defender_only"} | (
            {"seed": others[0]["seed"]} if "seed" in others[0] else {}
        )
        if started[0]["task"] == started[1]["task"]:
            refused = http.post("/step", params=meant, json=TRIAGE)
            assert (refused.status_code, refused.json()["code"]) == (409, "ambiguous")
        for seen in started:
            query = {"episode_id": seen["episode_id"]}
            done = http.post("/step", params=query, json=TRIAGE).json()
            assert done["log_window"] == seen["log_window"]


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("POST", "/reset?sed=5", "query.sed"),
        ("POST", "/reset?seed=1&seed=2", "query.seed"),
        ("POST", "/reset?episode_id=x", "query.episode_id"),
        ("POST", "/step?index=1", "query.index"),
        ("GET", "/state?id=1", "query.id"),
        ("GET", "/grade?%00=1", "query.\0"),
    ],
)
def test_an_argument_that_would_be_ignored_is_refused(
    url: str, method: str, path: str, field: str
) -> None:
    body = TRIAGE if method == "POST" and "step" in path else None
    answer = httpx.request(method, url + path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
    assert answer.json()["errors"][0]["field"] == field


def test_a_reset_has_its_arguments_in_the_query(url: str) -> None:
    refused = httpx.post(f"{url}/reset", json={"seed": 5})

    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    assert "/reset?seed=1" in refused.json()["detail"]
    assert httpx.post(f"{url}/reset?seed=5", json={}).status_code == 200


def test_the_task_of_a_row_is_its_own(url: str) -> None:
    row = {"split": "holdout", "index": 199}
    refused = httpx.post(f"{url}/reset", params=row | {"task": "stage1_basic"})
    taken = [
        httpx.post(f"{url}/reset", params=row | more)
        for more in ({}, {"task": "stage4_adversarial"})
    ]

    assert refused.json()["errors"][0]["field"] == "task"
    assert {answer.json()["task"] for answer in taken} == {"stage4_adversarial"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_json"),
        (b'{"submit_triage": ', 400, "bad_json"),
        (b"[" * 500_000, 422, "bad_json"),
        (b'{"submit_triage": "\\ud800"}', 422, "bad_json"),
        (b'{"submit_triage": "%s"}' % (b"[" * 40), 422, "bad_action"),
        (b"[]", 422, "bad_action"),
        (b'{"submit_triage": {"action": "dance"}}', 422, "bad_action"),
        (b'{"dance": {}}', 422, "bad_action"),
        (b'{"submit_triage": {}, "craft_incident": {}}', 422, "bad_action"),
        (b'{"craft_incident": {}}', 409, "wrong_role"),
        (b" " * 10_000_000, 413, "too_large"),
    ],
)
def test_bad_input_costs_nothing(url: str, body: bytes, status: int, code: str) -> None:
    client = OpenSOCClient(url)
    name = client.reset(seed=3).episode_id
    answer = httpx.post(f"{url}/step", params={"episode_id": name}, content=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.step(TRIAGE).done


def test_a_step_before_a_reset_says_so(url: str) -> None:
    query = {"task": "stage4_adversarial", "seed": 424242}
    answer = httpx.post(f"{url}/step", params=query, json=TRIAGE)

    assert answer.status_code == 409
    assert "call /reset first" in answer.json()["detail"]


def test_a_wrong_task_names_the_field(url: str) -> None:
    answer = httpx.post(f"{url}/reset", params={"task": "stage9"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.task"


def test_a_grade_before_the_end_is_refused(url: str) -> None:
    client = OpenSOCClient(url)
    client.reset(seed=5)

    with pytest.raises(ClientError, match="not_done"):
        client.grade()


def test_nothing_of_the_truth_is_told_before_the_end(url: str) -> None:
    client = OpenSOCClient(url)
    observation = client.reset(task="stage3_mixed", seed=9)
    texts = [
        observation.model_copy(update={"result": None}).model_dump_json(
            exclude={"result"}
        ),
        client.state().model_dump_json(),
    ]

    assert observation.result is None
    for text in texts:
        assert not any(f'"{word}' in text for word in SECRETS)


def test_the_openenv_client_plays_an_episode(url: str) -> None:
    with GenericEnvClient(base_url=url).sync() as env:
        started = env.reset(task="stage1_basic", seed=1)
        done = env.step({"submit_triage": {"action": "dismiss"}})
        state = env.state()

    assert started.observation["log_window"]
    assert done.done
    assert done.reward == done.observation["result"]["reward"]
    assert state["step_count"] == 1
    assert "truth" not in json.dumps(state)


def test_a_server_that_is_away_is_named() -> None:
    with pytest.raises(ClientError, match="no answer from"):
        OpenSOCClient("http://127.0.0.1:9", timeout=2).health()
