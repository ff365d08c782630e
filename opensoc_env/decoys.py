"""A scene gets company: benign stories, records of other work and bystanders.

What is added depends on the key and on the machines and accounts of the scenario, never
on its twists, so two scenes that one twist tells apart get the same company. Decoys use
the words of attacks, and records of other work name the people of the scene, so that
neither a word nor the presence of a record gives an answer away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opensoc_env.casting import Cast
from opensoc_env.places import TOWNS
from opensoc_env.scenario import load_library
from opensoc_env.staging import Moment, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
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

_DESKS = ("workstation",)
_BYSTANDERS = 3
_WORK = ("backup", "change", "deployment", "pentest", "scan", "transfer")
_PERSONAL = ("access", "phishing_simulation", "travel")
_ROLES = ("Billing Reader", "Helpdesk Administrator", "Reports Reader")


@dataclass(frozen=True, slots=True)
class Core:
    """What the scenario itself drew: decoys and records start from it.

    Attributes:
        desks: The workstations of the estate, before a twist gave one another role.
    """

    hosts: tuple[str, ...]
    users: tuple[str, ...]
    addresses: tuple[str, ...]
    desks: frozenset[str]


def core_of(cast: Cast) -> Core:
    """The machines, accounts and addresses that a cast has taken so far."""
    desks = frozenset(h["name"] for h in cast.estate["hosts"] if h["role"] in _DESKS)
    return Core(tuple(cast.hosts), tuple(cast.users), tuple(cast.addresses), desks)


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
    cast.facts = {"place": _place(cast, core, story.spec), "who": who}
    cast.draw_all(story.spec.get("cast", {}), {})
    if "address" in cast.facts:
        _note_address(scene, draw, cast.facts["address"])
    inner = Scene(cast, scene.start)
    inner.stage(story.events, frozenset())
    shift = draw.randint(_FROM, _TO)
    _join(scene, cast.hosts, cast.users)
    label = f"decoy {number}"
    seen = _witnessed(scene.estate, inner.moments)
    return [Moment(m.offset + shift, label, event) for m, event in seen]


def add_record(scene: Scene, core: Core, number: int, story: str) -> None:
    """Add a record of other work, by or on what the scene shows.

    Its tool is none that the text of the story has: else it would allow what happens.
    """
    draw = scene.cast.stream("record", number)
    actor = draw.choice(core.users or ("svc-deploy",))
    hosts = core.hosts or (draw.choice(scene.estate["hosts"])["name"],)
    account = next(u for u in scene.estate["users"] if u["name"] == actor)
    kind = draw.choice(_WORK + (_PERSONAL if account.get("devices") else ()))
    if kind in _PERSONAL:
        bound = _personal(draw, kind, account, scene.cast.pools)
    else:
        tools = _unnamed(scene.cast.pools["tools"], story)
        bound = {
            "asset": draw.choice(hosts),
            "tool": draw.choice(tools),
            "destination": draw.choice(["none", *scene.cast.pools["vendors"]]),
        }
        _join(scene, [bound["asset"]], [])
    begin = draw.randrange(-7_200, 0, 300)
    end = begin + draw.randrange(14_400, 43_200, 900)
    head = {"id": f"{kind[:3].upper()}-{draw.randrange(1_000, 10_000)}", "kind": kind}
    window = {"start": scene.time(begin), "end": scene.time(end)}
    scene.estate["authorisations"].append(head | {"actor": actor} | bound | window)
    _join(scene, [], [actor])


# A few stories come again and again.
@lru_cache(maxsize=512)
def _unnamed(tools: tuple[str, ...], story: str) -> tuple[str, ...]:
    """The tools that the text of a story does not have."""
    return tuple(tool for tool in tools if tool not in story)


def _personal(
    draw: Random, kind: str, account: Estate, pools: Mapping[str, tuple[Any, ...]]
) -> dict[str, str]:
    """What a record of a kind that concerns one person alone names beside them."""
    match kind:
        case "travel":
            where = draw.choice([*TOWNS.values()]).country
            asset = draw.choice(account["devices"])
            return {"asset": asset, "tool": "logon", "destination": where}
        case "access":
            role = draw.choice(_ROLES)
            return {"asset": account["name"], "tool": role, "destination": "none"}
        case _:
            site = f"login.{draw.choice(pools['vendors'])}"
            return {"asset": account["name"], "tool": "email", "destination": site}


def add_bystanders(scene: Scene) -> None:
    """Show some machines and accounts that nothing happens to."""
    draw = scene.cast.stream("bystanders")
    hosts = draw.sample([h["name"] for h in scene.estate["hosts"]], _BYSTANDERS)
    users = draw.sample([u["name"] for u in scene.estate["users"]], _BYSTANDERS)
    room = max(0, MAX_HOSTS - len(scene.cast.hosts))
    _join(scene, hosts[:room], users)


def _witnessed(
    estate: Estate, moments: Iterable[Moment]
) -> Iterator[tuple[Moment, dict[str, Any]]]:
    """Each moment as a sensor of its machine saw it.

    A sensor whose health is on record leaves it to another one, if there is one: also
    a healthy sensor, so that its health is a fact that nothing else depends on.
    """
    doubted = {(state["host"], state["sensor"]) for state in estate["sensor_health"]}
    sensors = {host["name"]: host["sensors"] for host in estate["hosts"]}
    for moment in moments:
        name, source = _host_of(moment.event), moment.event["source"]
        seeing = [s for s in sensors.get(name, ()) if (name, s) not in doubted]
        if (name, source) not in doubted:
            yield moment, moment.event
        elif seeing:
            yield moment, {**moment.event, "source": seeing[0]}


def _host_of(event: Mapping[str, Any]) -> str:
    return str(event["fields"].get("host", {}).get("name", ""))


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
    roles = _DESKS if story.get("desk") else None
    near = [
        host
        for host in cast.estate["hosts"]
        if host["name"] in core.hosts
        and system in (None, host["os"])
        and (roles is None or host["name"] in core.desks)
    ]
    if near and draw.random() < _NEAR:
        return dict(draw.choice(near))
    wanted = {"os": system, "roles": roles, "odd": True}
    kept = cast.has_host(isolates=False, **wanted) and draw.random() < _KEPT
    return cast.free_host(draw, **wanted, **({"isolates": False} if kept else {}))


def _join(scene: Scene, hosts: Iterable[str], users: Iterable[str]) -> None:
    for known, new in ((scene.cast.hosts, hosts), (scene.cast.users, users)):
        known += [name for name in new if name not in known]
