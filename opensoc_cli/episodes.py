"""`opensoc episodes`: what a store of finished episodes holds, and what it is worth."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import typer

from opensoc_cli import reporting
from opensoc_cli.judges import judge_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_env.finished import FinishedEpisode
    from opensoc_env.judge import Judge
    from opensoc_env.models import EpisodeResult, Mode, Role, TaskName
    from opensoc_env.rescoring import Change
    from opensoc_env.store import EpisodeStore, Stored, Wanted

app = typer.Typer(no_args_is_help=True, help="Finished episodes in a store.")

_SHOWN = 20
_ROW = "{:>7}  {:<18}  {:<13}  {:<8}  {:<15}  {:<15}  {:>7}  {:>8}  {}"
_TITLES = (
    *("number", "task", "mode", "role", "right", "answer", "reward", "attacker"),
    "episode",
)

Store: TypeAlias = Annotated[
    Path, typer.Argument(help="A file that `opensoc serve --store` wrote.")
]
Task: TypeAlias = Annotated[str, typer.Option("--task", "-t", help="Of this task.")]
ModeName: TypeAlias = Annotated[str, typer.Option("--mode", help="Of this mode.")]
RoleName: TypeAlias = Annotated[
    str, typer.Option("--role", help="Where the client played this side.")
]
Digest: TypeAlias = Annotated[
    str, typer.Option("--digest", help="By policies whose digest begins like this.")
]
Name: TypeAlias = Annotated[
    str, typer.Option("--episode", help="Of this id, as the client knew it.")
]


class Form(StrEnum):
    """How something is written."""

    TEXT = "text"
    JSON = "json"


FormName: TypeAlias = Annotated[Form, typer.Option("--format", help="How to write it.")]


@app.command("list")
def list_episodes(
    store: Store,
    task: Task = "",
    mode: ModeName = "",
    role: RoleName = "",
    digest: Digest = "",
    episode: Name = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = _SHOWN,
) -> None:
    """List episodes in the order in which they ended."""
    wanted = _wanted(task, mode, role, digest, episode)
    with _opened(store) as episodes:
        typer.echo(_ROW.format(*_TITLES))
        for stored in islice(episodes.list(wanted), limit):
            typer.echo(_row(stored))
        typer.echo(f"{episodes.count(wanted)} episodes in all", err=True)


@app.command()
def show(
    store: Store,
    number: Annotated[int, typer.Argument(help="As `list` shows it.")],
    form: FormName = Form.TEXT,
) -> None:
    """Show one episode: what happened, what was answered and what was right."""
    with _opened(store) as episodes:
        episode = episodes.get(number)
    if form is Form.JSON:
        typer.echo(episode.model_dump_json(indent=2))
        return
    for line in _told(episode):
        typer.echo(line)


@app.command()
def export(
    store: Store,
    task: Task = "",
    mode: ModeName = "",
    role: RoleName = "",
    digest: Digest = "",
    episode: Name = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output.")
    ] = None,
) -> None:
    """Write whole episodes as JSON lines."""
    wanted = _wanted(task, mode, role, digest, episode)
    with _opened(store) as episodes:
        lines = map(_exported, episodes.list(wanted))
        if output is None:
            for line in lines:
                typer.echo(line)
            return
        try:
            with output.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            raise reporting.stop(f"{output}: {error.strerror}") from None


@app.command()
def rescore(
    store: Store,
    task: Task = "",
    mode: ModeName = "",
    role: RoleName = "",
    digest: Digest = "",
    episode: Name = "",
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="A rules folder; the shipped one by default."),
    ] = None,
    defender_rubric: Annotated[
        str | None, typer.Option(help="Instead of the one that each episode had.")
    ] = None,
    attacker_rubric: Annotated[
        str | None, typer.Option(help="Likewise, for the attacker.")
    ] = None,
    form: FormName = Form.TEXT,
) -> None:
    """Judge episodes again and say what changed; the store stays as it is.

    The exit code is 1 if anything changed.
    """
    wanted = _wanted(task, mode, role, digest, episode)
    tally = _Tally()
    with _opened(store) as episodes:
        judge = _judge(rules, defender_rubric, attacker_rubric)
        for stored in episodes.list(wanted):
            verdict = _again(stored, judge, defender_rubric, attacker_rubric)
            tally.add(stored, verdict)
            if form is Form.JSON:
                typer.echo(json.dumps(verdict.to_json(stored)))
            elif verdict.is_news and tally.news <= _SHOWN:
                typer.echo(verdict.text(stored.number))
    for line in tally.lines(judge.digest):
        typer.echo(line, err=form is Form.JSON)
    raise typer.Exit(reporting.FINDINGS if tally.news else reporting.CLEAN)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What came of judging an episode again; no result if that was not possible."""

    result: EpisodeResult | None
    changed: Sequence[Change] = ()
    problem: str = ""

    @property
    def is_news(self) -> bool:
        """True if there is something to tell."""
        return bool(self.changed or self.problem)

    def text(self, number: int) -> str:
        """Lines for a reader."""
        told = [f"{c.part}: {c.before} -> {c.after}" for c in self.changed]
        told += [f"not judged: {self.problem}"] if self.problem else []
        return "\n  ".join([f"episode {number}", *told])

    def to_json(self, stored: Stored) -> dict[str, Any]:
        """The same as JSON values, with both results."""
        return {
            "number": stored.number,
            "episode_id": stored.episode.episode_id,
            "changed": {c.part: [c.before, c.after] for c in self.changed},
            "problem": self.problem or None,
            "before": stored.episode.result.model_dump(),
            "after": self.result.model_dump() if self.result else None,
        }


