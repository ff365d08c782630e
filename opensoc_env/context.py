"""The facts of an estate become plain sentences: those that concern a log window.

A fact concerns a window if it names a host, account, address, domain, image, hash or
data location that occurs in the window's events. Which facts are chosen and how they
are worded depends on names alone, never on a verdict, so nothing here can tell what is
right. A healthy sensor and an absent record go without saying.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from opensoc_env.log_text import quote, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Facts = Iterable[Mapping[str, Any]]

_MAX_DOMAIN = 253
_SHORT = 128
_HABITS = {"devices": "Known devices", "countries": "Usual countries"}
_PIECE = re.compile(r"[a-z0-9][a-z0-9._$-]*")


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a window names, in lower case.

    Attributes:
        words: Every text of the events, and the names inside it: a host in a path, the
            two parts of a mail address, a domain in a command line.
        domains: The words, and every domain that one of them lies below.
        addresses: The IP addresses, in order of appearance.
    """

    words: frozenset[str]
    domains: frozenset[str]
    addresses: tuple[str, ...]

    def name(self, text: str) -> bool:
        """True if the window names this, whatever its case."""
        return text.lower() in self.words

    def reach(self, indicator: str) -> bool:
        """True if the window names the indicator or, of a domain, one below it."""
        return indicator.lower() in self.domains

    def hold(self, text: str) -> bool:
        """True if a text contains this, as a path holds the name of a share."""
        wanted = text.lower()
        return any(wanted in word for word in self.words)


def mentions_of(events: Sequence[Mapping[str, Any]]) -> Mentions:
    """The names in a window's events."""
    texts = dict.fromkeys(t for event in events for t in texts_of(event["fields"]))
    found = [_mentions_in(text) for text in texts]
    return Mentions(
        frozenset().union(*(part.words for part in found)),
        frozenset().union(*(part.domains for part in found)),
        tuple(dict.fromkeys(a for part in found for a in part.addresses)),
    )


def _mentions_in(text: str) -> Mentions:
    """The names in one text; those of short ones are remembered."""
    return _known_in(text) if len(text) <= _SHORT else _found_in(text)


def _found_in(text: str) -> Mentions:
    lowered = text.lower()
    words = {lowered: None} | {p.rstrip(".-"): None for p in _PIECE.findall(lowered)}
    parents = [parent for word in words for parent in _parents(word)]
    addresses = tuple(filter(_is_address, words))
    return Mentions(frozenset(words), frozenset((*words, *parents)), addresses)


# The same names, paths and addresses stand in one window after the other.
_known_in = lru_cache(maxsize=4096)(_found_in)


def window_facts(
    estate: Mapping[str, Any], seen: Mentions, hashes: Mapping[str, str]
) -> list[str]:
    """One sentence for each fact that concerns a window, in the estate's order.

    Args:
        estate: A schema-valid estate.
        seen: What the window names.
        hashes: Short forms of SHA-256 values.
    """
    hosts = [h for h in estate["hosts"] if seen.name(h["name"]) or seen.name(h["ip"])]
    names = {host["name"] for host in hosts}
    records = [
        record
        for record in estate["authorisations"]
        if seen.name(record["actor"])
        or seen.name(record["asset"])
        or record["asset"] in names
    ]
    places = [
        item
        for item in estate["data_locations"]
        if item["location"] in names or seen.hold(item["location"])
    ]
    usual = [
        item
        for item in estate["baselines"]
        if item["entity"] in names or seen.name(item["entity"])
    ]
    return [
        *_hosts(hosts),
        *_users(user for user in estate["users"] if seen.name(user["name"])),
        *_baselines(usual),
        *_networks(estate["networks"], seen.addresses, {h["ip"] for h in hosts}),
        *_authorisations(records),
        *_tools([tool for tool in estate["approved_tools"] if seen.name(tool)]),
        *_intelligence(_reached(estate["threat_intelligence"], seen), hashes),
        *_prevalence(_reached(estate["prevalence"], seen), hashes),
        *_blind(item for item in estate["sensor_health"] if item["host"] in names),
        *_data(places),
    ]


def estate_facts(estate: Mapping[str, Any]) -> list[str]:
    """One sentence for every fact of the estate: what an attacker may plan with."""
    networks = estate["networks"]
    sensors = (
        f"Sensors of {quote(host['name'])}: {', '.join(host['sensors']) or 'none'}."
        for host in estate["hosts"]
    )
    return [
        *_hosts(estate["hosts"]),
        *sensors,
        *_users(estate["users"]),
        *_baselines(estate["baselines"]),
        *_listed("Internal networks", networks["internal"]),
        *_listed("Shared egress networks", networks["shared_egress"]),
        *_authorisations(estate["authorisations"]),
        *_tools(estate["approved_tools"]),
        *_intelligence(estate["threat_intelligence"], {}),
        *_prevalence(estate["prevalence"], {}),
        *_blind(estate["sensor_health"]),
        *_data(estate["data_locations"]),
    ]


