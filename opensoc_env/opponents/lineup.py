"""Names of opponents become opponents.

Callers name who they play against; whoever runs the server says which names there are.
So a caller can't make a server call an address of the caller's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from opensoc_env.defenders import BASELINES, make_defender
from opensoc_env.episode import HUMAN, EpisodeError
from opensoc_env.judge import default_judge
from opensoc_env.opponents.attackers import TemplateAttacker
from opensoc_env.opponents.search import SearchAttacker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opensoc_env.defenders import Defender
    from opensoc_env.judge import Judge
    from opensoc_env.models import Mode, Role
    from opensoc_env.opponents.attackers import Attacker

ORACLE = "verifier_oracle"

DEFAULT_OPPONENTS: Mapping[Role, str] = {
    "attacker": "keyword_heuristic",
    "defender": "template",
}
"""Who plays against a role if the caller names nobody."""


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who can play the other side, by name."""

    attackers: Mapping[str, Callable[[], Attacker]]
    defenders: Mapping[str, Callable[[], Defender]]

    def names(self, role: Role) -> tuple[str, ...]:
        """Who can play against a role."""
        found = self.defenders if role == "attacker" else self.attackers
        return (*found, HUMAN)

    def against(self, role: Role, name: str | None) -> Attacker | Defender | None:
        """Who plays against a role; None for another caller.

        Raises:
            EpisodeError: There is nobody of that name.
        """
        name = name or DEFAULT_OPPONENTS[role]
        if name == HUMAN:
            return None
        found: Mapping[str, Callable[[], Attacker | Defender]]
        found = self.defenders if role == "attacker" else self.attackers
        if name not in found:
            known = f"one of {', '.join(self.names(role))}"
            text = f"`opponent`: nobody here is called `{name[:64]}`; expected {known}"
            raise EpisodeError("bad_reset", text, field="opponent", expected=known)
        return found[name]()

    def seated(
        self, mode: Mode, role: Role | None, name: str | None
    ) -> Attacker | Defender | None:
        """Who plays the other side of an episode, if it has one that is not the caller.

        Raises:
            EpisodeError: There is no other side, or nobody of that name.
        """
        if role is not None and mode == "self_play":
            return self.against(role, name)
        if name is not None:
            expected = "none, or `self_play` and a role for the caller"
            text = f"`opponent`: there is no other side to play; expected {expected}"
            raise EpisodeError("bad_reset", text, field="opponent", expected=expected)
        return None

    def joined_by(
        self,
        attackers: Mapping[str, Callable[[], Attacker]],
        defenders: Mapping[str, Callable[[], Defender]],
    ) -> Lineup:
        """The lineup with more opponents, such as frozen models."""
        return Lineup({**self.attackers, **attackers}, {**self.defenders, **defenders})


def built_in(judge: Judge | None = None) -> Lineup:
    """The opponents that need nothing but this package.

    Args:
        judge: Whom those who know the truth have it from; the shipped rules by default.
    """
    return Lineup(
        attackers={
            "template": TemplateAttacker,
            **{
                f"search:{name}": partial(_searching, name, judge)
                for name in BASELINES
                if name != ORACLE
            },
        },
        defenders={name: partial(make_defender, name, judge) for name in BASELINES},
    )


def _searching(name: str, judge: Judge | None) -> Attacker:
    return SearchAttacker(make_defender(name), judge or default_judge())


BUILT_IN = built_in()
"""Those that go by the shipped rules."""
