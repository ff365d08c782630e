"""`opensoc eval`: how good is a defender on the hold-out, whatever it is?"""

from __future__ import annotations

import json
import math
import os
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.box import Box
    from rich.console import Console

    from opensoc_env.judge import Judge
    from opensoc_env.metrics import Rate, Score
    from opensoc_train.data import DataSet, Progress
    from opensoc_train.evaluate import AnswerRow, Evaluation
    from opensoc_train.replies import Replier
    from opensoc_train.scoreboard import Board

# Of the widest table, which has a column for each action.
_FILE_WIDTH = 100
# Where a shortcut shows: even priors, and pairs that one fact tells apart.
_SHORTCUT_DATA = ("holdout", "flips")
_EXAMPLES = """\
name a defender: a built-in one (`opensoc eval keyword_heuristic`), a model folder
    (`opensoc eval models/NAME --adapter runs/grpo`), a file of answers that `-o` wrote,
    or an endpoint (`opensoc eval --endpoint URL --model NAME`)"""


class Form(StrEnum):
    """How the score is written."""

    TEXT = "text"
    JSON = "json"


def run(
    defender: Annotated[
        str | None,
        typer.Argument(help="Built-in defender, model folder or file of answers."),
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(help="Adapter folder on top of a model folder.")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="OpenAI-compatible URL; the key is in OPENSOC_API_KEY."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model's name at the endpoint.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="A committed data set, or a file; the hold-out by default."),
    ] = None,
    shortcuts: Annotated[
        bool,
        typer.Option("--shortcuts", help="Score what cheats, beside the oracle."),
    ] = False,
    fresh: Annotated[
        int, typer.Option(min=0, max=100, help="With --shortcuts: rounds of new seeds.")
    ] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Incidents, spread evenly over the set.")
    ] = None,
    rubric: Annotated[str, typer.Option(help="The policy that grades.")] = (
        "defender.v2"
    ),
    timeout: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds for one endpoint request.")
    ] = 120.0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="New file: one answer a line."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How to write the score.")
    ] = Form.TEXT,
) -> None:
    """Score a defender on labelled incidents, with intervals and confusion matrix."""
    from opensoc_engine import OpenSocError
    from opensoc_env.judge import default_judge
    from opensoc_train.evaluate import evaluate

    if shortcuts:
        _refuse_defender(defender, endpoint)
        if fresh:
            _score_fresh(fresh, rubric, form)
        else:
            _score_shortcuts(data or list(_SHORTCUT_DATA), limit, rubric, form)
        return
    if fresh:
        raise reporting.stop("`--fresh` is for shortcuts", "add `--shortcuts`")
    try:
        judge = default_judge()
        dataset = _load(_single(data), judge, limit)
        if endpoint is not None:
            replier = _endpoint(endpoint, model, timeout)
        else:
            replier = _local(defender, adapter)
        with _answer_file(output) as keep, _progress() as progress:
            result = evaluate(
                replier, dataset, judge, rubric=rubric, keep=keep, progress=progress
            )
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    if form is Form.JSON:
        typer.echo(json.dumps(result.to_json(), indent=2))
    else:
        _write(result)


def _single(data: list[str] | None) -> str:
    names = data or ["holdout"]
    if len(names) > 1:
        raise reporting.stop(
            "one evaluation has one data set", "give `--data` once, or `--shortcuts`"
        )
    return names[0]


def _load(name: str, judge: Judge, limit: int | None) -> DataSet:
    from opensoc_train.data import find_data, load_data

    dataset = load_data(find_data(name), judge, limit=limit)
    if not dataset.is_current:
        typer.echo(f"opensoc: warning: {dataset.describe_labels()}", err=True)
    return dataset


def _refuse_defender(defender: str | None, endpoint: str | None) -> None:
    if defender is not None or endpoint is not None:
        raise reporting.stop(
            "`--shortcuts` scores built-in defenders alone", "leave the defender out"
        )


def _score_shortcuts(
    names: list[str], limit: int | None, rubric: str, form: Form
) -> None:
    from opensoc_engine import OpenSocError
    from opensoc_env.judge import default_judge
    from opensoc_train.scoreboard import scoreboards

    try:
        judge = default_judge()
        learnt = _load("sft", judge, None)
        data = [_load(name, judge, limit) for name in names]
        with _progress() as progress:
            boards = scoreboards(learnt, data, judge, rubric=rubric, progress=progress)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    if form is Form.JSON:
        typer.echo(json.dumps([board.to_json() for board in boards], indent=2))
        return
    for board in boards:
        _write_board(board, rubric)


def _score_fresh(count: int, rubric: str, form: Form) -> None:
    """Shortcuts on sets that nobody has looked at, a line for each."""
    from opensoc_engine import OpenSocError
    from opensoc_env.judge import default_judge
    from opensoc_train.fresh import fresh_rounds

    rounds = []
    try:
        for item in fresh_rounds(count, default_judge(), rubric=rubric):
            rounds.append(item)
            name, rate = item.holdout.best.name, item.best
            line = f"{item.number}  {rate:.3f}  {name:<16}  pairs {item.pairs:.2f}"
            typer.echo(line, err=form is Form.JSON)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    mean = fmean(item.best for item in rounds)
    pairs = max(item.pairs for item in rounds)
    if form is Form.JSON:
        bests = [round(item.best, 6) for item in rounds]
        typer.echo(json.dumps({"macro_f1": bests, "mean": mean, "pairs": pairs}))
    else:
        typer.echo(f"best shortcut, macro-F1: mean {mean:.3f}; pairs, most {pairs:.2f}")


