"""`opensoc play`: a match of built-in defenders on seeded incidents."""

from __future__ import annotations

import json
import math
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.judges import judge_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from opensoc_env.defenders import Defender
    from opensoc_env.judge import Judge
    from opensoc_env.match import MatchResult, Progress
    from opensoc_env.metrics import Rate, Score
    from opensoc_env.self_play import SelfPlay

DEFAULT_DEFENDERS = (
    "always_dismiss",
    "always_escalate",
    "random",
    "keyword_heuristic",
    "verifier_oracle",
)
# Those that always give one answer would be wrong on most attacks.
_ATTACKED = ("random", "keyword_heuristic", "verifier_oracle")
# More would take minutes and change no digit of the table.
MAX_EPISODES = 100_000
# Two of them in two lines, so that the table fits into 80 columns.
_COLUMNS = (
    "accuracy",
    "macro-F1",
    "dismiss-on-\nmalicious",
    "over-react",
    "mean reward",
)
# A pipe has no width; this is enough for every name.
_PIPE_WIDTH = 100
_NEXT = """\
Rates are shares with their 95 % bootstrap interval below. Good is high in accuracy,
macro-F1 and reward, and low in dismiss-on-malicious and over-react.
Next:
  opensoc play --seed {seed} --defender all   other incidents, all baselines
  opensoc label FILE                  verdicts for your own Sysmon or CloudTrail logs
  opensoc check; opensoc test         after you have changed a rule in rules/verifier
  make app                            two defenders side by side, in a browser"""


class Form(StrEnum):
    """How the scores are written."""

    TEXT = "text"
    JSON = "json"


def run(
    episodes: Annotated[
        int, typer.Option(min=1, max=MAX_EPISODES, help="Incidents in all.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Which incidents.")] = 1,
    defender: Annotated[
        list[str] | None,
        typer.Option(help="A built-in defender, or `all`. May be repeated."),
    ] = None,
    attacker: Annotated[
        str | None,
        typer.Option(help="Who crafts the incidents; the generator by default."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="File of patterns that attacks made before; it goes on."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="A rules folder; the shipped one by default."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How to write the scores.")
    ] = Form.TEXT,
) -> None:
    """Let built-in defenders triage the same incidents and compare their scores."""
    from opensoc_engine import OpenSocError
    from opensoc_env.defenders import BASELINES, make_defender

    usual = DEFAULT_DEFENDERS if attacker is None else _ATTACKED
    names = dict.fromkeys(defender or usual)
    if "all" in names:
        names = dict.fromkeys(BASELINES)
    if archive and attacker is None:
        raise reporting.stop(
            "only crafted incidents go into an archive", "name an `--attacker`"
        )
    result: MatchResult | SelfPlay
    try:
        judge = judge_of(rules)
        defenders = [make_defender(name, judge) for name in names]
        with _progress() as progress:
            if attacker is None:
                result = _match(defenders, episodes, seed, judge, progress)
            else:
                result = _attack(
                    attacker, defenders, episodes, seed, archive, judge, progress
                )
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    if form is Form.JSON:
        typer.echo(json.dumps(result.to_json(), indent=2))
    else:
        _write(result)


def _match(
    defenders: Sequence[Defender],
    episodes: int,
    seed: int,
    judge: Judge,
    progress: Progress | None,
) -> MatchResult:
    from opensoc_env.match import play

    return play(defenders, episodes=episodes, seed=seed, judge=judge, progress=progress)


def _attack(
    name: str,
    defenders: Sequence[Defender],
    episodes: int,
    seed: int,
    path: Path | None,
    judge: Judge,
    progress: Progress | None,
) -> SelfPlay:
    """Self-play that goes on from an archive and saves it."""
    from opensoc_env.novelty import Archive
    from opensoc_env.opponents.lineup import built_in
    from opensoc_env.self_play import attack

    attackers = built_in(judge).attackers
    if name not in attackers:
        known = ", ".join(attackers)
        raise reporting.stop(f"there is no attacker `{name}`", f"name one of {known}")
    archive = Archive.load(path) if path else Archive()
    result = attack(
        attackers[name](),
        defenders,
        episodes=episodes,
        seed=seed,
        archive=archive,
        judge=judge,
        progress=progress,
    )
    if path:
        archive.save(path)
    return result


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress as Bar

    with Bar(console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task("playing")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=width)


def _write(result: MatchResult | SelfPlay) -> None:
    from opensoc_env.match import MatchResult

    if isinstance(result, MatchResult):
        _write_match(result)
    else:
        _write_attack(result)


def _write_attack(result: SelfPlay) -> None:
    from rich.table import Table

    console = _console(stderr=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for title, value in _attack_rows(result):
        table.add_row(title, value)
    tasks = ", ".join(result.tasks)
    console.print(f"{len(result.attacks)} incidents of {tasks}; seed {result.seed}")
    console.print(f"{result.attacker} against {', '.join(result.defenders)}\n")
    console.print(table)
    console.print(f"\npolicies {result.digest}")


def _attack_rows(result: SelfPlay) -> Iterator[tuple[str, str]]:
    shares = {
        "fits the schema": result.validity,
        "could have happened": result.plausibility,
        "and got a wrong answer": result.exploited,
    }
    for title, share in shares.items():
        low, high = share.interval
        yield title, f"{share.value:.2f}  {low:.2f}..{high:.2f}"
    for title, count in result.histogram.items():
        yield f"defenders that were right: {title}", str(count)
    yield "patterns with a wrong answer", str(result.exploit_patterns)
    yield "patterns in the archive", str(result.patterns)
    yield "verifier rules that these have", f"{result.seen} of {result.known}"
    yield "mean reward by attacker.v3", f"{result.mean_reward:.3f}"


def _write_match(result: MatchResult) -> None:
    from rich.table import Table

    console = _console(stderr=False)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("defender", overflow="fold")
    for title in _COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for item in result.scores:
        table.add_row(item.name, *map(_cell, _rates(item)))
    tasks = ", ".join(result.tasks)
    console.print(f"{result.episodes} incidents of {tasks}; seed {result.seed}\n")
    console.print(table)
    console.print(f"\npolicies {result.digest}\n")
    console.print(_NEXT.format(seed=result.seed + 1))


def _rates(item: Score) -> tuple[Rate, ...]:
    return (
        item.accuracy,
        item.macro_f1,
        item.dismiss_on_malicious,
        item.over_react,
        item.mean_reward,
    )


def _cell(rate: Rate) -> str:
    if math.isnan(rate):
        return "n/a"
    return f"{rate:.2f}\n{rate.low:.2f}..{rate.high:.2f}"
