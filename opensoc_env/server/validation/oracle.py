"""Show that the declared maximum can be reached: `python oracle.py [URL]`.

The script plays the verifier's own answer to an incident that has something to prove,
on a running server, and prints the reward. It ends with 1 if that is less than the best
that a defender's rubric pays.
"""

from __future__ import annotations

import json
import sys
from itertools import count

from opensoc_env.defenders import OracleDefender, TriageItem
from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.judge import DEFENDER_RUBRIC, default_judge, ways_of
from opensoc_env.models import TaskName
from opensoc_env.openenv_client import OpenSOCEnv
from opensoc_env.server.openenv_messages import TriageAction

DEFAULT_URL = "http://127.0.0.1:7860"
TASK: TaskName = "stage2_multi"


def provable_seed() -> int:
    """The first seed whose incident has a proof to cite."""
    judge = default_judge()
    seeds = (seed for seed in count() if ways_of(judge.truth(generate(TASK, seed))))
    return next(seeds)


def best_reward() -> float:
    """The upper bound of the defender's rubric."""
    policies = default_judge().rubric.policies
    found = next(p for p in policies if p.slug.text == DEFENDER_RUBRIC)
    assert found.bounds is not None, "every rubric has bounds"
    return float(found.bounds[1])


def play(url: str) -> float:
    """The reward of the verifier's own answer."""
    seed = provable_seed()
    view = Episode(TASK, "defender_only", seed).reset()
    (answer,) = OracleDefender().answer([TriageItem(view, generate(TASK, seed))])
    with OpenSOCEnv(base_url=url).sync() as env:
        env.reset(task=TASK, seed=seed)
        reward = env.step(TriageAction(submit_triage=answer)).reward
    return float(reward or 0.0)


def main() -> int:
    """Print the reward; 1 if it is less than the best."""
    reward, best = play(*sys.argv[1:2] or [DEFAULT_URL]), best_reward()
    sys.stdout.write(json.dumps({"reward": reward, "best": best}) + "\n")
    return int(reward < best)


if __name__ == "__main__":
    sys.exit(main())
