"""Events become the estate that a verdict assumes when the recording brings none.

A recording says nothing about the organisation, so the default claims as little as the
schema allows, and it excuses nothing:

* Internal are the private, loopback and link-local networks. No address is shared.
* Every host of the recording is a workstation of tier T2 that tolerates isolation. A
  domain controller is so too: bring an estate where that matters.
* Every account of the recording is unprivileged, without a role, and is staying.
* There is no authorisation, no threat intelligence and no baseline; no sensor is known
  to be blind, and no data is classified.

A host has the address that its own connections show; one that shows none gets an
address that no network can carry.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

INTERNAL_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
# RFC 6666: routers discard what is sent there, so no recorded address is one of these.
_NO_ADDRESS = "100::{:x}"
_OWN_SIDE = {"outbound": "source", "inbound": "destination"}


def default_estate(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The estate for normalised events; valid for as many as an incident may have."""
    hosts: dict[str, dict[str, Any]] = {}
    users: dict[str, None] = {}
    for event in events:
        fields = event["fields"]
        if "host" in fields:
            name = fields["host"]["name"]
            host = hosts.setdefault(name, _host(name, len(hosts) + 1))
            _learn(host, event)
        if "user" in fields:
            users[fields["user"]["name"]] = None
    return {
        "networks": {"internal": list(INTERNAL_NETWORKS), "shared_egress": []},
        "hosts": list(hosts.values()),
        "users": [_user(name) for name in users],
        "authorisations": [],
        "threat_intelligence": [],
        "prevalence": [],
        "sensor_health": [],
        "data_locations": [],
        "baselines": [],
        "approved_tools": [],
    }


def _host(name: str, number: int) -> dict[str, Any]:
    return {
        "name": name,
        "ip": _NO_ADDRESS.format(number),
        "os": "windows",
        "role": "workstation",
        "tier": "T2",
        "tolerates_isolation": True,
        "sensors": [],
    }


def _user(name: str) -> dict[str, Any]:
    return {"name": name, "roles": [], "privileged": False, "leaver": False}


def _learn(host: dict[str, Any], event: Mapping[str, Any]) -> None:
    """Keep what an event shows of its host: sensor, system and address."""
    if event["source"] not in host["sensors"]:
        host["sensors"].append(event["source"])
    if any(path.startswith("/") for path in _paths(event["fields"])):
        host["os"] = "linux"
    if host["ip"].startswith("100::"):
        host["ip"] = _own_address(event["fields"]) or host["ip"]


def _paths(fields: Mapping[str, Any]) -> Iterator[str]:
    yield fields.get("process", {}).get("executable", "")
    yield fields.get("file", {}).get("path", "")


def _own_address(fields: Mapping[str, Any]) -> str:
    """The address of the host's own side of a connection, if it names one machine."""
    side = _OWN_SIDE.get(fields.get("network", {}).get("direction", ""), "")
    text = str(fields.get(side, {}).get("ip", ""))
    if not text:
        return ""
    address = ip_address(text)
    special = address.is_loopback or address.is_unspecified or address.is_multicast
    return "" if special or address.is_link_local else text