@dataclass(slots=True)
class _Tally:
    """Counts over all episodes that were judged again."""

    episodes: int = 0
    news: int = 0
    problems: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    before: float = 0.0
    after: float = 0.0

    def add(self, stored: Stored, verdict: _Verdict) -> None:
        """Count an episode."""
        self.episodes += 1
        self.news += verdict.is_news
        self.problems += bool(verdict.problem)
        for change in verdict.changed:
            self.parts[change.part] = self.parts.get(change.part, 0) + 1
        if verdict.result is not None:
            self.before += stored.episode.result.reward or 0.0
            self.after += verdict.result.reward or 0.0

    def lines(self, digest: str) -> Iterator[str]:
        """A summary."""
        yield f"{self.episodes} episodes judged by policies {digest}"
        if self.news > _SHOWN:
            yield f"{self.news - _SHOWN} more changes are in --format json"
        for part, number in self.parts.items():
            yield f"{part} changed: {number}"
        if self.problems:
            yield f"not judged: {self.problems}"
        judged = self.episodes - self.problems
        if judged:
            means = self.before / judged, self.after / judged
            yield "mean reward of the defender: {:+.4f} -> {:+.4f}".format(*means)


def _again(
    stored: Stored, judge: Judge, defender: str | None, attacker: str | None
) -> _Verdict:
    from opensoc_engine import InputError
    from opensoc_env.rescoring import RescoreError, changes, rescore

    episode = stored.episode
    try:
        result = rescore(
            episode, judge, defender_rubric=defender, attacker_rubric=attacker
        )
    except (RescoreError, InputError) as error:
        return _Verdict(None, problem=str(error))
    return _Verdict(result, changes(episode.result, result))


def _judge(rules: Path | None, defender: str | None, attacker: str | None) -> Judge:
    """The judge, which must have the rubrics that are asked for."""
    from opensoc_engine import OpenSocError
    from opensoc_env.judge import ATTACKER_RUBRIC, DEFENDER_RUBRIC

    judge = judge_of(rules)
    try:
        judge.require_rubrics(defender or DEFENDER_RUBRIC, attacker or ATTACKER_RUBRIC)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    return judge


@contextmanager
def _opened(path: Path) -> Iterator[EpisodeStore]:
    """A store that is there already; what is wrong with it stops the verb."""
    from opensoc_env.store import EpisodeStore, StoreError

    try:
        with EpisodeStore.open(path, create=False) as store:
            yield store
    except StoreError as error:
        raise reporting.stop(str(error)) from None


def _wanted(task: str, mode: str, role: str, digest: str, episode: str) -> Wanted:
    from opensoc_env.models import MODES, TASKS
    from opensoc_env.store import Wanted

    _require("task", task, TASKS)
    _require("mode", mode, MODES)
    _require("role", role, ("attacker", "defender"))
    return Wanted(
        cast("TaskName", task) or None,
        cast("Mode", mode) or None,
        cast("Role", role) or None,
        digest or None,
        episode or None,
    )


def _require(what: str, value: str, known: Sequence[str]) -> None:
    if value and value not in known:
        raise reporting.stop(f"no {what} `{value}`", f"use one of {', '.join(known)}")


def _row(stored: Stored) -> str:
    from opensoc_env.log_text import quote

    episode, result = stored.episode, stored.episode.result
    return _ROW.format(
        stored.number,
        episode.task,
        episode.mode,
        episode.role or "both",
        result.truth_action,
        _answer(episode),
        _number(result.reward),
        _number(result.attacker_reward),
        quote(episode.episode_id),
    )


def _answer(episode: FinishedEpisode) -> str:
    if episode.answer is not None:
        return episode.answer.action
    return "unreadable" if episode.answered else "none"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def _exported(stored: Stored) -> str:
    row = {"number": stored.number, **stored.episode.model_dump(mode="json")}
    return json.dumps(row, ensure_ascii=False)


def _told(episode: FinishedEpisode) -> Iterator[str]:
    """An episode for a reader; what a client or an attacker wrote is quoted."""
    from opensoc_env.log_text import quote, render_fields

    yield f"episode {quote(episode.episode_id)}, {episode.task}, {episode.mode}"
    where = f"split {episode.split}, row" if episode.split else "index"
    yield f"seed {episode.seed}, {where} {episode.index}"
    yield f"policies {episode.policy_digest}"
    yield f"rubrics {episode.defender_rubric} and {episode.attacker_rubric}"
    yield "\nevents"
    for event in episode.incident["events"]:
        text = render_fields(event, {})
        yield f"  {quote(event['log_id'])} {event['timestamp']} {text}"
    yield f"\nanswer: {_answer(episode)}"
    if episode.answer is not None:
        yield f"  cites: {', '.join(map(quote, episode.answer.cited_log_ids)) or '-'}"
        yield f"  because: {quote(episode.answer.rationale)}"
    yield f"right: {episode.result.truth_action}"
    yield from _reasons(episode.result)


def _reasons(result: EpisodeResult) -> Iterator[str]:
    from opensoc_env.log_text import quote

    for fired in result.fired:
        evidence = ", ".join(map(quote, fired.evidence))
        yield f"  {fired.rule} {fired.version}: {fired.action} by {evidence}"
    for violation in result.violations:
        yield f"  not plausible, {violation.rule}: {quote(violation.message)}"
    yield f"reward of the defender: {_number(result.reward)}"
    for term in result.terms:
        yield f"  {term.rule} {term.value:+.2f}"
    if result.attacker_reward is not None:
        yield f"reward of the attacker: {_number(result.attacker_reward)}"
    for term in result.attacker_terms:
        yield f"  {term.rule} {term.value:+.2f}"
