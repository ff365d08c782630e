"""Killing a process or a server loses no episode that anybody was told is done."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from opensoc_env.store import EpisodeStore

TRIAGE = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
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
    from served import served  # noqa: PLC0415 - an extra

    path = tmp_path / "episodes.db"
    told: set[str] = set()
    with served("--store", path) as (url, server):
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
