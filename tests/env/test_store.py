"""Finished episodes outlive the process, and can be judged again."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import tracemalloc
import zlib
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
from opensoc_env.novelty import Archive
from opensoc_env.rescoring import RescoreError, changes, rescore
from opensoc_env.store import MAX_EPISODE_BYTES, EpisodeStore, StoreError, Wanted

TRIAGE = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
ESCAPE = "\x1b[31m"
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


def test_a_store_that_fails_once_changes_no_reward() -> None:
    def fails_first(_: FinishedEpisode) -> None:
        if not tries:
            tries.append(True)
            raise StoreError("the disk is full")

    rewards = []
    for tries in ([], [True]):
        archive = Archive()
        episode = self_play(0, archive=archive, on_finish=fails_first)
        episode.step({"craft_incident": crafted(0)})
        if not tries:
            with pytest.raises(StoreError):
                episode.step(TRIAGE)
            assert archive.counts == {}
        rewards.append(episode.step(TRIAGE).result)

    assert rewards[0] == rewards[1]
    assert list(archive.counts.values()) == [1]


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")


def program(path: Path) -> None:
    EpisodeStore.open(path).close()
    with sqlite3.connect(path) as other:
        other.execute("CREATE VIEW more AS SELECT * FROM episodes, episodes")


def newer(path: Path) -> None:
    EpisodeStore.open(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path.write_text("no database, but as long as one " * 99), "name"),
        (foreign, "not a store of episodes"),
        (program, "not a store of episodes"),
        (newer, "format 99, expected 1"),
        (lambda path: path.mkdir(), "can't be opened"),
    ],
    ids=["text", "foreign", "program", "newer", "folder"],
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


def test_a_file_from_before_it_knew_what_the_api_played_can_be_used(
    filled: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    filled.close()
    with sqlite3.connect(filled.path) as other:
        other.execute("DROP TABLE served")
    key = (played[0].task, played[0].mode, None)

    with EpisodeStore.open(filled.path) as store:
        assert store.served(key) is None
        store.record(played[0], key)
        assert store.served(key) == store.served(played[0].episode_id) == played[0]


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


def bomb(size: int) -> bytes:
    """A small body that is large when it is unpacked."""
    return zlib.compress(b" " * size, 9)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (bomb(MAX_EPISODE_BYTES * 8), "at most 8000000 bytes of JSON"),
        (bytes(MAX_EPISODE_BYTES + 1), "at most 8000000 bytes of JSON"),
        ("text", "at most 8000000 bytes of JSON"),
        (bomb(1000)[:-6], "it is cut off"),
        (zlib.compress(b"[" * 100_000), "Invalid JSON"),
    ],
    ids=["bomb", "large", "text", "cut off", "deep"],
)
def test_a_hostile_body_is_named_and_costs_little_memory(
    filled: EpisodeStore, body: bytes | str, problem: str
) -> None:
    with sqlite3.connect(filled.path) as other:
        other.execute("UPDATE episodes SET body = ? WHERE number = 3", [body])
    other.close()
    tracemalloc.start()
    told = [run("show", filled.path, "3"), run("export", filled.path)]
    told.append(run("rescore", filled.path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    for code, _, err in told:
        assert code == 2
        assert f"{filled.path}: episode 3 can't be read" in err.replace("\n", "")
        assert problem in err
    assert peak < 6 * MAX_EPISODE_BYTES


def test_a_page_of_large_episodes_is_not_in_memory_at_once(
    filled: EpisodeStore,
) -> None:
    body = os.urandom(MAX_EPISODE_BYTES)
    with sqlite3.connect(filled.path) as other:
        other.execute("UPDATE episodes SET body = ? WHERE number > 1", [body])
    other.close()
    tracemalloc.start()
    with pytest.raises(StoreError, match="episode 2 can't be read"):
        list(filled.list())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * MAX_EPISODE_BYTES


def test_an_episode_that_could_not_be_read_again_is_not_written(
    store: EpisodeStore, played: list[FinishedEpisode]
) -> None:
    huge = played[7].model_copy(update={"crafted": "x" * MAX_EPISODE_BYTES})

    with pytest.raises(StoreError, match="can't be kept: expected at most"):
        store.record(huge)
    assert store.count() == 0


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
