"""Time whole episodes in this process: `python -m benchmarks.episodes`.

An episode is a reset, the right answer and its grade. Seeds are used in four ways, as
training uses them: each once (`fresh`), eight times as in a group of rollouts
(`group of 8`), again and again while they are still kept (`kept`), and as rows of a
data set (`split`). CPU seconds of this process are counted, so the figures are for one
core; printed are medians of interleaved rounds.

With `--memory N` it plays N episodes of fresh seeds into a store instead, and prints
how much memory the process has needed so far: a flat column leaks nothing.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opensoc_env.episode import Episode
from opensoc_env.judge import action_of, default_judge, first_way
from opensoc_env.models import TASKS, TaskName
from opensoc_env.splits import split_row, split_size
from opensoc_env.store import EpisodeStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

GROUP = 8
KEPT = 256
SPLIT = "holdout"
STEPS = 10


class Named(NamedTuple):
    """What names an episode."""

    task: TaskName
    seed: int
    index: int = 0
    split: str | None = None

    def episode(self, **given: Any) -> Episode:
        """The episode, not begun."""
        return Episode(
            self.task, "defender_only", self.seed, self.index, split=self.split, **given
        )


class Played(NamedTuple):
    """An episode with the right answer to it."""

    named: Named
    answer: Mapping[str, Any]


def answered(named: Iterable[Named]) -> list[Played]:
    """Episodes with the right answers, which are not worked out while time is taken."""
    judge = default_judge()
    found = []
    for name in named:
        kept: list[Any] = []
        episode = name.episode(judge=judge, on_finish=kept.append)
        episode.reset()
        episode.forfeit()
        truth = judge.truth(kept[0].incident)
        said = {"action": action_of(truth), "cited_log_ids": list(first_way(truth))}
        found.append(Played(name, {"submit_triage": said}))
    return found


def play(played: Iterable[Played]) -> float:
    """Play episodes; the sum of their rewards."""
    judge = default_judge()
    total = 0.0
    for named, answer in played:
        episode = named.episode(judge=judge)
        episode.reset()
        episode.step(answer)
        total += episode.grade().reward or 0.0
    return total


def rate(played: list[Played]) -> float:
    """Episodes in a CPU second."""
    gc.collect()
    begin = time.process_time()
    total = play(played)
    taken = time.process_time() - begin
    assert total > 0, "right answers are paid"
    return len(played) / taken


def measure(episodes: int, rounds: int) -> dict[str, list[float]]:
    """Rates by the way in which seeds are used, one for each round."""
    seeds = count(1)
    found: dict[str, list[float]] = {}
    rows = answered(
        Named(cast("TaskName", split_row(SPLIT, at)["task"]), 0, at, SPLIT)
        for at in range(min(episodes, split_size(SPLIT)))
    )
    kept = answered(islice(fresh(seeds), min(KEPT, episodes)))
    for _ in range(rounds):
        once = answered(islice(fresh(seeds), episodes))
        _forget()
        _put(found, "fresh", rate(once))
        _forget()
        group = [item for item in once[: episodes // GROUP] for _ in range(GROUP)]
        _put(found, f"group of {GROUP}", rate(group))
        _forget()
        play(kept)
        _put(found, "kept", rate(list(islice(cycle(kept), episodes))))
        play(rows)
        _put(found, "split", rate(list(islice(cycle(rows), episodes))))
    return found


def fresh(seeds: Iterator[int]) -> Iterator[Named]:
    """Episodes that no one has played, of all tasks in turn."""
    for task in cycle(TASKS):
        yield Named(task, next(seeds))


def memory(episodes: int, path: Path) -> Iterator[tuple[int, float]]:
    """Episodes so far, and the most memory in MB that the process has had."""
    judge = default_judge()
    names = fresh(count(1))
    part = max(1, episodes // STEPS)
    with EpisodeStore.open(path) as store:
        for done in range(part, episodes + 1, part):
            for name in islice(names, part):
                episode = name.episode(judge=judge, on_finish=store.record)
                episode.reset()
                episode.step({"submit_triage": {"action": "monitor"}})
            yield done, _peak()


def _peak() -> float:
    """Megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _forget() -> None:
    """Drop what is kept of earlier seeds."""
    from opensoc_env import situation  # noqa: PLC0415 - only to empty its caches

    situation.situation_of.cache_clear()
    situation.situation_of_row.cache_clear()


def _put(found: dict[str, list[float]], name: str, value: float) -> None:
    found.setdefault(name, []).append(value)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=0, metavar="N")
    given = parser.parse_args()
    if given.memory:
        with TemporaryDirectory() as folder:
            for done, peak in memory(given.memory, Path(folder) / "episodes.db"):
                _write(f"{done:>8} episodes {peak:8.1f} MB at most")
        return
    for name, rates in measure(given.episodes, given.rounds).items():
        middle = median(rates)
        _write(f"{name:<12} {middle:8.0f} episodes/s {1e6 / middle:8.0f} us an episode")


if __name__ == "__main__":
    main()
