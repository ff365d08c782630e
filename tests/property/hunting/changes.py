"""Changes of an incident that a law speaks of; each gives a new, normal incident."""

from __future__ import annotations

import copy
import re
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from hunting.constants import texts

from opensoc_env.incident import normalise_incident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Incident = dict[str, Any]
_CUTS = r"(?<![\w.-]){}(?![\w.-])"


def reversed_events(incident: Incident) -> Incident:
    """The same events, handed over in the opposite order, which the border puts right.

    The rules themselves may rely on events in the order of their times.
    """
    return normalise_incident({**incident, "events": incident["events"][::-1]})


def shifted(incident: Incident, hours: int) -> Incident:
    """All times, those of records too, moved by whole hours."""
    return normalise_incident(_each_text(incident, lambda text: _later(text, hours)))


def renumbered(incident: Incident) -> Incident:
    """Other log ids that sort as the old ones do."""
    events = [
        {**event, "log_id": f"N7-{at:04}"}
        for at, event in enumerate(incident["events"])
    ]
    return {**incident, "events": events}


def renamed(incident: Incident, kind: str) -> Incident:
    """Hosts or users of the estate under other names, wherever they stand.

    Names that the policies themselves know are kept: they are words, not names.
    """
    known = {text.lower() for text in texts()}
    names = sorted({item["name"] for item in incident["context"][kind]}, key=len)
    free = [name for name in names[::-1] if name.lower() not in known]
    new = {name.lower(): f"zq{at}-{kind[0]}" for at, name in enumerate(free)}
    return _replaced(incident, new)


def readdressed(incident: Incident) -> Incident:
    """External IPv4 addresses replaced, each by one that nobody has a list for."""
    networks = incident["context"]["networks"]
    inside = [*networks["internal"], *networks["shared_egress"], *_known_networks()]
    found = {
        word
        for text in _texts_in(incident)
        for word in re.findall(_CUTS.format(r"\d+\.\d+\.\d+\.\d+"), text)
    }
    free = sorted(word for word in found if _is_free(word, inside))
    return _replaced(incident, {w: f"45.67.89.{at}" for at, w in enumerate(free, 1)})


def claimed(incident: Incident, label: str, narrative: str) -> Incident:
    """Another claim and another story about the same events."""
    return {**incident, "target_label": label, "narrative": narrative}


def with_copies(incident: Incident, event: dict[str, Any], count: int) -> Incident:
    """The incident with an event that is there several times more."""
    copies = [{**event, "log_id": f"{event['log_id']}-c{at}"} for at in range(count)]
    return normalise_incident({**incident, "events": [*incident["events"], *copies]})


def cut_to(incident: Incident, log_ids: Iterable[str]) -> Incident:
    """Only these events, in the same estate."""
    kept = set(log_ids)
    events = [event for event in incident["events"] if event["log_id"] in kept]
    return {**incident, "events": events}


def allowed(incident: Incident) -> Incident:
    """No control stopped anything."""
    changed = copy.deepcopy(incident)
    for event in changed["events"]:
        if event["fields"].get("disposition") in {"blocked", "quarantined"}:
            event["fields"]["disposition"] = "allowed"
    return changed


def unauthorised(incident: Incident) -> Incident:
    """Nothing was authorised."""
    return {**incident, "context": {**incident["context"], "authorisations": []}}


def critical(incident: Incident) -> Incident:
    """Every machine is one that the organisation stops without."""
    hosts = [
        {**host, "tier": "T0", "tolerates_isolation": False}
        for host in incident["context"]["hosts"]
    ]
    return {**incident, "context": {**incident["context"], "hosts": hosts}}


def _replaced(incident: Incident, new: dict[str, str]) -> Incident:
    if not new:
        return incident
    words = "|".join(re.escape(word) for word in sorted(new, key=len, reverse=True))
    pattern = re.compile(_CUTS.format(f"({words})"), re.IGNORECASE)
    return normalise_incident(
        _each_text(
            incident, lambda text: pattern.sub(lambda m: new[m[0].lower()], text)
        )
    )


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _texts_in(value: Any) -> list[str]:
    found: list[str] = []
    _each_text(value, lambda text: found.append(text) or text)
    return found


def _later(text: str, hours: int) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-].*)", text):
        return text
    moved = datetime.fromisoformat(text) + timedelta(hours=hours)
    return moved.isoformat().replace("+00:00", "Z")


def _known_networks() -> list[str]:
    return [text for text in texts() if "." in text and _network(text) is not None]


def _is_free(word: str, networks: list[str]) -> bool:
    """True for an address outside of all networks; False for a text that is none."""
    known = [_network(text) for text in networks]
    return _network(word) is not None and not any(
        ip_address(word) in network for network in known if network is not None
    )


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
