"""A task, a seed and an index become one incident, always the same one.

The generator picks a scenario that its author expects to deserve some action, stages
it, mixes in decoys and records of other work, and asks the judge what is right: a label
never comes from a template. What comes out is valid, plausible and normal (see
`opensoc_env.incident`), and its ids count events in order of time, so they say nothing.
`flip_pair` gives two incidents that differ in one fact and deserve different actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Iterator, Mapping
    from random import Random

    from opensoc_env.judge import Judge

HOLDOUT_SEEDS = 2_000_000_000
"""From this seed on, what is kept for evaluation is used as well."""

UNSEEN_CATEGORIES = frozenset({"insider", "rmm_misuse"})
"""Categories that are kept for evaluation."""

_ATTEMPTS = 8
"""Tries for a plausible incident; the shipped scenarios need one: a test holds it."""


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


def generate(
    task: TaskName,
    seed: int,
    index: int = 0,
    *,
    judge: Judge | None = None,
    scope: Scope | None = None,
) -> dict[str, Any]:
    """The incident that a task, a seed and an index name.

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
    stage = STAGES.get(task)
    if stage is None:
        raise InputError(f"no task `{task}`: expected one of {', '.join(TASKS)}")
    judge, scope = judge or default_judge(), scope or scope_of(seed)
    for attempt in range(_ATTEMPTS):
        key = fingerprint(task, seed, index, attempt)
        scenario, variant = _pick(stage, key, scope)
        incident = craft(scenario, variant.twists, key, stage, world=scope.world)
        if is_plausible(incident, judge):
            return labelled(incident, judge)
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
        add_record(scene, core, number)
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
    return bool(judge.check_plausible(incident).outcome == "plausible")


def labelled(incident: Mapping[str, Any], judge: Judge) -> dict[str, Any]:
    """The incident with the label that the judge says."""
    return {**incident, "target_label": judge.truth(incident).outcome}


@dataclass(frozen=True, slots=True)
class FlipPair:
    """Two incidents that one fact tells apart, with different right actions.

    Attributes:
        fact: The fact in words; it holds in the second incident.
    """

    first: dict[str, Any]
    second: dict[str, Any]
    fact: str


def flip_pair(
    task: TaskName, seed: int, index: int = 0, *, judge: Judge | None = None
) -> FlipPair:
    """The pair that a task, a seed and an index name.

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
                return FlipPair(first, second, scenario.fact(twist))
    raise InternalError(f"no flip pair for {task}, seed {seed}, index {index}")


def _pick(stage: Stage, key: str, scope: Scope) -> tuple[Scenario, Variant]:
    """A variant for an action, a category and a scenario that are drawn evenly."""
    draw = stream(key, "pick")
    allowed = [
        (scenario, variant)
        for scenario in load_library().scenarios
        for variant in scenario.variants
        if stage.number in variant.stages and scope.holds(scenario, variant)
    ]
    if not allowed:
        raise InternalError(f"no scenario for stage {stage.number} in {scope}")
    expected = {variant.expect for _, variant in allowed}
    action = draw.choice([action for action in ACTIONS if action in expected])
    found = [pair for pair in allowed if pair[1].expect == action]
    category = draw.choice(sorted({scenario.category for scenario, _ in found}))
    found = [pair for pair in found if pair[0].category == category]
    name = draw.choice(sorted({scenario.name for scenario, _ in found}))
    return draw.choice([pair for pair in found if pair[0].name == name])


def _flips(
    stage: Stage, draw: Random, scope: Scope
) -> Iterator[tuple[Scenario, tuple[str, ...], str]]:
    """Scenarios with twists in force and one more to try, in a drawn order."""
    starts = [
        (scenario, variant)
        for scenario in load_library().scenarios
        for variant in scenario.variants
        if stage.number in variant.stages and scope.holds(scenario, variant)
    ]
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
