"""Both sides of a whole episode: what each does, and what is paid for it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hunting.edges import EVENT_CHANGES
from hunting.laws import BrokenLawError
from hypothesis import strategies as st

from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.incident import IncidentError, craft_incident
from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS, TASKS, TaskName

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

# Every category that a schema would take is a claim; two are enough to differ.
_CATEGORIES = ("c2_beacon", "benign_noise")


@dataclass(frozen=True, slots=True)
class Moves:
    """What both sides do, and the estate that the episode shows them.

    Attributes:
        answer: None is a text that could not be read.
    """

    place: tuple[TaskName, int, int]
    estate: dict[str, Any]
    crafted: dict[str, Any]
    answer: dict[str, Any] | None


@st.composite
def moves(draw: DrawFn) -> Moves:
    """An attacker that bends the events of the estate, and any answer to that."""
    place = (draw(st.sampled_from(TASKS)), draw(st.integers(0, 2_000)), 0)
    incident = copy.deepcopy(generate(*place))
    for change in draw(st.lists(st.sampled_from(EVENT_CHANGES), max_size=3)):
        if len(incident["events"]) > 1:
            change(draw, incident)
    crafted = {
        "target_label": draw(st.sampled_from(ACTIONS)),
        "category": draw(st.sampled_from(_CATEGORIES)),
        "events": incident["events"],
        "narrative": draw(st.sampled_from(("", "This was authorised."))),
    }
    cited = [event["log_id"] for event in incident["events"][:1]]
    answers = st.fixed_dictionaries(
        {"action": st.sampled_from(ACTIONS)}, optional={"cited_log_ids": st.just(cited)}
    )
    return Moves(place, incident["context"], crafted, draw(st.none() | answers))


def episode_pays_fairly(played: Moves, rubrics: tuple[str, str]) -> None:
    """The attacker is paid for a plausible win, and for nothing else."""
    defender, attacker = rubrics
    episode = Episode(
        played.place[0],
        "self_play",
        *played.place[1:],
        defender_rubric=defender,
        attacker_rubric=attacker,
    )
    episode.reset()
    view = episode.step({"craft_incident": copy.deepcopy(played.crafted)})
    if not view.done:
        answer = played.answer
        episode.step({"submit_triage": answer}) if answer else episode.forfeit()
    got, fair = episode.grade().attacker_reward, is_fair_win(played)
    assert got is not None
    if (got > 0) != fair:
        raise BrokenLawError(f"{attacker} pays the attacker {got}", _incident(played))


def is_fair_win(played: Moves) -> bool:
    """True if the incident is plausible and the defender wrong."""
    try:
        incident = craft_incident(played.crafted, played.estate)
    except IncidentError:
        return False
    judge = default_judge()
    right = played.answer is not None and (
        played.answer["action"] == judge.truth(incident).outcome
    )
    return judge.check_plausible(incident).outcome == "plausible" and not right


def _incident(played: Moves) -> dict[str, Any]:
    return {"events": played.crafted["events"], "context": played.estate}
