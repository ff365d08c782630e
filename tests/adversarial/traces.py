"""Events of other kinds than `attacks` has: names asked for, pages, mails, changes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from attacks import FOREIGN, Event, changed, event, failed, flow, logged_on

ALICE = {"host": {"name": "ws-01"}, "user": {"name": "alice"}}


def question(number: int, gap: float, domain: str = "relay.example") -> Event:
    """One question of a tunnel: letters and digits that carry data."""
    name = f"{sha256(str(number).encode()).hexdigest()[:24]}.{domain}"
    return event(
        f"d{number:02}",
        "dns.query",
        "dns",
        number * gap,
        **ALICE,
        process={"name": "agent.exe"},
        dns={"question": {"name": name, "type": "A"}},
        disposition="allowed",
    )


def questions(number: int, gap: float, domains: int = 1) -> list[Event]:
    """So many of them, over so many domains in turn."""
    return [question(n, gap, f"relay{n % domains}.example") for n in range(number)]


def seen_in(log_id: str, when: float, country: str, lat: float, lon: float) -> Event:
    """A logon to the cloud from a place."""
    where = {"country_iso_code": country, "location": {"lat": lat, "lon": lon}}
    return event(
        log_id,
        "authentication.logon",
        "identity",
        when,
        user={"name": "alice"},
        source={"ip": FOREIGN, "geo": where},
        logon_type="cloud",
        event={"outcome": "success"},
    )


def arrived() -> Event:
    """An administrator logs on to a server from a workstation."""
    logon = logged_on("in", 0, ip="10.0.1.11", user="olga")
    return changed(logon, fields__logon_type="network")


def proxied(number: int) -> list[Event]:
    """So many failed logons, each from an address of its own."""
    return [failed(f"l{n:02}", n * 5, ip=f"203.0.113.{100 + n}") for n in range(number)]


def granted(log_id: str, when: float, action: str) -> Event:
    """An administrator changes who is a domain administrator."""
    return event(
        log_id,
        "iam.change",
        "identity",
        when,
        user={"name": "olga", "target": {"name": "bob"}},
        group={"name": "Domain Admins"},
        event={"action": action, "outcome": "success"},
    )


def key_set(path: str, data: str) -> Event:
    """A value of the registry is written."""
    return event(
        "k1",
        "registry.change",
        "edr",
        0,
        **ALICE,
        process={"name": "reg.exe"},
        registry={"path": path, "value": "a", "data": {"strings": [data]}},
    )


def task_made(command: str) -> Event:
    """A scheduled task is made."""
    job = {"name": "update", "command_line": command}
    return event("j1", "scheduled_job.creation", "windows", 0, **ALICE, job=job)


def rewritten(
    number: int, gap: float = 1, extension: str = "vault", entropy: float = 7.9
) -> list[Event]:
    """One process rewrites so many files."""
    return [
        event(
            f"f{n:02}",
            "file.change",
            "edr",
            n * gap,
            **ALICE,
            process={"name": "a.exe"},
            file={
                "path": rf"C:\Shares\designs\{n}.{extension}",
                "extension": extension,
                "entropy": entropy,
            },
        )
        for n in range(number)
    ]


def downloads(number: int, gap: float) -> list[Event]:
    """Somebody who leaves fetches so many files."""
    return [
        cloud_call("FileDownloaded", n, n * gap, user="carol", target=f"site/{n}.docx")
        for n in range(number)
    ]


def cloud_call(
    action: str,
    number: int = 0,
    when: float = 0,
    *,
    user: str = "olga",
    region: str = "eu-west-1",
    **fields: Any,
) -> Event:
    """A call to a cloud, for the account of another."""
    return event(
        f"c{number:02}",
        "cloud.api",
        "cloud",
        when,
        user={"name": user, "target": {"name": "bob"}},
        source={"ip": "10.0.1.11"},
        cloud={"provider": "aws", "region": region},
        event={"action": action, "outcome": "success"},
        **fields,
    )


def knocks(number: int, gap: float = 1, **facts: Any) -> list[Event]:
    """A workstation tries so many ports of a server."""
    first = flow(host="ws-01", ip="10.0.2.21", sent=0, disposition="blocked")
    named = {"fields__network__direction": "internal", **facts}
    return [
        changed(
            first,
            log_id=f"s{n:02}",
            timestamp=event("x", "", "", n * gap)["timestamp"],
            fields__destination__port=1_000 + n,
            **named,
        )
        for n in range(number)
    ]


def asked(path: str, status: int = 404) -> Event:
    """A page of our web server is asked for from outside."""
    return event(
        "r1",
        "http.request",
        "proxy",
        0,
        source={"ip": FOREIGN},
        destination={"ip": "10.0.2.31", "port": 443},
        url={"full": f"https://www.corp.example/{path}"},
        http={"request": {"method": "GET"}, "response": {"status_code": status}},
        disposition="allowed",
    )


def mailed(**facts: Any) -> Event:
    """A forged message with a link is delivered."""
    message = event(
        "m1",
        "email.message",
        "email",
        0,
        user={"name": "bob"},
        email={
            "from": {"address": "it@corp.example"},
            "reply_to": {"address": "it@c0rp.example"},
            "to": {"address": "bob@corp.example"},
            "subject": "Your mailbox",
        },
        url={"domain": "login.c0rp.example"},
        email_auth={"dmarc": "fail"},
        disposition="allowed",
    )
    return changed(message, **facts)


def posted(domain: str = "login.c0rp.example", when: float = 60) -> Event:
    """A form is sent to a page outside."""
    return event(
        "v1",
        "http.request",
        "proxy",
        when,
        host={"name": "ws-02"},
        user={"name": "bob"},
        source={"ip": "10.0.1.12"},
        destination={"ip": "203.0.113.70", "port": 443},
        url={"full": f"https://{domain}/a"},
        http={"request": {"method": "POST"}},
        disposition="allowed",
    )
