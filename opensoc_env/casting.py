"""The cast of a scenario becomes facts: machines, accounts, addresses and values.

Each fact is drawn from a stream that its own name determines, so replacing one leaves
the others alone. No two facts name the same machine, account or address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_env import places
from opensoc_env.draws import stream
from opensoc_env.estate import external_address
from opensoc_env.templates import ScenarioError, Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from opensoc_env.estate import Estate

_KINDS = {"staff": "", "person": "", "admin": "it_admin", "service": "service"}


@dataclass(slots=True)
class Cast:
    """Facts by name, and what of the estate they have taken.

    Attributes:
        facts: What slots stand for.
        hosts: Names of machines that were drawn, and of any that must be shown.
        users: Names of accounts likewise.
    """

    key: str
    place: str
    estate: Estate
    pools: Mapping[str, tuple[Any, ...]]
    facts: dict[str, Any] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def stream(self, *name: str | int) -> Random:
        """The stream of draws of one fact of this scene."""
        return stream(self.key, self.place, *name)

    def fill(self, value: Any) -> Any:
        """A value with its slots filled from the facts."""
        return self.filled(Template(value))

    def filled(self, template: Template, **more: Any) -> Any:
        """The same of what is filled again and again, from other facts as well."""
        names = self.facts | more if more else self.facts
        return template.fill(names, self.place)

    def draw_all(self, specs: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        """Draw every fact, in order; `changed` replaces ways to draw."""
        for name, spec in specs.items():
            self.facts[name] = self._draw(name, changed.get(name, spec))

    def host(self, name: str) -> dict[str, Any]:
        """The machine of the estate that a fact drew, to be changed in place."""
        return _named(self.estate["hosts"], self.facts[name]["name"])

    def user(self, name: str) -> dict[str, Any]:
        """The account of the estate that a fact drew, to be changed in place."""
        return _named(self.estate["users"], self.facts[name])

    def free_host(self, draw: Random, **wanted: Any) -> dict[str, Any]:
        """A machine that no fact has taken, as a copy; the caller's from now on.

        One with a blind sensor, or a workstation that must not be cut off, is only
        taken if `odd` allows it.
        """
        return self._take(draw, self._free_hosts(**wanted))

    def another_host(self, draw: Random, system: str) -> dict[str, Any]:
        """A free machine that runs a system, or any if none is left that does."""
        alike = self._free_hosts(os=system)
        return self._take(draw, alike or self._free_hosts())

    def _take(self, draw: Random, found: list[dict[str, Any]]) -> dict[str, Any]:
        host = dict(self._choose(draw, found, "machine"))
        self.hosts.append(host["name"])
        return host

    def _free_hosts(self, **wanted: Any) -> list[dict[str, Any]]:
        shunned = frozenset() if wanted.get("odd") else self._odd_hosts()
        roles, system = wanted.get("roles"), wanted.get("os")
        isolates = wanted.get("isolates")
        return [
            host
            for host in self.estate["hosts"]
            if host["name"] not in self.hosts
            and host["name"] not in shunned
            and (roles is None or host["role"] in roles)
            and (system is None or host["os"] == system)
            and (isolates is None or isolates == _isolates(host))
        ]

    def has_host(self, **wanted: Any) -> bool:
        """True if there is a machine that `free_host` could give."""
        return bool(self._free_hosts(**wanted))

    def _odd_hosts(self) -> frozenset[str]:
        """Machines that a scenario would not expect to get."""
        blind = {s["host"] for s in self.estate["sensor_health"] if not s["healthy"]}
        kept = {
            host["name"]
            for host in self.estate["hosts"]
            if host["role"] == "workstation" and not host["tolerates_isolation"]
        }
        return frozenset(blind | kept)

    def free_user(self, draw: Random, kind: str) -> str:
        """An account of a kind that no fact has taken; the caller's from now on.

        A `person` may be leaving, one of the `staff` is not.
        """
        role = _KINDS[kind]
        found = [
            user["name"]
            for user in self.estate["users"]
            if user["name"] not in self.users
            and (user["roles"] == [role] if role else not _is_technical(user))
            and (kind != "staff" or not user["leaver"])
        ]
        name = str(self._choose(draw, found, "account"))
        self.users.append(name)
        return name

    def free_address(self, draw: Random) -> str:
        """An external address that no fact has taken; the caller's from now on."""
        address = external_address(draw, self.estate, self.addresses)
        self.addresses.append(address)
        return address

    def _draw(self, name: str, spec: Mapping[str, Any]) -> Any:
        ((kind, value),) = spec.items()
        match kind:
            case "account":
                self.users.append(value)
                return value
            case "device":
                return self._device(value)
            case "value":
                return self.fill(value)
        return self._drawn(self.stream("cast", name), kind, value)

    def _drawn(self, draw: Random, kind: str, value: Any) -> Any:
        """A fact that is drawn: a stream takes time, so others have none."""
        match kind:
            case "host":
                return self.free_host(draw, **value)
            case "user":
                return self.free_user(draw, value)
            case "address":
                return self.free_address(draw)
            case "place":
                return self._place(draw, **value)
            case "choice":
                return self.fill(draw.choice(value))
            case "pool":
                return self.fill(draw.choice(self._pool(value)))
            case "range":
                return draw.randint(*value)
            case "hex":
                return "".join(draw.choices("0123456789abcdef", k=value))
        raise ScenarioError(f"{self.place}: no way to draw a fact called `{kind}`")

    def _device(self, owner: str) -> str:
        """A device that the account of a fact has used before."""
        known = self.user(owner).get("devices", [])
        free = [item for item in known if item not in self.facts.values()]
        return str(self._choose(self.stream("device", owner), free, "device"))

    def _place(self, draw: Random, of: str, how: str) -> dict[str, Any]:
        """A place by its distance from where the account of a fact usually is."""
        country = self.user(of)["countries"][0]
        match how:
            case "home":
                return places.home(country)._asdict()
            case "near":
                return places.near(draw, country)._asdict()
            case _:
                return places.far(draw, country)._asdict()

    def _pool(self, name: str) -> tuple[Any, ...]:
        if name not in self.pools:
            raise ScenarioError(f"{self.place}: no pool `{name}` in words.yaml")
        return self.pools[name]

    def _choose(self, draw: Random, found: list[Any], what: str) -> Any:
        if not found:
            raise ScenarioError(f"{self.place}: the estate has no such {what} left")
        return draw.choice(found)


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


def _isolates(host: Mapping[str, Any]) -> bool:
    return bool(host["tolerates_isolation"]) and host["tier"] != "T0"


def _is_technical(user: Mapping[str, Any]) -> bool:
    return bool({"it_admin", "service"} & set(user["roles"]))
