"""Sessions of the `openenv` package on a real server: roles, tools, splits, load."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from openenv.core.generic_client import GenericEnvClient
from openenv.core.mcp_client import MCPToolClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import ClientConnection as NowConnection
from websockets.sync.client import connect as connect_now

from opensoc_env.generator import generate
from opensoc_env.judge import default_judge
from opensoc_env.models import MAX_CITED, TASKS, SubmitTriage
from opensoc_env.openenv_client import OpenSOCEnv, TriageAction
from opensoc_env.server.app import build_app
from opensoc_env.situation import situation_of
from opensoc_env.splits import SPLITS, split_row, split_size

SESSIONS = 64
TRIAGE = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
Reply = dict[str, Any]
Serve = Callable[[Any], str]


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(build_app(max_sessions=SESSIONS))


class Session:
    """A session as the wire sees it."""

    def __init__(self, connection: NowConnection) -> None:
        self._socket = connection

    def say(self, kind: str, **data: Any) -> Reply:
        message: Reply = {"type": kind}
        if kind != "state":
            message["data"] = data
        self._socket.send(json.dumps(message))
        reply: Reply = json.loads(self._socket.recv(timeout=30))
        return reply

    def told(self, kind: str, **data: Any) -> Reply:
        """What came back, which is no error."""
        reply = self.say(kind, **data)
        assert reply["type"] != "error", reply
        found: Reply = reply["data"]
        return found

    def refused(self, kind: str, **data: Any) -> str:
        """The message of the error that came back."""
        reply = self.say(kind, **data)
        assert reply["type"] == "error", reply
        return str(reply["data"]["message"])


@contextmanager
def opened(url: str) -> Iterator[Session]:
    with connect_now(socket_of(url)) as connection:
        yield Session(connection)


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with opened(url) as found:
        yield found


def socket_of(url: str) -> str:
    return url.replace("http://", "ws://") + "/ws"


def crafted(seed: int, **change: Any) -> Reply:
    """The generator's own incident as an attacker would send it."""
    base = generate("stage2_multi", seed)
    part = {
        "target_label": "dismiss",
        "category": base["category"],
        "events": base["events"],
        "narrative": "nothing to see",
    }
    return {"craft_incident": part | change}


# Load


async def played(connection: ClientConnection, seed: int) -> list[str]:
    """The texts of all replies of one episode."""
    task = TASKS[seed % len(TASKS)]
    texts = []
    for message in (
        {"type": "reset", "data": {"seed": seed, "task": task}},
        {"type": "state"},
        {"type": "step", "data": TRIAGE},
        {"type": "state"},
    ):
        await connection.send(json.dumps(message))
        texts.append(str(await connection.recv()))
    return texts


async def alone(address: str, seed: int) -> list[str]:
    async with connect(address) as connection:
        return await played(connection, seed)


def test_parallel_episodes_equal_serial_ones_byte_for_byte(url: str) -> None:
    async def together() -> list[list[str]]:
        seeds = range(SESSIONS)
        return await asyncio.gather(*(alone(socket_of(url), seed) for seed in seeds))

    async def one_by_one() -> list[list[str]]:
        return [await alone(socket_of(url), seed) for seed in range(SESSIONS)]

    situation_of.cache_clear()
    parallel = asyncio.run(together())
    situation_of.cache_clear()
    serial = asyncio.run(one_by_one())

    assert parallel == serial
    assert all(json.loads(texts[2])["data"]["done"] for texts in parallel)
    assert len({texts[0] for texts in parallel}) == SESSIONS


CHILD = """
import sys, time
from websockets.sync.client import connect
with connect(sys.argv[1]) as connection:
    connection.send('{"type": "reset", "data": {"seed": 1}}')
    connection.recv()
    print("playing", flush=True)
    time.sleep(60)
"""


def playing_child(address: str) -> subprocess.Popen[str]:
    """A client of its own process, in the middle of an episode."""
    command = [sys.executable, "-c", CHILD, address]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "playing\n"
    return child


