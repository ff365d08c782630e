"""`opensoc attack`: how easily scripted attackers beat a defender, and by what."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_env.judge import Judge
    from opensoc_env.models import TaskName
    from opensoc_env.opponents.campaign import Bout, Campaign
    from opensoc_env.opponents.mutations import Change

# More would take minutes and change no digit of the table.
MAX_EPISODES = 10_000
MAX_BUDGET = 10_000
_SHOWN_FINDS = 5
_ROW = "{:<10} {:>8}  {:<14} {:>8}  {:>8}"
_NEXT = """\
A find is plausible by the rules and answered wrongly. Read it: either the defender has
a weakness, or the verifier's verdict is wrong and the rules have a gap.
Next:
  opensoc attack --defender {defender} --save FOLDER   keep the finds as case files"""


class Form(StrEnum):
    """How the outcome is written."""

    TEXT = "text"
    JSON = "json"


def run(
    defender: Annotated[
        str, typer.Option(help="The built-in defender that is attacked.")
    ] = "keyword_heuristic",
    episodes: Annotated[
        int, typer.Option(min=1, max=MAX_EPISODES, help="Incidents in all.")
    ] = 40,
    budget: Annotated[
        int, typer.Option(min=1, max=MAX_BUDGET, help="Tries of each search.")
    ] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Which incidents and draws.")] = 1,
    task: Annotated[
        list[str] | None, typer.Option(help="A stage; all by default. May be repeated.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Folder for the finds, as case files.")
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How to write the outcome.")
    ] = Form.TEXT,
) -> None:
    """Attack a defender: with the generator's incidents, then by search."""
    from opensoc_engine import OpenSocError
    from opensoc_env.defenders import make_defender
    from opensoc_env.judge import default_judge
    from opensoc_env.opponents.campaign import run_campaign

    try:
        judge = default_judge()
        campaign = run_campaign(
            make_defender(defender),
            tasks=_tasks(task or []),
            episodes=episodes,
            seed=seed,
            budget=budget,
            judge=judge,
        )
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
    if save is not None:
        _save(save, campaign, judge)
    if form is Form.JSON:
        typer.echo(json.dumps(campaign.to_json(), indent=2))
    else:
        typer.echo(_render(campaign))


def _tasks(names: list[str]) -> tuple[TaskName, ...]:
    from opensoc_env.models import TASKS

    for name in names:
        if name not in TASKS:
            raise reporting.stop(
                f"there is no task `{name}`", f"name one of {', '.join(TASKS)}"
            )
    return cast("tuple[TaskName, ...]", tuple(dict.fromkeys(names))) or TASKS


def _render(campaign: Campaign) -> str:
    finds = [bout for bout in campaign.bouts if bout.hunt.beaten]
    lines = [
        f"defender {campaign.defender}; seed {campaign.seed}",
        f"{len(campaign.bouts)} incidents of {', '.join(campaign.tasks)}",
        _tries(campaign),
        "",
        _ROW.format("attacker", "beats it", "95 %", "of", "reward"),
        *_rows(campaign),
        "",
        *_kinds(finds),
        *_shown(finds),
        f"policies {campaign.digest}",
        "",
        _NEXT.format(defender=campaign.defender),
    ]
    return "\n".join(lines)


def _tries(campaign: Campaign) -> str:
    return (
        f"at most {campaign.budget} tries for each, {campaign.tried} in all; "
        f"{campaign.plausible} of these were plausible"
    )


def _rows(campaign: Campaign) -> Iterator[str]:
    from opensoc_env.opponents.campaign import beaten_share, mean_reward

    for name, results in campaign.results.items():
        share = beaten_share(results)
        low, high = share.interval
        yield _ROW.format(
            name,
            f"{share.value:.2f}",
            f"{low:.2f}..{high:.2f}",
            share.n,
            f"{mean_reward(results):.2f}",
        ).rstrip()


def _kinds(finds: list[Bout]) -> Iterator[str]:
    """Which answers were wrong, and which facts were changed to get them."""
    wrong, changed = Counter[str](), Counter[str]()
    for bout in finds:
        found = bout.hunt.beaten
        assert found is not None, "only finds are counted"
        said = found.answer.action if found.answer else "unreadable"
        wrong[f"{found.truth.outcome} taken for {said}"] += 1
        changed.update({_fact(change) for change in found.attempt.changes})
    for title, counts in (("wrong answers", wrong), ("changed facts", changed)):
        if counts:
            yield f"{title}:"
            yield from (f"  {n:>4}  {name}" for name, n in counts.most_common(8))


def _fact(change: Change) -> str:
    return " ".join(part for part in (change.event_type, change.field) if part)


def _shown(finds: list[Bout]) -> Iterator[str]:
    """The finds that needed a change, the first few."""
    changed = [b for b in finds if b.hunt.beaten and b.hunt.beaten.attempt.changes]
    if changed:
        yield "finds by search:"
    for bout in changed[:_SHOWN_FINDS]:
        found = bout.hunt.beaten
        assert found is not None, "only finds are shown"
        said = found.answer.action if found.answer else "unreadable"
        yield f"  {_name(bout)}: {found.truth.outcome}, answered {said}"
        yield from (f"    {change}" for change in found.attempt.changes)


def _name(bout: Bout) -> str:
    return f"{bout.task} {bout.index} after {bout.hunt.tried} tries"


def _save(folder: Path, campaign: Campaign, judge: Judge) -> None:
    """One case file for each policy that a find belongs to."""
    from opensoc_env.case_file import render_cases

    files = render_cases(_named_incidents(campaign), judge)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for policy, text in files.items():
            (folder / f"{policy}.cases.yaml").write_text(text, "utf-8")
    except OSError as error:
        why = error.strerror or error
        raise reporting.stop(
            f"{folder}: {why}", "name a folder for the finds"
        ) from None
    count = sum(bout.hunt.beaten is not None for bout in campaign.bouts)
    typer.echo(f"{count} finds in {len(files)} files in {folder}", err=True)


def _named_incidents(campaign: Campaign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for bout in campaign.bouts:
        found = bout.hunt.beaten
        if found is not None:
            name = (
                f"beats {campaign.defender}: {bout.task} {campaign.seed}.{bout.index}"
            )
            yield name, found.attempt.incident
