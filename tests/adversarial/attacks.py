"""Incidents in the office of the rules' cases, event by event, and what comes of them.

Each event is normal and plausible by itself; a test changes the one fact that it is
about. What the judge is asked has passed the same border as everything from outside.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from opensoc_engine import data_root
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.source import Source
from opensoc_env.cut_offs import cut_offs_of
from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import default_judge
from opensoc_env.models import EpisodeResult, Observation
from opensoc_env.novelty import Archive
from opensoc_env.observation import observe

Event = dict[str, Any]
Incident = dict[str, Any]

NINE = "2026-03-02T09:00:00Z"
FOREIGN = "203.0.113.30"
KNOWN_BAD = "203.0.113.66"
ADDRESSES = {
    "ws-01": "10.0.1.11",
    "ws-02": "10.0.1.12",
    "app-01": "10.0.2.21",
    "web-01": "10.0.2.31",
    "fs-01": "10.0.2.41",
    "dc-01": "10.0.4.61",
}


@cache
def _office() -> Incident:
    path = data_root() / "rules" / "fixtures" / "office.yaml"
    node = read_yaml(Source(str(path), path.read_text("utf-8")), DiagnosticCollector())
    assert node is not None
    office: Incident = to_plain(node)
    return office


def incident(*events: Event, **claims: Any) -> Incident:
    """Events in the office; `claims` are the attacker's words about them."""
    return {**copy.deepcopy(_office()), "events": list(events), **claims}


def changed(document: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """A copy with other facts; `a__b__0` names `a.b[0]`, and None takes a fact away."""
    result = copy.deepcopy(document)
    for name, value in facts.items():
        *path, last = (int(p) if p.isdigit() else p for p in name.split("__"))
        place: Any = result
        for part in path:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return result


def at(seconds: float) -> str:
    """A time so long after nine o'clock."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"2026-03-02T{9 + hours:02}:{minutes:02}:{rest:06.3f}Z"


def event(
    log_id: str, event_type: str, source: str, when: float, /, **fields: Any
) -> Event:
    """An event so many seconds after nine o'clock."""
    return {
        "event_type": event_type,
        "source": source,
        "timestamp": at(when),
        "log_id": log_id,
        "fields": fields,
    }


def started(
    image: str = "powershell.exe",
    command: str = "powershell.exe -nop -w hidden",
    *,
    log_id: str = "e1",
    when: float = 0,
    parent: str = "winword.exe",
    host: str = "ws-01",
    user: str = "alice",
    disposition: str = "allowed",
    **process: Any,
) -> Event:
    """A process starts; by default a document starts a shell."""
    return event(
        log_id,
        "process.start",
        "edr",
        when,
        host={"name": host},
        user={"name": user},
        process={
            "name": image,
            "command_line": command,
            "parent": {"name": parent},
            **process,
        },
        disposition=disposition,
    )


def failed(
    log_id: str = "l1",
    when: float = 0,
    *,
    user: str = "alice",
    ip: str = FOREIGN,
    host: str = "app-01",
    reason: str = "0xc000006a",
) -> Event:
    """A logon fails."""
    return event(
        log_id,
        "authentication.logon",
        "identity",
        when,
        host={"name": host},
        user={"name": user},
        source={"ip": ip},
        event={"outcome": "failure", "reason": reason},
    )


def guesses(number: int = 10, gap: float = 5, **facts: Any) -> list[Event]:
    """So many failed logons, evenly."""
    return [failed(f"l{n:02}", n * gap, **facts) for n in range(number)]


def logged_on(log_id: str = "in", when: float = 60, **facts: Any) -> Event:
    """The logon of the same account from the same place succeeds."""
    return changed(failed(log_id, when, **facts), fields__event={"outcome": "success"})


def flow(
    log_id: str = "f1",
    when: float = 0,
    *,
    sent: int = 90_000_000,
    ip: str = "203.0.113.41",
    host: str = "ws-01",
    user: str = "alice",
    image: str = "curl.exe",
    disposition: str = "allowed",
    port: int = 443,
    **process: Any,
) -> Event:
    """A connection to the outside; by default one that carries ninety megabytes."""
    return event(
        log_id,
        "network.connection",
        "firewall",
        when,
        host={"name": host},
        user={"name": user},
        process={"name": image, **process},
        source={"ip": ADDRESSES[host], "bytes": sent},
        destination={"ip": ip, "port": port},
        network={"direction": "outbound"},
        disposition=disposition,
    )


def beats(number: int = 6, gap: float = 300, **facts: Any) -> list[Event]:
    """So many short connections, evenly."""
    return [
        flow(f"b{n:02}", n * gap, **{"sent": 400, "image": "agent.exe", **facts})
        for n in range(number)
    ]


def truth_of(document: Incident) -> str:
    """The right action for what passes the border."""
    return default_judge().truth(normalise_incident(document)).outcome


def label(*events: Event, **claims: Any) -> str:
    """The right action for events in the office."""
    return truth_of(incident(*events, **claims))


def objections(document: Incident) -> list[str]:
    """The fields that plausibility objects to; empty for a plausible incident."""
    found = default_judge().check_plausible(normalise_incident(document)).findings
    return [str(finding.field) for finding in found]


def seen(document: Incident, styles: dict[str, str] | None = None) -> Observation:
    """What a defender sees."""
    normal = normalise_incident(document)
    return observe(
        normal,
        episode_id="adversarial",
        task="stage2_multi",
        mode="self_play",
        cut_offs=cut_offs_of(default_judge().verifier),
        styles=styles,
    )


def attack(seed: int = 3, **facts: Any) -> Episode:
    """An episode of self-play that waits for the attacker."""
    episode = Episode("stage4_adversarial", "self_play", seed, **facts)
    episode.reset()
    return episode


def play(
    events: list[Any], archive: Archive | None = None, **change: Any
) -> EpisodeResult:
    """What comes of an incident that the defender dismisses."""
    episode = attack(archive=Archive() if archive is None else archive)
    crafted = {"target_label": "dismiss", "category": "malware_execution"}
    episode.step(
        {"craft_incident": {**crafted, "events": events, "narrative": "x", **change}}
    )
    return finish(episode)


def finish(episode: Episode) -> EpisodeResult:
    if not episode.state().done:
        episode.step({"submit_triage": {"action": "dismiss"}})
    return episode.grade()


def estate() -> Any:
    """The estate of the episodes that `play` plays."""
    return generate("stage4_adversarial", 3)["context"]


def native(**facts: Any) -> Event:
    """A document starts a shell on a machine of the episode's own estate."""
    hosts, users = estate()["hosts"], estate()["users"]
    host = next(h for h in hosts if h["os"] == "windows" and "edr" in h["sensors"])
    return started(host=host["name"], user=users[0]["name"], **facts)
