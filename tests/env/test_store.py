"""Finished episodes outlive the process, and can be judged again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import episodes as verb
from opensoc_engine import load_policy_set
from opensoc_env.episode import Episode
from opensoc_env.finished import FinishedEpisode
from opensoc_env.generator import generate
from opensoc_env.judge import Judge, default_judge
from opensoc_env.models import TASKS
from opensoc_env.rescoring import RescoreError, changes, rescore
from opensoc_env.store import EpisodeStore, StoreError, Wanted

TRIAGE = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
ESCAPE = "\x1b[31m"
# Plays for ever and says which episodes it has been told are finished.
PLAYER = """
import sys
from opensoc_env.episode import Episode
from opensoc_env.store import EpisodeStore

store = EpisodeStore.open(sys.argv[1])
for seed in range(10**9):
    name = f"{sys.argv[2]}-{seed}"
    episode = Episode(
        "stage1_basic", "defender_only", seed % 7, episode_id=name,
        on_finish=store.record,
    )
    episode.reset()
    episode.step({"submit_triage": {"action": "dismiss"}})
    print(name, flush=True)
"""
OPINION = """
policy: other-opinion
kind: verifier
version: 1.0.0
status: test
title: Another opinion
category: benign_noise
references: []
falsepositives: []
rules:
  - id: other-opinion-first-line
    title: There is a first line
    action: monitor
    evidence: [first]
    when: |
      some first in input.events
      first.log_id == "L1-0"
"""
MANIFEST = """
set: verifier
kind: verifier
version: 1.0.0
input: incident.schema.json
decision: strongest
order: [escalate, quarantine_host, block_ip, monitor]
default: dismiss
forbid: [claim, free_text]
"""


def self_play(index: int, **given: Any) -> Episode:
    """An episode that waits for an attacker."""
    episode = Episode("stage1_basic", "self_play", 5, index, **given)
    episode.reset()
    return episode


def crafted(index: int) -> dict[str, Any]:
    incident = generate("stage1_basic", 5, index)
    names = ("target_label", "category", "events", "narrative")
    return {name: incident[name] for name in names}


def play_all_kinds() -> list[FinishedEpisode]:
    """Answered, unreadable, crafted and refused episodes, in that order."""
    done: list[FinishedEpisode] = []
    for index, task in enumerate(TASKS):
        episode = Episode(task, "defender_only", 3, index, on_finish=done.append)
        episode.reset()
        episode.step(TRIAGE)
    episode.reset()
    episode.forfeit()
    for index in range(2):
        attacked = self_play(index, on_finish=done.append)
        attacked.step({"craft_incident": crafted(index)})
        attacked.step(TRIAGE)
    name = f"evil {ESCAPE}"
    refused = self_play(2, on_finish=done.append, episode_id=name)
    refused.step({"craft_incident": {"target_label": ESCAPE}})
    return done


@pytest.fixture(scope="module")
def played() -> list[FinishedEpisode]:
    return play_all_kinds()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EpisodeStore]:
    with EpisodeStore.open(tmp_path / "episodes.db") as opened:
        yield opened


@pytest.fixture
def filled(store: EpisodeStore, played: list[FinishedEpisode]) -> EpisodeStore:
    for episode in played:
        store.record(episode)
    return store


@pytest.fixture(scope="module")
def other_judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Holds everything for worth a look."""
    folder = tmp_path_factory.mktemp("rules") / "verifier"
    folder.mkdir()
    (folder / "set.yaml").write_text(MANIFEST)
    (folder / "other-opinion.yaml").write_text(OPINION)
    shipped = default_judge()
    return Judge(load_policy_set(folder), shipped.plausibility, shipped.rubric)


def test_episodes_come_back_as_they_were_in_the_order_of_their_ends(
    filled: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    found = list(filled.list())

    assert [stored.episode for stored in found] == played
    assert [stored.number for stored in found] == list(range(1, 9))
    assert filled.get(6) == played[5]


def test_a_file_can_be_opened_again(
    filled: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    filled.close()

    with EpisodeStore.open(filled.path, create=False) as again:
        again.record(played[0])
        assert again.count() == len(played) + 1


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Wanted(task="stage2_multi"), 1),
        (Wanted(mode="self_play"), 3),
        (Wanted(role="attacker"), 0),
        (Wanted(digest=default_judge().digest[:6]), 8),
        (Wanted(digest="0" * 64), 0),
        (Wanted(episode_id=f"evil {ESCAPE}"), 1),
        (Wanted(task="stage1_basic", mode="defender_only"), 1),
    ],
)
def test_what_is_wanted_is_found(
    filled: EpisodeStore, wanted: Wanted, count: int
) -> None:
    assert filled.count(wanted) == count
    assert len(list(filled.list(wanted))) == count


