"""A seed becomes an organisation: networks, machines and accounts.

The result is valid against `estate.schema.json` and plain data, so that a scenario may
change single facts of it. Internal addresses are from private ranges and external
ones from those that are kept for documentation; the estate's own list of networks alone
says which is which. Estates of another world have names and networks that no training
run has met. `shown` cuts an estate down to what one incident needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opensoc_env.draws import stream
from opensoc_env.places import TOWNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from random import Random

Estate = dict[str, Any]

EXTERNAL_RANGES = ("192.0.2", "198.51.100", "203.0.113")
_EGRESS_SIZE = 16
_EXTERNAL = tuple(f"{net}.{last}" for net in EXTERNAL_RANGES for last in range(1, 255))
_PLACES = {address: at for at, address in enumerate(_EXTERNAL)}


class _Fleet(NamedTuple):
    """Machines of one kind, as many as `least` to `most`."""

    role: str
    label: str
    os: str
    tier: str
    least: int
    most: int


class _World(NamedTuple):
    """What the estates of a world are named and numbered with.

    Attributes:
        network: First octet of every internal address.
        octets: The second one, from the first to, not including, the last.
        host: Makes the name of a machine of its site, its label and its number.
    """

    sites: tuple[str, ...]
    given: str
    family: str
    desks: tuple[str, ...]
    network: str
    octets: tuple[int, int]
    host: Callable[[str, str, int], str]


def _home_name(site: str, label: str, number: int) -> str:
    return f"{site}-{label}-{number:02d}"


def _other_name(site: str, label: str, number: int) -> str:
    return f"{label}{number:03d}{site}"


_FLEETS = (
    _Fleet("workstation", "ws", "windows", "T2", 7, 8),
    _Fleet("workstation", "mac", "macos", "T2", 0, 1),
    _Fleet("server", "app", "windows", "T1", 2, 2),
    _Fleet("server", "lnx", "linux", "T1", 1, 1),
    _Fleet("web_server", "web", "linux", "T1", 1, 1),
    _Fleet("web_server", "iis", "windows", "T1", 1, 1),
    _Fleet("file_server", "fs", "windows", "T1", 1, 1),
    _Fleet("database", "db", "linux", "T0", 1, 1),
    _Fleet("mail_server", "mx", "windows", "T1", 0, 1),
    _Fleet("jump_host", "jmp", "windows", "T1", 1, 1),
    _Fleet("domain_controller", "dc", "windows", "T0", 1, 2),
    _Fleet("backup", "bkp", "windows", "T0", 1, 1),
    _Fleet("dns_resolver", "dns", "linux", "T1", 1, 1),
    _Fleet("vulnerability_scanner", "vms", "linux", "T1", 1, 1),
)
# Cutting one of these off, or anything of tier 0, stops more than its own work.
_KEPT = frozenset({"file_server", "mail_server", "dns_resolver"})
_SENSORS = {
    "windows": ["edr", "windows"],
    "linux": ["edr"],
    "macos": ["edr"],
}
_HOME = _World(
    sites=("ams", "bcn", "cph", "dub", "fra", "gva", "hel", "lis", "mil", "osl", "vie"),
    given=(
        "aiko amara anna bram carla chidi dana diego elif emil farah femi goran hana "
        "ines ivan jonas kofi lena luca maja mateo mina nadia noor omar petra quinn "
        "rosa sami tara tomas uma viktor wanda yara zofia"
    ),
    family=(
        "abara bauer costa dahl eriksen fischer garcia haas ito jansen kaya lindqvist "
        "moreau novak okafor petrov quist rossi sato tanaka ueda "
        "vidal weber xu yilmaz zanon"
    ),
    desks=("finance", "sales", "legal", "hr", "support", "engineering"),
    network="10",
    octets=(10, 250),
    host=_home_name,
)
_ELSEWHERE = _World(
    sites=("akl", "bog", "cpt", "dar", "han", "lim", "mnl", "nbo", "pnh", "scl", "tun"),
    given=(
        "alba ayo bela cato dilan eero freya gia hugo ilse jomo kai lars mei nils "
        "odile pilar remi sanna teo ursa vera wim ximena yuki zeno"
    ),
    family=(
        "adeyemi brandt cohen duarte egger farkas greco hansen ibarra juhl kovac lopez "
        "mbeki nagy olsen pereira ruiz schmid toth urban virtanen wolf young zhou"
    ),
    desks=("claims", "logistics", "research", "procurement", "payroll", "design"),
    network="172",
    octets=(16, 32),
    host=_other_name,
)
WORLDS: Mapping[str, _World] = {"home": _HOME, "elsewhere": _ELSEWHERE}
"""Worlds of estates by name; training draws from `home` alone."""

# Images that no scenario lets an attacker bring.
_REMOTE_TOOLS = ("ateraagent.exe", "srmanager.exe", "zaservice.exe")
_TECHNICAL = frozenset({"it_admin", "service"})
_DATA = {"file_server": "restricted", "database": "restricted", "web_server": "public"}
_LEAVING = 0.5
_BLIND = 0.4
# Few accounts, and less than any rule counts as much.
_MEASURED = 2
_FILES_READ = (2, 9)
_DEVICES = ("lt", "ph")
_SERVICES = ("svc-backup", "svc-deploy", "svc-sync", "svc-scan")


def build_estate(key: str, world: str = "home") -> Estate:
    """The organisation that a key names, with no record of any work yet."""
    draw, names = stream(key, "estate"), WORLDS[world]
    habits = stream(key, "habits")
    sites = draw.sample(names.sites, 2)
    octets = draw.sample(range(*names.octets), 2)
    estate: Estate = {
        "networks": {
            "internal": [f"{names.network}.{octet}.0.0/16" for octet in octets],
            "shared_egress": [_shared_egress(draw)],
        },
        "hosts": list(_hosts(draw, names, sites, octets)),
        "users": list(_users(draw, names)),
        "authorisations": [],
        "threat_intelligence": [],
        "prevalence": [],
        "sensor_health": [],
        "data_locations": [],
        "baselines": [],
        "approved_tools": [habits.choice(_REMOTE_TOOLS)],
    }
    _settle(habits, estate)
    _equip(stream(key, "devices"), estate, sites)
    return estate


def _settle(draw: Random, estate: Estate) -> None:
    """Add what is usual: amounts, classes of data, a leaver, and odd machines.

    One has a blind sensor, and one workstation must not be cut off. Scenarios cast
    neither them nor that leaver, decoys do: so that none of this gives an answer away.
    """
    staff = [user for user in estate["users"] if user["roles"][0] not in _TECHNICAL]
    draw.choice(staff)["leaver"] = draw.random() < _LEAVING
    desktops = [h["name"] for h in estate["hosts"] if h["role"] == "workstation"]
    kept = draw.choice(desktops)
    for host in estate["hosts"]:
        host["tolerates_isolation"] &= host["name"] != kept
    if draw.random() < _BLIND:
        blind = {"host": draw.choice(desktops), "sensor": "edr", "healthy": False}
        estate["sensor_health"].append(blind)
    estate["baselines"] += [
        {
            "entity": user["name"],
            "measure": "files_read_per_hour",
            "usual": draw.randint(*_FILES_READ),
        }
        for user in draw.sample(staff, _MEASURED)
    ]
    estate["data_locations"] += [
        {"location": host["name"], "class": _DATA[host["role"]]}
        for host in estate["hosts"]
        if host["role"] in _DATA
    ]


def shown(estate: Estate, hosts: Iterable[str], users: Iterable[str]) -> Estate:
    """The estate with only the hosts and accounts that are named."""
    keep_hosts, keep_users = frozenset(hosts), frozenset(users)
    return estate | {
        "hosts": [host for host in estate["hosts"] if host["name"] in keep_hosts],
        "users": [user for user in estate["users"] if user["name"] in keep_users],
    }


def external_address(draw: Random, estate: Estate, taken: Iterable[str]) -> str:
    """An address outside the estate and its shared egress that is not taken."""
    base, _, first = _egress_start(estate)
    shared = {f"{base}.{int(first) + at}" for at in range(_EGRESS_SIZE)}
    used = sorted(_PLACES[a] for a in shared.union(taken) if a in _PLACES)
    # Draws one of the free ones without a list of them all.
    at = draw.randrange(len(_EXTERNAL) - len(used))
    for place in used:
        at += place <= at
    return _EXTERNAL[at]


def _egress_start(estate: Estate) -> tuple[str, str, str]:
    address = str(estate["networks"]["shared_egress"][0])
    return address.partition("/")[0].rpartition(".")


def _shared_egress(draw: Random) -> str:
    start = draw.randrange(0, 256, _EGRESS_SIZE)
    return f"{draw.choice(EXTERNAL_RANGES)}.{start}/28"


def _equip(draw: Random, estate: Estate, sites: list[str]) -> None:
    """Give each person a country, a laptop and a phone."""
    for user in estate["users"]:
        if user["roles"][0] != "service":
            user["devices"] = [f"{kind}-{draw.randbytes(3).hex()}" for kind in _DEVICES]
            user["countries"] = [TOWNS[draw.choice(sites)].country]


def _hosts(
    draw: Random, names: _World, sites: list[str], octets: list[int]
) -> Iterable[Estate]:
    for subnet, fleet in enumerate(_FLEETS, start=1):
        numbers = draw.sample(range(1, 100), draw.randint(fleet.least, fleet.most))
        for number in sorted(numbers):
            site = draw.randrange(2)
            yield {
                "name": names.host(sites[site], fleet.label, number),
                "ip": f"{names.network}.{octets[site]}.{subnet}.{number}",
                "os": fleet.os,
                "role": fleet.role,
                "tier": fleet.tier,
                "tolerates_isolation": fleet.tier != "T0" and fleet.role not in _KEPT,
                "sensors": list(_SENSORS[fleet.os]),
            }


def _users(draw: Random, world: _World) -> Iterable[Estate]:
    given = draw.sample(world.given.split(), 8)
    family = draw.sample(world.family.split(), 8)
    names = [f"{first}.{last}" for first, last in zip(given, family, strict=True)]
    desks = draw.sample(world.desks, 6)
    for name, desk in zip(names, desks, strict=False):
        yield _user(name, desk, privileged=False)
    for name in names[6:]:
        yield _user(name, "it_admin", privileged=True)
    for name in _SERVICES:
        yield _user(name, "service", privileged=False)


def _user(name: str, role: str, *, privileged: bool) -> Estate:
    return {"name": name, "roles": [role], "privileged": privileged, "leaver": False}
