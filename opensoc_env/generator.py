"""A task, a seed and an index become one incident, always the same one.

The generator picks a scenario that its author expects to deserve some action, stages
it, mixes in decoys and records of other work, and asks the judge what is right: a label
never comes from a template. What comes out is valid, plausible and normal (see
`opensoc_env.incident`), and its ids count events in order of time, so they say nothing.
`flip_pair` gives two incidents that differ in one fact and deserve different actions,
`decoy_pair` the same one alone and among decoys.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from opensoc_engine.errors import InputError, InternalError
from opensoc_env.casting import Cast
from opensoc_env.decoys import add_bystanders, add_decoy, add_record, core_of
from opensoc_env.draws import fingerprint, stream
from opensoc_env.estate import build_estate, shown
from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS, TASKS, TaskName
from opensoc_env.scenario import Scenario, Variant, load_library
from opensoc_env.staging import LEAD_UP, Moment, Scene, perform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from opensoc_engine import Decision
    from opensoc_env.judge import Judge

HOLDOUT_SEEDS = 2_000_000_000
"""From this seed on, what is kept for evaluation is used as well."""

_COMPANY = 3
"""Decoys around the second incident of a decoy pair."""

UNSEEN_CATEGORIES = frozenset({"insider", "rmm_misuse"})
"""Categories that are kept for evaluation."""

_TURNED = 0.75
"""How often a twist joins a variant. Without it shortcuts learn much more from counts
and single fields: `opensoc eval --shortcuts --fresh 5` measures it."""

_STARTS = {"dismiss": 0.4, "quarantine_host": 1.4}
"""How often an action is drawn, if not once: a twist that joins mostly makes one less
grave, so that in the end a third is to be dismissed and no other action is rare."""

_ATTEMPTS = 8
"""Tries for a plausible incident; few of those that a twist joined need a second."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the curriculum.

    Attributes:
        decoys: How many benign stories it mixes in.
        records: How many records of other work the estate has.
    """

    number: int
    decoys: int
    records: int


STAGES: Mapping[TaskName, Stage] = {
    "stage1_basic": Stage(1, decoys=0, records=1),
    "stage2_multi": Stage(2, decoys=1, records=1),
    "stage3_mixed": Stage(3, decoys=2, records=2),
    "stage4_adversarial": Stage(4, decoys=3, records=2),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What incidents may be made of.

    Attributes:
        unseen: True to use what is kept for evaluation as well.
        categories: Only these; all if it is None.
        evasions: True for evasions alone.
        world: Where the estate is, see `opensoc_env.estate.WORLDS`.
    """

    unseen: bool = False
    categories: frozenset[str] | None = None
    evasions: bool = False
    world: str = "home"

    def holds(self, scenario: Scenario, variant: Variant) -> bool:
        """True if a variant may be used."""
        kept = variant.unseen or scenario.category in UNSEEN_CATEGORIES
        return (
            (self.unseen or not kept)
            and (self.categories is None or scenario.category in self.categories)
            and (not self.evasions or variant.evasion)
        )


def scope_of(seed: int) -> Scope:
    """What a seed alone allows: training seeds leave out what evaluation keeps."""
    return Scope(unseen=seed >= HOLDOUT_SEEDS)


def categories_in(scope: Scope, action: str) -> tuple[str, ...]:
    """The categories of a scope that have a variant made to deserve an action."""
    found = {
        scenario.category
        for scenario in load_library().scenarios
        for variant in scenario.variants
        if variant.expect == action and scope.holds(scenario, variant)
    }
    return tuple(sorted(found))


class _Plot(NamedTuple):
    """A variant that may be drawn; `more` are the twists that may join it."""

    scenario: Scenario
    twists: tuple[str, ...]
    more: tuple[str, ...]


_Menu: TypeAlias = dict[str, tuple[list[_Plot], list[float]]]


def generate(
    task: TaskName,
    seed: int,
    index: int = 0,
    *,
    judge: Judge | None = None,
    scope: Scope | None = None,
) -> dict[str, Any]:
    """The incident that a task, a seed and an index name; it is the caller's own.

    Args:
        task: A stage of the curriculum.
        seed: Names a stream of incidents.
        index: Which one of them.
        judge: Labels it; the shipped policies by default.
        scope: What it may be made of; by default what the seed allows.

    Raises:
        InputError: There is no such task.
        InternalError: No plausible incident came out; the scenarios are at fault.
    """
    judge = judge or default_judge()
    return generate_judged(task, seed, index, judge, scope or scope_of(seed))[0]


