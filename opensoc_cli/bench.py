"""`opensoc bench`: how fast labels are, beside code by hand and other engines.

The contenders stand in `benchmarks/`, which is part of a checkout and not of a wheel.
Times depend on the machine; ratios of one run are what can be compared.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.measure import Timing
    from opensoc_engine import PolicySet

    Incident = Mapping[str, Any]

# Wide enough for every name: a table that is cut says nothing.
_WIDTH = 100
_COLUMNS = ("contender", "takes", "us/incident", "x", "incidents", "labels")


def run(
    incidents: Annotated[
        int, typer.Option("--incidents", "-n", min=20, help="How many incidents.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the workload.")] = 1,
    rounds: Annotated[
        int, typer.Option(min=1, max=99, help="Interleaved rounds; medians are shown.")
    ] = 5,
    *,
    scaling: Annotated[
        bool, typer.Option(help="Also 40, 400 and 4,000 made-up rules.")
    ] = True,
) -> None:
    """Time the engine on one seeded workload; every label is compared."""
    if find_spec("benchmarks") is None:
        raise reporting.stop(
            "`benchmarks/` is not here", "run this in a checkout of the repository"
        )
    from benchmarks.workload import incidents as workload
    from opensoc_env.judge import default_judge

    _say(f"making {incidents} incidents, seed {seed}")
    made = list(workload(incidents, seed))
    verifier = default_judge().verifier
    _by_hand(made, rounds)
    _todays(verifier, made, rounds)
    _portable(made, rounds)
    if scaling:
        _scaling(made[: max(20, incidents // 10)], rounds)


def _by_hand(made: Sequence[Incident], rounds: int) -> None:
    from benchmarks.full_rules import contenders, pinned
    from benchmarks.measure import measure

    verifier = pinned()
    found, missing = contenders(verifier)
    events = sum(len(incident["events"]) for incident in made) / len(made)
    title = f"{_rules(verifier)} rules, which are written by hand too"
    _say(f"{title}; {events:.1f} events an incident")
    _table(measure(found, made, _labels(verifier, made), rounds), missing)


def _todays(verifier: PolicySet, made: Sequence[Incident], rounds: int) -> None:
    from benchmarks.full_rules import ours
    from benchmarks.measure import measure

    _say(f"today's verifier set: {_rules(verifier)} rules")
    _table(measure(ours(verifier), made, _labels(verifier, made), rounds), ())


def _rules(policies: PolicySet) -> int:
    return sum(len(part.facts) for part in policies.parts)


def _labels(policies: PolicySet, made: Sequence[Incident]) -> list[str]:
    return [policies.evaluate(incident).outcome for incident in made]


def _portable(made: Sequence[Incident], rounds: int) -> None:
    from benchmarks.measure import measure
    from benchmarks.portable_rules import contenders, load

    policies = load()
    found, missing = contenders(policies)
    _say(f"{_rules(policies)} portable rules, which every engine can express")
    _table(measure(found, made, _labels(policies, made), rounds), missing)


def _scaling(made: Sequence[Incident], rounds: int) -> None:
    from benchmarks.scaling import cost

    _say("made-up rules, each of which wants one image")
    first: float | None = None
    for number, microseconds in cost(made, rounds):
        first = first or microseconds
        line = f"{number:>6} rules {microseconds:9.2f} us/incident"
        typer.echo(f"{line} {microseconds / first:7.2f} x")


def _table(timings: Sequence[Timing], missing: Iterable[str]) -> None:
    """Times, and ratios to the first contender."""
    from rich.box import ASCII2
    from rich.console import Console
    from rich.table import Table

    one = timings[0].microseconds
    table = Table(box=ASCII2)
    for at, title in enumerate(_COLUMNS):
        table.add_column(title, justify="left" if at < 2 else "right", no_wrap=True)  # noqa: PLR2004
    for timing in timings:
        table.add_row(
            timing.contender.name,
            timing.contender.takes,
            f"{timing.microseconds:,.2f}",
            f"{timing.microseconds / one:,.2f}",
            f"{timing.incidents:,}",
            f"{timing.wrong} wrong" if timing.wrong else "all equal",
        )
    Console(highlight=False, width=_WIDTH).print(table)
    for name in missing:
        typer.echo(f"not installed, not measured: {name}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