def _parents(domain: str) -> Iterator[str]:
    """The domains above one: `b.example` and `example` for `a.b.example`."""
    while "." in domain and len(domain) <= _MAX_DOMAIN:
        domain = domain.partition(".")[2]
        yield domain


def _reached(facts: Facts, seen: Mentions) -> Iterator[Mapping[str, Any]]:
    return (fact for fact in facts if seen.reach(fact["indicator"]))


def _hosts(hosts: Facts) -> Iterator[str]:
    for host in hosts:
        role = host["role"].replace("_", " ")
        isolation = "may" if host["tolerates_isolation"] else "must not"
        yield (
            f"Host {quote(host['name'])} ({host['ip']}): {host['os']} {role}, "
            f"tier {host['tier']}, {isolation} be isolated."
        )


def _users(users: Facts) -> Iterator[str]:
    for user in users:
        roles = ", ".join(map(quote, user["roles"])) or "no role"
        privileged = ", privileged" if user["privileged"] else ""
        leaver = ", leaving the organisation" if user["leaver"] else ""
        yield f"User {quote(user['name'])}: {roles}{privileged}{leaver}."
        yield from _habits(user)


def _habits(user: Mapping[str, Any]) -> Iterator[str]:
    """Where an account comes from; a list that the estate leaves out is not known."""
    name = quote(user["name"])
    for key, title in _HABITS.items():
        if key in user:
            values = ", ".join(map(quote, user[key])) or "none"
            yield f"{title} of {name}: {values}."


def _baselines(facts: Facts) -> Iterator[str]:
    for fact in facts:
        measure = fact["measure"].replace("_", " ")
        yield f"Usual for {quote(fact['entity'])}: up to {fact['usual']} {measure}."


def _networks(
    networks: Mapping[str, Any], addresses: Sequence[str], known: set[str]
) -> Iterator[str]:
    """Where addresses belong; an internal one of a listed host goes without saying."""
    internal = [a for a in addresses if _within(a, networks["internal"])]
    shared = [a for a in addresses if _within(a, networks["shared_egress"])]
    yield from _listed("Internal addresses", [a for a in internal if a not in known])
    yield from _listed("Shared egress addresses", shared)
    placed = {*internal, *shared}
    yield from _listed("External addresses", [a for a in addresses if a not in placed])


def _listed(title: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield f"{title}: {', '.join(values)}."


def _authorisations(records: Facts) -> Iterator[str]:
    for record in records:
        kind = record["kind"].replace("_", " ")
        target = record["destination"]
        reach = "" if target == "none" else f" towards {quote(target)}"
        yield (
            f"Record {quote(record['id'])} ({kind}): {quote(record['actor'])} may use "
            f"{quote(record['tool'])} on {quote(record['asset'])}{reach} "
            f"from {record['start']} to {record['end']}."
        )


def _tools(images: Sequence[str]) -> Iterator[str]:
    yield from _listed("Approved remote tools", list(map(quote, images)))


def _intelligence(facts: Facts, hashes: Mapping[str, str]) -> Iterator[str]:
    for fact in facts:
        indicator = _indicator(fact["indicator"], hashes)
        confidence = f"confidence {fact['confidence']} of 100"
        yield f"Threat intelligence lists {indicator} with {confidence}."


def _prevalence(facts: Facts, hashes: Mapping[str, str]) -> Iterator[str]:
    for fact in facts:
        indicator = _indicator(fact["indicator"], hashes)
        share, days = fact["hosts_percent"], fact["first_seen_days"]
        yield f"{indicator} is on {share}% of hosts, first seen {days} days ago."


def _indicator(text: str, hashes: Mapping[str, str]) -> str:
    return hashes.get(text) or quote(text)


def _blind(facts: Facts) -> Iterator[str]:
    for fact in facts:
        if not fact["healthy"]:
            yield f"Sensor {fact['sensor']} on {quote(fact['host'])} is blind."


def _data(facts: Facts) -> Iterator[str]:
    for fact in facts:
        yield f"Data at {quote(fact['location'])}: {fact['class']}."


# The same few networks and addresses come again in every episode of an estate.
@lru_cache(maxsize=4096)
def _parse_network(cidr: str) -> Any:
    return ip_network(cidr, strict=False)


@lru_cache(maxsize=4096)
def _parse_address(text: str) -> Any:
    """The address, or None if the text is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    """True for an address; a quick look spares most texts the parser."""
    mark = text[:1]
    likely = mark.isdigit() or ":" in text
    return likely and len(text) <= 45 and _parse_address(text) is not None  # noqa: PLR2004


def _within(address: str, networks: Sequence[str]) -> bool:
    return any(_parse_address(address) in _parse_network(net) for net in networks)
