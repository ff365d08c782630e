"""What hand-written rules look up in an estate: addresses, machines and records."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from benchmarks.by_hand.tables import BUILTIN_ACCOUNTS, LIMITS, LOCAL_NETWORKS
from opensoc_engine.builtin_functions.time_ import parse_rfc3339_ns

Event = dict[str, Any]
_CONFIDENCE = LIMITS["intelligence"]["min_confidence"]
_RARE = LIMITS["prevalence"]["rare_hosts_percent"]
_NEW = LIMITS["prevalence"]["new_days"]


@lru_cache(8192)
def instant(timestamp: str) -> int:
    """Nanoseconds since 1970 of a time that was checked before."""
    found = parse_rfc3339_ns(timestamp)
    assert found is not None
    return found


def _number(ip: str) -> tuple[int, int]:
    """The version and number of an address, which was checked before."""
    parts = ip.split(".")
    if len(parts) == 4:  # noqa: PLR2004 - IPv4, as nearly all are
        a, b, c, d = map(int, parts)
        return 4, a << 24 | b << 16 | c << 8 | d
    address = ip_address(ip)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.version, int(mapped)


@lru_cache(4096)
def _ranges(networks: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    """Networks as version, first and last number."""
    known = [ip_network(network, strict=False) for network in networks]
    return tuple(
        (net.version, int(net.network_address), int(net.broadcast_address))
        for net in known
    )


def _within(ip: str, networks: tuple[str, ...]) -> bool:
    """True if an address is in a network."""
    version, number = _number(ip)
    for kind, first, last in _ranges(networks):
        if first <= number <= last and kind == version:
            return True
    return False


def is_local(ip: str) -> bool:
    """True for loopback, link-local and other addresses that are nobody's."""
    return _within(ip, LOCAL_NETWORKS)


def is_machine(account: str) -> bool:
    """True for accounts that no person uses."""
    return account.endswith("$") or account.lower() in BUILTIN_ACCOUNTS


def url_hosts(command: str) -> str:
    """The hosts of the addresses in a lower-case command, joined."""
    parts = command.split("://")[1:]
    return ",".join(sorted({part.split("/", 1)[0] for part in parts}))


