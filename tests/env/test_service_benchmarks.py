"""The benchmarks of episodes and of the server measure what they say."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are part of a checkout")

from benchmarks import episodes
from opensoc_env.models import TASKS


def test_the_answers_of_the_benchmark_are_right() -> None:
    played = episodes.answered(islice(episodes.fresh(count(1)), 8))

    assert {item.named.task for item in played} == set(TASKS)
    assert episodes.play(played) >= len(played)


def test_every_way_to_use_seeds_is_measured() -> None:
    found = episodes.measure(episodes=16, rounds=2)

    assert list(found) == ["fresh", "group of 8", "kept", "split"]
    assert all(len(rates) == 2 and min(rates) > 0 for rates in found.values())


def test_the_memory_benchmark_plays_all_its_episodes(tmp_path: Path) -> None:
    found = list(episodes.memory(40, tmp_path / "episodes.db"))

    assert [done for done, _ in found] == list(range(4, 41, 4))
    assert all(peak > 0 for _, peak in found)


@pytest.mark.slow
def test_the_load_of_the_server_is_beside_an_empty_one() -> None:
    pytest.importorskip("openenv", reason="needs the serve extra")
    from benchmarks import service  # noqa: PLC0415 - an extra

    head, *rows = service.table(episodes=64, rounds=1)

    assert head.split()[:3] == ["sessions", "empty", "x"]
    assert [row.split()[0] for row in rows] == ["1", "8", "64"]
    assert all(row.split()[2] == "1.00" for row in rows)