def test_one_session_too_many_is_told_and_a_killed_client_makes_room(url: str) -> None:
    address = socket_of(url)
    # Sessions of earlier tests may still be about to end.
    wait_until(lambda: active(url) == 0)
    child = playing_child(address)
    with ExitStack() as others:
        for _ in range(SESSIONS - 1):
            others.enter_context(connect_now(address))
        wait_until(lambda: active(url) == SESSIONS)
        with connect_now(address) as extra:
            answer = json.loads(extra.recv(timeout=10))["data"]
        child.kill()
        child.wait()
        wait_until(lambda: active(url) < SESSIONS, seconds=5)
        with opened(url) as later:
            done = later.told("reset", seed=1)["done"]

    assert answer["code"] == "CAPACITY_REACHED"
    assert (answer["active_sessions"], answer["max_sessions"]) == (SESSIONS, SESSIONS)
    assert not done


def active(url: str) -> int:
    """How many sessions there are."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    line = next(line for line in lines if line.startswith("opensoc_sessions "))
    return int(float(line.split()[1]))


def wait_until(is_so: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


# One role a session


def test_typed_client_plays_an_episode(url: str) -> None:
    answer = SubmitTriage(action="monitor", cited_log_ids=["L1-0"])
    with OpenSOCEnv(base_url=url).sync() as env:
        started = env.reset(task="stage2_multi", seed=1, episode_id="mine")
        done = env.step(TriageAction(submit_triage=answer))
        state = env.state()

    assert started.observation.alert is not None
    assert done.observation.result is not None
    assert done.observation.result.answer == answer
    assert done.reward == done.observation.reward == done.observation.result.reward
    assert (state.episode_id, state.step_count, state.done) == ("mine", 1, True)


def test_generic_client_plays_as_the_attacker(url: str) -> None:
    with GenericEnvClient(base_url=url).sync() as env:
        started = env.reset(
            role="attacker", task="stage2_multi", seed=3, opponent="always_escalate"
        )
        done = env.step(crafted(3))

    result = done.observation["result"]
    assert (started.observation["role"], started.observation["alert"]) == (
        "attacker",
        None,
    )
    assert done.done
    assert done.reward == result["attacker_reward"]
    assert result["answer"]["action"] == "escalate"
    assert result["plausible"] is True


def test_defender_meets_what_a_scripted_attacker_crafts(session: Session) -> None:
    started = session.told(
        "reset",
        role="defender",
        mode="self_play",
        task="stage2_multi",
        seed=3,
        opponent="search:always_escalate",
    )
    done = session.told("step", submit_triage={"action": "escalate"})

    assert started["observation"]["log_window"]
    result = done["observation"]["result"]
    assert result["plausible"] is True
    assert result["truth_action"] != "escalate"
    assert done["reward"] == result["reward"] < 0 < result["attacker_reward"]


def test_incident_off_the_schema_comes_back_as_data(session: Session) -> None:
    session.told("reset", role="attacker", seed=3)
    done = session.told("step", craft_incident={"events": [{"event_type": "nonsense"}]})

    seen = done["observation"]
    assert (done["done"], done["reward"]) == (True, -0.5)
    assert seen["errors"]
    assert {item["rule"] for item in seen["result"]["violations"]} == {"schema"}
    assert [term["rule"] for term in seen["result"]["attacker_terms"]] == [
        "attacker-v2-schema"
    ]


def test_implausible_incident_comes_back_as_data(session: Session) -> None:
    events = generate("stage2_multi", 3)["events"]
    stranger = [
        event | {"fields": event["fields"] | {"host": {"name": "no-such-host"}}}
        if "host" in event["fields"]
        else event
        for event in events
    ]
    session.told("reset", role="attacker", task="stage2_multi", seed=3)
    done = session.told("step", **crafted(3, events=stranger))

    result = done["observation"]["result"]
    assert (done["reward"], result["plausible"]) == (0, False)
    assert "unknown-host" in {item["rule"] for item in result["violations"]}


def test_two_sessions_play_against_each_other(url: str) -> None:
    table = {
        "mode": "self_play",
        "opponent": "human",
        "episode_id": "table-1",
        "task": "stage2_multi",
        "seed": 3,
    }
    with opened(url) as attacker, opened(url) as defender:
        estate = attacker.told("reset", role="attacker", **table)["observation"]
        waiting = Waiting(lambda: defender.told("reset", role="defender", **table))
        outcome = Waiting(lambda: attacker.told("step", **crafted(3)))
        alert = waiting.result()["observation"]
        graded = defender.told("step", submit_triage={"action": "dismiss"})
        fooled = outcome.result()
        again = attacker.told("reset", role="attacker", **table)

    assert (estate["role"], alert["role"]) == ("attacker", "defender")
    assert len(alert["log_window"]) == len(crafted(3)["craft_incident"]["events"])
    assert graded["observation"]["result"] == fooled["observation"]["result"]
    assert graded["reward"] == graded["observation"]["result"]["reward"]
    assert fooled["reward"] == graded["observation"]["result"]["attacker_reward"]
    assert again["observation"] == fooled["observation"]


class Waiting:
    """A call in a thread of its own."""

    def __init__(self, call: Any) -> None:
        self._found: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._found.append(call()))
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(timeout=30)
        return self._found[0]


def test_a_seat_that_is_taken_is_refused_until_its_session_leaves(url: str) -> None:
    table = {"opponent": "human", "episode_id": "table-2", "role": "attacker"}
    with opened(url) as second:
        with opened(url) as first:
            first.told("reset", **table)
            taken = second.refused("reset", **table)
            differs = second.refused("reset", **{**table, "seed": 9})
        wait_until(lambda: second.say("reset", **table)["type"] == "observation")

    assert "the attacker of `table-2` is taken" in taken
    assert "another episode" in differs


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"task": "stage9"}, "task"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"index": -1}, "index"),
        ({"mode": "both"}, "mode"),
        ({"role": "referee"}, "role"),
        ({"role": "attacker", "mode": "defender_only"}, "role"),
        ({"role": "attacker", "opponent": "template"}, "opponent"),
        ({"role": "attacker", "opponent": "endpoint:http://10.0.0.1/v1"}, "opponent"),
        ({"opponent": "random"}, "opponent"),
        ({"role": "attacker", "opponent": "human"}, "opponent"),
        ({"split": "secret"}, "split"),
        ({"split": "holdout", "index": 200}, "index"),
        ({"split": "holdout", "index": 0, "task": "stage4_adversarial"}, "task"),
        ({"difficulty": 3}, "difficulty"),
        ({"episode_id": ""}, "episode_id"),
    ],
)
def test_wrong_reset_names_its_argument(
    session: Session, arguments: Reply, field: str
) -> None:
    assert session.refused("reset", **arguments).startswith(f"`{field}`")


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ({"submit_triage": {"action": "dance"}}, "`submit_triage.action`"),
        ({"submit_triage": None}, "`submit_triage`"),
        ({"submit_triage": {"action": "monitor", "cited_log_ids": "L1-0"}}, "list"),
        (
            {
                "submit_triage": {
                    "action": "monitor",
                    "cited_log_id": "x",
                    "cited_log_ids": [f"L{at}" for at in range(MAX_CITED)],
                }
            },
            "at most 32",
        ),
        ({}, "an action holds one of"),
        ({"craft_incident": {}}, "out of turn"),
        ({**TRIAGE, "craft_incident": {}}, "an action holds one of"),
    ],
)
def test_malformed_turn_is_told_and_costs_nothing(
    session: Session, turn: Reply, told: str
) -> None:
    session.told("reset", seed=3)
    message = session.refused("step", **turn)
    state = session.told("state")

    assert told in message
    assert (state["step_count"], state["done"]) == (0, False)
    assert session.told("step", **TRIAGE)["done"]


def test_step_before_reset_is_refused(session: Session) -> None:
    assert "call reset before step" in session.refused("step", **TRIAGE)


def test_step_after_the_end_is_refused(session: Session) -> None:
    session.told("reset", seed=3)
    session.told("step", **TRIAGE)

    assert "the episode is done" in session.refused("step", **TRIAGE)


# Splits


def test_splits_are_listed_with_their_rows(url: str) -> None:
    with httpx.Client(base_url=f"{url}/opensoc") as http:
        found = http.get("/splits").json()
        counts = {
            split: http.post("/num_tasks", json={"split": split}).json()["num_tasks"]
            for split in SPLITS
        }
        task = http.post("/task", json={"split": "holdout", "index": 7}).json()["task"]
        tasks = http.post("/tasks", json={"split": "flips"}).json()["tasks"]
        window = {"split": "sft", "start": 590, "stop": 900}
        rows = http.post("/task_range", json=window).json()["tasks"]

    assert {item["name"]: item["tasks"] for item in found} == counts
    assert counts["holdout"] == split_size("holdout") == 200
    assert [item["name"] for item in found if item["type"] == "train"] == ["sft"]
    row = split_row("holdout", 7)
    assert task == {
        "id": row["id"],
        "split": "holdout",
        "index": 7,
        "task": row["task"],
    }
    assert len(tasks) == 200
    assert len(rows) == 10


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("num_tasks", {"split": "secret"}),
        ("tasks", {"split": "secret"}),
        ("task", {"split": "secret", "index": 0}),
        ("task", {"split": "holdout", "index": 200}),
        ("task", {"split": "holdout", "index": -1}),
        ("task_range", {"split": "secret"}),
    ],
)
def test_a_row_that_is_not_there_is_the_callers_fault(
    url: str, route: str, body: Reply
) -> None:
    answer = httpx.post(f"{url}/opensoc/{route}", json=body)

    assert 400 <= answer.status_code < 500


def test_a_row_of_a_split_is_played(session: Session) -> None:
    row = split_row("holdout", 7)
    seen = session.told("reset", split="holdout", index=7)["observation"]
    done = session.told("step", submit_triage={"action": row["truth"]["action"]})

    ids = [event["log_id"] for event in row["incident"]["events"]]
    assert [line["log_id"] for line in seen["log_window"]] == ids
    assert seen["task"] == row["task"]
    truth = default_judge().truth(row["incident"]).outcome
    assert done["observation"]["result"]["truth_action"] == truth


# Tools


def tools_of(session: Session) -> list[str]:
    reply = session.told("mcp", jsonrpc="2.0", id=1, method="tools/list", params={})
    return [tool["name"] for tool in reply["result"]["tools"]]


def called(session: Session, name: str, arguments: Reply) -> Reply:
    params = {"name": name, "arguments": arguments}
    return session.told("mcp", jsonrpc="2.0", id=1, method="tools/call", params=params)


@pytest.mark.parametrize(
    ("arguments", "tools"),
    [
        ({"role": "attacker"}, ["craft_incident"]),
        ({"role": "defender"}, ["submit_triage"]),
        ({"mode": "self_play"}, ["craft_incident", "submit_triage"]),
        ({}, ["submit_triage"]),
    ],
)
def test_a_session_has_the_tools_of_its_side(
    session: Session, arguments: Reply, tools: list[str]
) -> None:
    session.told("reset", **arguments)

    assert tools_of(session) == tools


def test_a_turn_can_be_taken_by_a_tool(session: Session) -> None:
    early = called(session, "submit_triage", {"action": "monitor"})
    session.told("reset", seed=3)
    wrong = called(session, "submit_triage", {"verdict": "bad"})
    alien = called(session, "craft_incident", {})
    done = called(session, "submit_triage", {"action": "monitor"})["result"]

    assert "call reset before step" in early["error"]["message"]
    assert "`submit_triage" in wrong["error"]["message"]
    assert "not found" in alien["error"]["message"].lower()
    assert done["structuredContent"]["done"]
    assert json.loads(done["content"][0]["text"]) == done["structuredContent"]


def test_the_client_for_tools_plays_an_episode(url: str) -> None:
    with MCPToolClient(base_url=url).sync() as env:
        env.reset(seed=3)
        names = [tool.name for tool in env.list_tools()]
        seen = env.call_tool("submit_triage", action="monitor")

    assert names == ["submit_triage"]
    assert seen["done"]
    assert seen["reward"] == seen["result"]["reward"]