def _endpoint(url: str, model: str | None, timeout: float) -> Replier:
    if not model:
        raise reporting.stop("an endpoint serves many models", "name one by `--model`")
    try:
        from opensoc_train.endpoint import KEY_VARIABLE, EndpointModel
    except ModuleNotFoundError as error:
        raise _missing(error, "client") from None
    from opensoc_train.replies import ModelDefender

    key = os.environ.get(KEY_VARIABLE, "")
    return ModelDefender(EndpointModel(url, model, key=key, timeout=timeout))


def _local(name: str | None, adapter: Path | None) -> Replier:
    from opensoc_env.defenders import BASELINES, make_defender
    from opensoc_train.evaluate import load_answers
    from opensoc_train.replies import ModelDefender, SpokenDefender

    if name is None:
        raise reporting.stop("there is nobody to evaluate", _EXAMPLES)
    if Path(name).is_dir():
        try:
            from opensoc_train.local_model import LocalModel
        except ModuleNotFoundError as error:
            raise _missing(error, "train") from None
        return ModelDefender(LocalModel.load(Path(name), adapter))
    if adapter is not None:
        raise reporting.stop(f"`{name}` is no model folder", "`--adapter` needs one")
    if Path(name).is_file():
        return load_answers(Path(name))
    if name not in BASELINES:
        known = ", ".join(BASELINES)
        raise reporting.stop(
            f"`{name}` is no folder, no file and no built-in defender ({known})",
            _EXAMPLES,
        )
    return SpokenDefender(make_defender(name))


def _missing(error: ModuleNotFoundError, extra: str) -> typer.Exit:
    return reporting.stop(
        f"this defender needs `{error.name}`", f"install the extra: `opensoc[{extra}]`"
    )


@contextmanager
def _answer_file(path: Path | None) -> Iterator[Callable[[AnswerRow], None] | None]:
    """What writes each row as soon as it is there, so that a stop loses none."""
    if path is None:
        yield None
        return
    try:
        stream = path.open("x", encoding="utf-8", newline="\n", buffering=1)
    except FileExistsError:
        raise reporting.stop(
            f"`{path}` is there already", "name a new file; answers are not overwritten"
        ) from None
    except OSError as error:
        raise reporting.stop(
            f"`{path}` can't be written: {error.strerror}", "name another file"
        ) from None
    with stream:
        yield lambda row: print(json.dumps(row.to_json()), file=stream)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True, highlight=False), transient=True) as bar:
        task = bar.add_task("evaluating")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _console() -> tuple[Console, Box]:
    """Where tables go, and their frame: plain characters in a file."""
    from rich.box import ASCII2, SIMPLE_HEAD
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    return console, SIMPLE_HEAD if console.is_terminal else ASCII2


def _write_board(board: Board, rubric: str) -> None:
    from rich.table import Table

    console, box = _console()
    data = board.data
    count = len(data.examples)
    console.print(f"shortcuts on {count} incidents of {data.name}, {rubric}")
    table = Table(box=box)
    table.add_column("defender", no_wrap=True)
    for title in ("macro-F1", "accuracy", "reward", "evidence F1", "pairs"):
        table.add_column(title, justify="right", no_wrap=True)
    for item in board.scores:
        rates = (
            item.macro_f1,
            item.accuracy,
            item.mean_reward,
            item.evidence_f1,
            item.pair_accuracy,
        )
        table.add_row(item.name, *map(_short_cell, rates))
    console.print(table)
    best = board.best
    console.print(f"best shortcut: {best.name}, macro-F1 {best.macro_f1:.3f}")
    console.print(f"policies {data.policy_digest}\ndata     {data.digest}\n")


def _short_cell(rate: Rate) -> str:
    """A rate with its interval below it."""
    if math.isnan(rate):
        return "n/a"
    return f"{rate:.2f}\n{rate.low:.2f}..{rate.high:.2f}"


def _write(result: Evaluation) -> None:
    from rich.table import Table

    console, box = _console()
    score, data = result.score, result.data
    console.print(
        f"{score.name} on {score.n} incidents of {data.name}, {result.rubric}"
    )
    rates = Table("measure", "value", "95 % interval", box=box)
    for title, rate in _rates(score):
        rates.add_row(title, *_cells(rate))
    console.print(rates)
    answers = list(next(iter(score.confusion.values())))
    confusion = Table("truth \\ answer", *answers, box=box)
    for truth, row in score.confusion.items():
        confusion.add_row(truth, *(str(row[answer]) for answer in answers))
    console.print(confusion)
    console.print(data.describe_labels())
    console.print(f"policies {data.policy_digest}\ndata     {data.digest}")


def _rates(score: Score) -> tuple[tuple[str, Rate], ...]:
    return (
        ("accuracy", score.accuracy),
        ("macro-F1", score.macro_f1),
        ("mean reward", score.mean_reward),
        ("worth of actions", score.cost_weighted),
        ("missed", score.miss_rate),
        ("dismiss-on-malicious", score.dismiss_on_malicious),
        ("over-react", score.over_react),
        ("escalate-on-benign", score.escalate_on_benign),
        ("wrong containment", score.wrong_containment),
        ("readable answers", score.format_ok),
        ("citation proves it", score.citation),
        ("evidence F1", score.evidence_f1),
        ("right and proved", score.gated),
        ("both of a pair", score.pair_accuracy),
        (_worst(score), score.worst_category),
    )


def _worst(score: Score) -> str:
    """The category that went worst, of those that are not too small to say so."""
    worst = score.worst_category
    names = [name for name, value in score.by_category.items() if value == worst]
    return f"worst category: {names[0]}" if names else "worst category"


def _cells(rate: Rate) -> tuple[str, str]:
    if math.isnan(rate):
        return "n/a", ""
    return f"{rate:.3f}", f"{rate.low:.3f} to {rate.high:.3f}"
