"""A seed becomes an organisation: networks, machines and accounts.

The result is valid against `estate.schema.json` and plain data, so that a scenario may
change single facts of it. Internal addresses are from 10/8 and external ones from the
ranges that are kept for documentation; the estate's own list of networks alone says
which is which. `shown` cuts an estate down to what one incident needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opensoc_env.draws import stream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

Estate = dict[str, Any]

EXTERNAL_RANGES = ("192.0.2", "198.51.100", "203.0.113")
_EGRESS_SIZE = 16


class _Fleet(NamedTuple):
    """Machines of one kind, as many as `least` to `most`."""

    role: str
    label: str
    os: str
    tier: str
    least: int
    most: int


_FLEETS = (
    _Fleet("workstation", "ws", "windows", "T2", 5, 6),
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
)
# Cutting one of these off, or anything of tier 0, stops more than its own work.
_KEPT = frozenset({"file_server", "mail_server"})
_SENSORS = {
    "windows": ["edr", "windows"],
    "linux": ["edr"],
    "macos": ["edr"],
}
_SITES = ("ams", "bcn", "cph", "dub", "fra", "gva", "hel", "lis", "mil", "osl", "vie")
_GIVEN = (
    "aiko amara anna bram carla chidi dana diego elif emil farah femi goran hana ines "
    "ivan jonas kofi lena luca maja mateo mina nadia noor omar petra quinn rosa sami "
    "tara tomas uma viktor wanda yara zofia"
)
_FAMILY = (
    "abara bauer costa dahl eriksen fischer garcia haas ito jansen kaya lindqvist "
    "moreau novak okafor petrov quist rossi sato tanaka ueda "
    "vidal weber xu yilmaz zanon"
)
_DESKS = ("finance", "sales", "legal", "hr", "support", "engineering")
_SERVICES = ("svc-backup", "svc-deploy", "svc-sync", "svc-scan")


def build_estate(key: str) -> Estate:
    """The organisation that a key names, with no record of any work yet."""
    draw = stream(key, "estate")
    sites = draw.sample(_SITES, 2)
    octets = draw.sample(range(10, 250), 2)
    return {
        "networks": {
            "internal": [f"10.{octet}.0.0/16" for octet in octets],
            "shared_egress": [_shared_egress(draw)],
        },
        "hosts": list(_hosts(draw, sites, octets)),
        "users": list(_users(draw)),
        "authorisations": [],
        "threat_intelligence": [],
        "prevalence": [],
        "sensor_health": [],
        "data_locations": [],
    }


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
    used = shared | set(taken)
    free = [
        address
        for network in EXTERNAL_RANGES
        for last in range(1, 255)
        if (address := f"{network}.{last}") not in used
    ]
    return draw.choice(free)


def _egress_start(estate: Estate) -> tuple[str, str, str]:
    address = str(estate["networks"]["shared_egress"][0])
    return address.partition("/")[0].rpartition(".")


def _shared_egress(draw: Random) -> str:
    start = draw.randrange(0, 256, _EGRESS_SIZE)
    return f"{draw.choice(EXTERNAL_RANGES)}.{start}/28"


def _hosts(draw: Random, sites: list[str], octets: list[int]) -> Iterable[Estate]:
    for subnet, fleet in enumerate(_FLEETS, start=1):
        numbers = draw.sample(range(1, 100), draw.randint(fleet.least, fleet.most))
        for number in sorted(numbers):
            site = draw.randrange(2)
            yield {
                "name": f"{sites[site]}-{fleet.label}-{number:02d}",
                "ip": f"10.{octets[site]}.{subnet}.{number}",
                "os": fleet.os,
                "role": fleet.role,
                "tier": fleet.tier,
                "tolerates_isolation": fleet.tier != "T0" and fleet.role not in _KEPT,
                "sensors": list(_SENSORS[fleet.os]),
            }


def _users(draw: Random) -> Iterable[Estate]:
    given = draw.sample(_GIVEN.split(), 8)
    family = draw.sample(_FAMILY.split(), 8)
    names = [f"{first}.{last}" for first, last in zip(given, family, strict=True)]
    desks = draw.sample(_DESKS, 6)
    for name, desk in zip(names, desks, strict=False):
        yield _user(name, desk, privileged=False)
    for name in names[6:]:
        yield _user(name, "it_admin", privileged=True)
    for name in _SERVICES:
        yield _user(name, "service", privileged=False)


def _user(name: str, role: str, *, privileged: bool) -> Estate:
    return {"name": name, "roles": [role], "privileged": privileged, "leaver": False}