def test_a_reader_of_many_episodes_keeps_no_writer_waiting(
    store: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    for _ in range(600):
        store.record(played[0])

    reading = store.list()
    first = next(reading)
    with EpisodeStore.open(store.path) as other:
        other.record(played[1])
    numbers = [first.number, *(stored.number for stored in reading)]

    assert numbers == list(range(1, 602))


def test_threads_and_processes_may_share_a_store(
    store: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    def write(target: EpisodeStore) -> None:
        for _ in range(25):
            target.record(played[0])

    with EpisodeStore.open(store.path) as second:
        targets = [store, store, second, second]
        threads = [threading.Thread(target=write, args=(t,)) for t in targets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert store.count() == 100


def test_a_closed_store_fails_loudly(
    store: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.record(played[0])
    with pytest.raises(StoreError, match="closed"):
        list(store.list())


def test_an_episode_that_can_not_be_kept_stays_open(store: EpisodeStore) -> None:
    episode = Episode("stage1_basic", "defender_only", 1, on_finish=store.record)
    episode.reset()
    store.close()

    with pytest.raises(StoreError):
        episode.step(TRIAGE)
    assert not episode.state().done


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")


def newer(path: Path) -> None:
    EpisodeStore.open(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path.write_text("no database, but as long as one " * 99), "name"),
        (foreign, "not a store of episodes"),
        (newer, "format 99, expected 1"),
        (lambda path: path.mkdir(), "can't be opened"),
    ],
    ids=["text", "foreign", "newer", "folder"],
)
def test_what_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, make: Any, text: str
) -> None:
    path = tmp_path / "given"
    make(path)
    before = path.read_bytes() if path.is_file() else b""

    with pytest.raises(StoreError, match=text):
        EpisodeStore.open(path)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file; `opensoc serve"):
        EpisodeStore.open(tmp_path / "none.db", create=False)
    with pytest.raises(StoreError, match="its folder must be there"):
        EpisodeStore.open(tmp_path / "no" / "none.db")


def test_a_damaged_episode_is_named(filled: EpisodeStore) -> None:
    with sqlite3.connect(filled.path) as other:
        other.execute("UPDATE episodes SET body = x'00' WHERE number = 3")

    with pytest.raises(StoreError, match="episode 3 can't be read"):
        list(filled.list())


def test_a_killed_process_loses_no_episode_that_it_was_told_is_finished(
    tmp_path: Path,
) -> None:
    path = tmp_path / "episodes.db"
    told: set[str] = set()
    for life in ("first", "second"):
        command = [sys.executable, "-c", PLAYER, str(path), life]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as player:
            assert player.stdout is not None
            for _ in range(150):
                told.add(player.stdout.readline().strip())
            os.kill(player.pid, signal.SIGKILL)
            told.update(line.strip() for line in player.stdout if line.endswith("\n"))
        assert player.returncode == -signal.SIGKILL

    with EpisodeStore.open(path, create=False) as store:
        kept = [stored.episode.episode_id for stored in store.list()]
    with sqlite3.connect(path) as database:
        (health,) = database.execute("PRAGMA integrity_check").fetchone()

    assert told <= set(kept)
    assert len(kept) == len(set(kept)) <= len(told) + 2
    assert health == "ok"


def play_over_http(url: str, told: set[str], stop: threading.Event) -> None:
    """Play until the server is gone; remember which episodes it said are done."""
    import httpx  # noqa: PLC0415 - an extra

    with httpx.Client(base_url=url, timeout=5) as http:
        for seed in range(10**6):
            if stop.is_set():
                return
            try:
                name = http.post("/reset", params={"seed": seed}).json()["episode_id"]
                query = {"episode_id": name}
                answer = http.post("/step", params=query, json=TRIAGE)
            except httpx.HTTPError:
                return
            if answer.json()["done"]:
                told.add(name)


@pytest.mark.slow
def test_a_killed_server_loses_no_episode_that_it_has_answered(tmp_path: Path) -> None:
    pytest.importorskip("openenv", reason="needs the serve extra")
    path, port = tmp_path / "episodes.db", free_port()
    command = [sys.executable, "-m", "opensoc_cli.main", "serve", "--no-demo"]
    where = ["--port", str(port), "--store", str(path)]
    told: set[str] = set()
    with subprocess.Popen([*command, *where]) as server:
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        stop = threading.Event()
        arguments = (url, told, stop)
        clients = [
            threading.Thread(target=play_over_http, args=arguments) for _ in range(4)
        ]
        for client in clients:
            client.start()
        deadline = time.monotonic() + 60
        while len(told) < 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        stop.set()
        for client in clients:
            client.join()

    with EpisodeStore.open(path, create=False) as store:
        kept = {stored.episode.episode_id for stored in store.list()}
    assert len(told) >= 200
    assert told <= kept
    assert len(kept - told) <= len(clients)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    import httpx  # noqa: PLC0415 - an extra

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail("the server did not start")


def test_the_same_policies_judge_the_same_again(played: list[FinishedEpisode]) -> None:
    for episode in played:
        assert rescore(episode, default_judge()) == episode.result


def test_another_rubric_pays_otherwise(played: list[FinishedEpisode]) -> None:
    unreadable = played[4]
    after = rescore(unreadable, default_judge(), defender_rubric="defender.v1")

    assert unreadable.result.reward == -1.0
    assert after.reward == -0.1
    found = [change.part for change in changes(unreadable.result, after)]
    assert found == ["reward"]


def test_other_rules_find_another_truth_and_the_answer_stands(
    played: list[FinishedEpisode], other_judge: Judge
) -> None:
    answered = next(e for e in played if e.result.truth_action != "monitor")
    after = rescore(answered, other_judge)

    assert after.truth_action == "monitor"
    assert after.answer == answered.answer
    assert after.reward is not None
    assert after.reward > 0 > (answered.result.reward or 0)
    assert after.policy_digest == other_judge.digest


def test_an_incident_that_fits_no_more_is_not_judged(
    played: list[FinishedEpisode],
) -> None:
    broken = played[0].model_copy(update={"incident": {"events": [{}], "context": {}}})

    with pytest.raises(RescoreError, match="fits no more: events"):
        rescore(broken, default_judge())


def test_a_refused_incident_that_fits_now_has_no_answer_to_judge(
    played: list[FinishedEpisode],
) -> None:
    fitting = played[7].model_copy(update={"crafted": crafted(0)})

    with pytest.raises(RescoreError, match="nobody has answered"):
        rescore(fitting, default_judge())


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code and streams of `opensoc episodes`."""
    holder = typer.Typer()
    holder.add_typer(verb.app, name="episodes")
    found = CliRunner().invoke(holder, ["episodes", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def test_list_shows_a_row_for_each_wanted_episode(filled: EpisodeStore) -> None:
    code, out, err = run("list", filled.path, "--mode", "self_play", "--limit", "2")

    rows = out.splitlines()
    assert code == 0
    assert [row.split()[0] for row in rows] == ["number", "6", "7"]
    assert err == "3 episodes in all\n"


def test_show_tells_what_was_answered_and_why_it_was_right_or_wrong(
    filled: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    episode = played[0]
    code, out, _ = run("show", filled.path, "1")

    assert code == 0
    assert f"right: {episode.result.truth_action}" in out
    assert "answer: monitor\n  cites: L1-0" in out
    for event in episode.incident["events"]:
        assert f"  {event['log_id']} {event['timestamp']} " in out


@pytest.mark.parametrize("arguments", [["list"], ["show", "8"]])
def test_what_strangers_wrote_is_quoted(
    filled: EpisodeStore, arguments: list[str]
) -> None:
    name, *more = arguments
    code, out, _ = run(name, filled.path, *more)

    assert code == 0
    assert "evil" in out
    assert ESCAPE not in out


def test_export_writes_whole_episodes_as_lines(
    filled: EpisodeStore, played: list[FinishedEpisode], tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    assert run("export", filled.path, "-o", output)[0] == 0

    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert run("export", filled.path)[1] == output.read_text()
    assert [row.pop("number") for row in rows] == list(range(1, 9))
    assert [FinishedEpisode.model_validate(row) for row in rows] == played


def test_rescore_of_an_unchanged_world_is_clean(filled: EpisodeStore) -> None:
    code, out, _ = run("rescore", filled.path)

    assert code == 0
    assert out.startswith(f"8 episodes judged by policies {default_judge().digest}")


def test_rescore_by_another_rubric_names_what_changed(filled: EpisodeStore) -> None:
    before = filled.path.read_bytes()
    code, out, _ = run("rescore", filled.path, "--defender-rubric", "defender.v1")

    assert code == 1
    assert "episode 5\n  reward: -1.000 -> -0.100" in out
    assert filled.path.read_bytes() == before


def test_rescore_as_json_has_both_results(filled: EpisodeStore) -> None:
    options = ("--defender-rubric", "defender.v1", "--format", "json")
    _, out, _ = run("rescore", filled.path, *options)

    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[4]["changed"] == {"reward": ["-1.000", "-0.100"]}
    assert (rows[4]["before"]["reward"], rows[4]["after"]["reward"]) == (-1.0, -0.1)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["list", "STORE", "--task", "stage9"], "use one of stage1_basic, stage2"),
        (["list", "STORE.no"], "there is no such file"),
        (["show", "STORE", "99"], "there is no episode 99"),
        (["rescore", "STORE", "--attacker-rubric", "x"], "there are attacker.v1"),
        (["rescore", "STORE", "--rules", "no-such-folder"], "no-such-folder"),
        (["export", "STORE", "-o", "no-such-folder/x"], "No such file or directory"),
    ],
)
def test_what_can_not_be_done_ends_with_two_and_says_why(
    filled: EpisodeStore, arguments: list[str], text: str
) -> None:
    named = [a.replace("STORE", str(filled.path)) for a in arguments]
    code, _, err = run(*named)

    assert code == 2
    assert text in err