def generate_judged(
    task: TaskName, seed: int, index: int, judge: Judge, scope: Scope
) -> tuple[dict[str, Any], Decision]:
    """An incident as `generate` gives it, and the truth that labelled it."""
    stage = STAGES.get(task)
    if stage is None:
        raise InputError(f"no task `{task}`: expected one of {', '.join(TASKS)}")
    for attempt in range(_ATTEMPTS):
        key = fingerprint(task, seed, index, attempt)
        scenario, twists = _pick(stage, key, scope)
        incident = craft(scenario, twists, key, stage, world=scope.world)
        if is_plausible(incident, judge):
            truth = judge.truth(incident)
            return {**incident, "target_label": truth.outcome}, truth
    raise InternalError(f"no plausible incident for {task}, seed {seed}, index {index}")


def craft(
    scenario: Scenario,
    twists: tuple[str, ...],
    key: str,
    stage: Stage,
    *,
    world: str = "home",
) -> dict[str, Any]:
    """The incident that a scenario makes of a key; it has no label yet."""
    cast = Cast(key, scenario.name, build_estate(key, world), load_library().pools)
    cast.draw_all(scenario.spec["cast"], scenario.recast(twists))
    core = core_of(cast)
    lead_up = (LEAD_UP,) if stage.number > 1 else ()
    scene = perform(scenario, (*twists, *lead_up), cast)
    moments = list(scene.moments)
    for number in range(stage.decoys):
        moments += add_decoy(scene, core, number)
    for number in range(stage.records):
        add_record(scene, core, number, scenario.text)
    add_bystanders(scene)
    return {
        "incident_id": f"INC-{fingerprint(key, 'name')[:8]}",
        "category": scenario.category,
        "narrative": cast.fill(scenario.spec["narrative"]),
        "events": list(_named_events(scene, moments)),
        "context": shown(scene.estate, cast.hosts, cast.users),
    }


def is_plausible(incident: Mapping[str, Any], judge: Judge) -> bool:
    """True if the judge has no objection."""
    return judge.plausibility.outcome(incident) == "plausible"


