"""A scene gets company: benign stories, records of other work and bystanders.

What is added depends on the key and on the machines and accounts of the scenario, never
on its twists, so two scenes that one twist tells apart get the same company. Decoys use
the words of attacks, and records of other work name the people of the scene, so that
neither a word nor the presence of a record gives an answer away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_env.casting import Cast
from opensoc_env.scenario import load_library
from opensoc_env.staging import Moment, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from opensoc_env.estate import Estate

MAX_HOSTS = 8
"""Most machines that an incident shows, but for one that a record names wrongly."""

_NEAR = 0.6
"""How often a decoy happens on a machine of the incident itself."""

_KEPT = 0.5
"""How often one elsewhere happens on a machine that must not be cut off: that such a
machine is in the window must not say that the incident is grave."""

_SHARED, _DOUBTED = 0.35, 0.2
"""How often a decoy's address is shared egress, or doubtful to intelligence."""

_FROM, _TO = -900, 1500
"""Seconds after the start of the scene between which a decoy starts."""

_BYSTANDERS = 3
_WORK = ("backup", "change", "deployment", "pentest", "scan", "transfer")


@dataclass(frozen=True, slots=True)
class Core:
    """What the scenario itself drew: decoys and records start from it."""

    hosts: tuple[str, ...]
    users: tuple[str, ...]
    addresses: tuple[str, ...]


def core_of(cast: Cast) -> Core:
    """The machines, accounts and addresses that a cast has taken so far."""
    return Core(tuple(cast.hosts), tuple(cast.users), tuple(cast.addresses))


def add_decoy(scene: Scene, core: Core, number: int) -> list[Moment]:
    """The events of one benign story; its machines and accounts join the scene."""
    draw = scene.cast.stream("decoy", number)
    story = draw.choice(load_library().decoys)
    cast = Cast(
        scene.cast.key,
        f"decoy {number}",
        scene.estate,
        scene.cast.pools,
        hosts=list(core.hosts),
        users=list(core.users),
        addresses=list(core.addresses),
    )
    who = cast.free_user(cast.stream("who"), "person")
    cast.facts = {"place": _place(cast, core, story), "who": who}
    cast.draw_all(story.get("cast", {}), {})
    if "address" in cast.facts:
        _note_address(scene, draw, cast.facts["address"])
    inner = Scene(cast, scene.start)
    inner.stage(story["events"], frozenset())
    shift = draw.randint(_FROM, _TO)
    _join(scene, cast.hosts, cast.users)
    label = f"decoy {number}"
    return [Moment(m.offset + shift, label, m.event) for m in inner.moments]


def add_record(scene: Scene, core: Core, number: int) -> None:
    """Add a record of other work, by or on what the scene shows."""
    draw = scene.cast.stream("record", number)
    kind = draw.choice(_WORK)
    users = core.users or ("svc-deploy",)
    hosts = core.hosts or (draw.choice(scene.estate["hosts"])["name"],)
    begin = draw.randrange(-7_200, 0, 300)
    actor, asset = draw.choice(users), draw.choice(hosts)
    scene.estate["authorisations"].append(
        {
            "id": f"{kind[:3].upper()}-{draw.randrange(1_000, 10_000)}",
            "kind": kind,
            "actor": actor,
            "asset": asset,
            "tool": draw.choice(scene.cast.pools["tools"]),
            "destination": draw.choice(["none", *scene.cast.pools["vendors"]]),
            "start": scene.time(begin),
            "end": scene.time(begin + draw.randrange(14_400, 43_200, 900)),
        }
    )
    _join(scene, [asset], [actor])


def add_bystanders(scene: Scene) -> None:
    """Show some machines and accounts that nothing happens to."""
    draw = scene.cast.stream("bystanders")
    hosts = draw.sample([h["name"] for h in scene.estate["hosts"]], _BYSTANDERS)
    users = draw.sample([u["name"] for u in scene.estate["users"]], _BYSTANDERS)
    room = max(0, MAX_HOSTS - len(scene.cast.hosts))
    _join(scene, hosts[:room], users)


def _note_address(scene: Scene, draw: Random, address: str) -> None:
    """Now and then the estate knows something of a decoy's address too."""
    if draw.random() < _SHARED:
        scene.estate["networks"]["shared_egress"].append(f"{address}/32")
    if draw.random() < _DOUBTED:
        scene.estate["threat_intelligence"].append(
            {"indicator": address, "type": "ip", "confidence": draw.randint(10, 48)}
        )


def _place(cast: Cast, core: Core, story: Mapping[str, Any]) -> Estate:
    """A machine of the scene that fits the story, or another one."""
    draw, system = cast.stream("place"), story.get("os")
    near = [
        host
        for host in cast.estate["hosts"]
        if host["name"] in core.hosts and system in (None, host["os"])
    ]
    if near and draw.random() < _NEAR:
        return dict(draw.choice(near))
    kept = draw.random() < _KEPT and _has_kept(cast, system)
    more = {"isolates": False} if kept else {}
    return cast.free_host(draw, os=system, blind=True, **more)


def _has_kept(cast: Cast, system: str | None) -> bool:
    """True if a machine that must not be cut off is still free."""
    return any(
        not host["tolerates_isolation"]
        and host["name"] not in cast.hosts
        and system in (None, host["os"])
        for host in cast.estate["hosts"]
    )


def _join(scene: Scene, hosts: Iterable[str], users: Iterable[str]) -> None:
    for known, new in ((scene.cast.hosts, hosts), (scene.cast.users, users)):
        known += [name for name in new if name not in known]