class Estate:
    """The context of one incident; what is asked for is put into order once."""

    __slots__ = (
        "_approved",
        "_bad",
        "_fragile",
        "_fragile_ips",
        "_internal",
        "_records",
        "_shared",
        "_tier_zero",
        "context",
    )

    def __init__(self, context: dict[str, Any]) -> None:
        self.context = context
        self._internal: tuple[str, ...] | None = None
        self._shared: tuple[str, ...] | None = None
        self._records: dict[tuple[str, ...], list[dict[str, Any]]] | None = None
        self._fragile: set[str] | None = None
        self._fragile_ips: set[str] = set()
        self._tier_zero: set[str] = set()
        self._bad: set[str] | None = None
        self._approved: dict[int, bool] = {}

    def internal(self, ip: str) -> bool:
        """True for an address that the estate says is its own."""
        if self._internal is None:
            self._internal = tuple(self.context["networks"]["internal"])
        return _within(ip, self._internal)

    def shared(self, ip: str) -> bool:
        """True for an address that others share."""
        if self._shared is None:
            self._shared = tuple(self.context["networks"]["shared_egress"])
        return _within(ip, self._shared)

    def external(self, ip: str) -> bool:
        """True for somebody else's address."""
        return not self.internal(ip) and not is_local(ip)

    def blockable(self, ip: str) -> bool:
        """True for an address that can be blocked without harm to others."""
        return self.external(ip) and not self.shared(ip)

    def _sort_hosts(self) -> set[str]:
        fragile = self._fragile = set()
        for machine in self.context["hosts"]:
            if machine["tier"] == "T0":
                self._tier_zero.add(machine["name"].lower())
            if machine["tier"] == "T0" or not machine["tolerates_isolation"]:
                fragile.add(machine["name"].lower())
        self._fragile_ips = {
            m["ip"] for m in self.context["hosts"] if m["name"].lower() in fragile
        }
        return fragile

    def is_tier_zero(self, name: str) -> bool:
        """True for a machine without which the organisation stops."""
        if self._fragile is None:
            self._sort_hosts()
        return name.lower() in self._tier_zero

    def must_not_isolate(self, name: str) -> bool:
        """True for a machine that must not be cut off."""
        fragile = self._fragile
        return name.lower() in (self._sort_hosts() if fragile is None else fragile)

    def fragile_address(self, ip: str) -> bool:
        """True for the address of a machine that must not be cut off."""
        if self._fragile is None:
            self._sort_hosts()
        return ip in self._fragile_ips

    def has_role(self, name: str, roles: tuple[str, ...]) -> bool:
        """True for a machine with one of the roles."""
        lowered = name.lower()
        return any(
            m["name"].lower() == lowered and m["role"] in roles
            for m in self.context["hosts"]
        )

    def is_controller(self, ip: str) -> bool:
        """True for the address of a domain controller."""
        return any(
            m["ip"] == ip and m["role"] == "domain_controller"
            for m in self.context["hosts"]
        )

    def named(self, ip: str, name: str) -> bool:
        """True if a name is the address, or that of the machine that has it."""
        lowered = name.lower()
        return ip == name or any(
            m["ip"] == ip and m["name"].lower() == lowered
            for m in self.context["hosts"]
        )

    def authorised(
        self, actor: str, asset: str, tool: str, destination: str, when: str
    ) -> bool:
        """True if a record covers exactly this."""
        records = self._records
        if records is None:
            records = self._records = {}
            for record in self.context["authorisations"]:
                key = tuple(
                    record[part].lower()
                    for part in ("actor", "asset", "tool", "destination")
                )
                records.setdefault(key, []).append(record)
        key = actor.lower(), asset.lower(), tool.lower(), destination.lower()
        found = records.get(key)
        if found is None:
            return False
        at = instant(when)
        return any(
            instant(record["start"]) <= at <= instant(record["end"]) for record in found
        )

    def approved(self, event: Event, destination: str) -> bool:
        """True if a record covers an event's own user, host and image."""
        if not self.context["authorisations"]:
            return False
        fields = event["fields"]
        if "user" not in fields or "host" not in fields or "process" not in fields:
            return False
        return self.authorised(
            fields["user"]["name"],
            fields["host"]["name"],
            fields["process"]["name"],
            destination,
            event["timestamp"],
        )

    def approved_flow(self, event: Event) -> bool:
        """True if a record covers a connection."""
        target = event["fields"]["destination"]
        domain = target.get("domain")
        return self.approved(event, target["ip"]) or (
            domain is not None and self.approved(event, domain)
        )

    def approved_command(self, event: Event) -> bool:
        """True if a record covers a command and all that it reaches."""
        known = self._approved.get(id(event))
        if known is None:
            command = event["fields"]["process"].get("command_line", "").lower()
            is_quiet = "://" not in command and "\\\\" not in command
            known = self._approved[id(event)] = (
                is_quiet and self.approved(event, "none")
            ) or self.approved(event, url_hosts(command))
        return known

    def known_bad(self, indicator: str) -> bool:
        """True for an indicator that intelligence is sure of."""
        if self._bad is None:
            self._bad = {
                known["indicator"].lower()
                for known in self.context["threat_intelligence"]
                if known["confidence"] >= _CONFIDENCE
            }
        return indicator.lower() in self._bad

    def rare_and_new(self, indicator: str) -> bool:
        """True for an indicator that few machines met, and only lately."""
        lowered = indicator.lower()
        return any(
            seen["indicator"].lower() == lowered
            and seen["hosts_percent"] <= _RARE
            and seen["first_seen_days"] <= _NEW
            for seen in self.context["prevalence"]
        )

    def is_leaver(self, user: str) -> bool:
        """True for an account whose owner leaves."""
        lowered = user.lower()
        return any(
            a["name"].lower() == lowered and a["leaver"] for a in self.context["users"]
        )

    def restricted(self) -> list[str]:
        """The places of restricted data."""
        return [
            place["location"]
            for place in self.context["data_locations"]
            if place["class"] == "restricted"
        ]