def labelled(incident: Mapping[str, Any], judge: Judge) -> dict[str, Any]:
    """The incident with the label that the judge says."""
    return {**incident, "target_label": judge.verifier.outcome(incident)}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two incidents that are alike but for one thing.

    Attributes:
        fact: The thing in words; it holds in the second incident.
    """

    first: dict[str, Any]
    second: dict[str, Any]
    fact: str


def flip_pair(
    task: TaskName, seed: int, index: int = 0, *, judge: Judge | None = None
) -> Pair:
    """The pair that a task, a seed and an index name; its right actions differ.

    Raises:
        InternalError: No pair was found; the scenarios are at fault.
    """
    judge = judge or default_judge()
    key = fingerprint("flip", task, seed, index)
    draw, stage = stream(key, "pair"), STAGES[task]
    for scenario, twists, twist in _flips(stage, draw, scope_of(seed)):
        pair = [craft(scenario, t, key, stage) for t in (twists, (*twists, twist))]
        if all(is_plausible(incident, judge) for incident in pair):
            first, second = (labelled(incident, judge) for incident in pair)
            if first["target_label"] != second["target_label"]:
                return Pair(first, second, scenario.fact(twist))
    raise InternalError(f"no flip pair for {task}, seed {seed}, index {index}")


def decoy_pair(
    task: TaskName, seed: int, index: int = 0, *, judge: Judge | None = None
) -> Pair:
    """An incident alone and among decoys, with the same right action.

    Raises:
        InternalError: No pair was found; the scenarios are at fault.
    """
    judge, stage = judge or default_judge(), STAGES[task]
    for attempt in range(_ATTEMPTS):
        key = fingerprint("decoys", task, seed, index, attempt)
        scenario, twists = _pick(stage, key, scope_of(seed))
        pair = [
            craft(scenario, twists, key, replace(stage, decoys=decoys))
            for decoys in (0, _COMPANY)
        ]
        if all(is_plausible(incident, judge) for incident in pair):
            first, second = (labelled(incident, judge) for incident in pair)
            if first["target_label"] == second["target_label"]:
                return Pair(first, second, "other work stands between its events")
    raise InternalError(f"no decoy pair for {task}, seed {seed}, index {index}")


def _pick(stage: Stage, key: str, scope: Scope) -> tuple[Scenario, tuple[str, ...]]:
    """A scenario and the twists in force, made for an action that is drawn.

    Mostly one more twist joins those of a variant, whatever it does to the label: then
    what happened says little of what is right.
    """
    draw, menu = stream(key, "pick"), _menu(stage.number, scope)
    if not menu:
        raise InternalError(f"no scenario for stage {stage.number} in {scope}")
    starts = {action: _STARTS.get(action, 1) for action in ACTIONS if action in menu}
    action = draw.choices(list(starts), list(starts.values()))[0]
    plots, weights = menu[action]
    plot = draw.choices(plots, cum_weights=weights)[0]
    if plot.more and draw.random() < _TURNED:
        return plot.scenario, (*plot.twists, draw.choice(plot.more))
    return plot.scenario, plot.twists


@lru_cache(maxsize=64)
def _allowed(stage: int, scope: Scope) -> tuple[tuple[Scenario, Variant], ...]:
    """What a stage may use of a scope, in the order of the files."""
    return tuple(
        (scenario, variant)
        for scenario in load_library().scenarios
        for variant in scenario.variants
        if stage in variant.stages and scope.holds(scenario, variant)
    )


@lru_cache(maxsize=64)
def _menu(stage: int, scope: Scope) -> _Menu:
    """The same by expected action, with weights that add up.

    The more actions a category or a scenario can deserve, the more often it is drawn,
    by the square: then each of these actions is about as likely in it as the others.
    """
    pairs = _allowed(stage, scope)
    wide = Counter(c for c, _ in {(s.category, v.expect) for s, v in pairs})
    wide += Counter(n for n, _ in {(f"- {s.name}", v.expect) for s, v in pairs})
    menu: _Menu = {}
    for action in {variant.expect for _, variant in pairs}:
        made = [pair for pair in pairs if pair[1].expect == action]
        plots = [_Plot(s, v.twists, tuple(_more(s, v, scope))) for s, v in made]
        menu[action] = plots, list(accumulate(_weights(made, wide)))
    return menu


def _weights(
    pairs: Sequence[tuple[Scenario, Variant]], wide: Mapping[str, int]
) -> Iterator[float]:
    """How often each pair is drawn; the variants of a scenario share its part.

    A category that deserves one action alone, as noise does, is like the widest one.
    """
    variants = Counter(scenario.name for scenario, _ in pairs)
    parts = {s.name: (s.category, wide[f"- {s.name}"] ** 2) for s, _ in pairs}
    whole: Counter[str] = Counter()
    for category, part in parts.values():
        whole[category] += part
    for scenario, _ in pairs:
        category, part = parts[scenario.name]
        share = part / whole[category] / variants[scenario.name]
        yield (wide[category] if wide[category] > 1 else len(ACTIONS)) ** 2 * share


def _more(scenario: Scenario, variant: Variant, scope: Scope) -> Iterator[str]:
    """Twists that may join a variant, but for those that make one that is kept."""
    if scope.evasions:
        return
    kept = [v.twists for v in scenario.variants if not scope.holds(scenario, v)]
    for twist in scenario.twist_names:
        twists = {*variant.twists, twist}
        is_new = twist not in variant.twists and scenario.allows(twist, variant.twists)
        if is_new and not any(twist in k and twists.issuperset(k) for k in kept):
            yield twist


def _flips(
    stage: Stage, draw: Random, scope: Scope
) -> Iterator[tuple[Scenario, tuple[str, ...], str]]:
    """Scenarios with twists in force and one more to try, in a drawn order."""
    starts = list(_allowed(stage.number, scope))
    draw.shuffle(starts)
    for scenario, variant in starts:
        more = [name for name in scenario.twist_names if name not in variant.twists]
        draw.shuffle(more)
        for twist in more:
            if scenario.allows(twist, variant.twists):
                yield scenario, variant.twists, twist


def _named_events(scene: Scene, moments: list[Moment]) -> Iterator[dict[str, Any]]:
    """Events in order of time, a second apart at least, with ids that count them."""
    last = min(moment.offset for moment in moments) - 1
    for number, moment in enumerate(sorted(moments, key=lambda m: m.offset)):
        last = max(last + 1, moment.offset)
        head = {"log_id": f"L1-{number}", "timestamp": scene.time(last)}
        yield {**moment.event, **head}
