"""One value spelled another way earns an attacker nothing.

The border refuses the spelling, or plausibility does, or the label is that of the usual
one.
"""

from __future__ import annotations

import pytest
from attacks import (
    Incident,
    beats,
    changed,
    event,
    guesses,
    incident,
    objections,
    started,
    truth_of,
)

from opensoc_env.incident import IncidentError

USER_PATH = r"C:\Users\Public\a.exe"


def earns_nothing(tricky: Incident, usual: Incident) -> bool:
    """True if the trick is refused, implausible, or judged like the usual spelling."""
    try:
        return bool(objections(tricky)) or truth_of(tricky) == truth_of(usual)
    except IncidentError:
        return True


def opened(path: str = r"C:\a\b.exe", **facts: str) -> Incident:
    """A process opens LSASS with every right."""
    access = event(
        "a1",
        "process.access",
        "edr",
        0,
        host={"name": "ws-01"},
        user={"name": "alice"},
        process={"name": path.rpartition("\\")[2].lower(), "executable": path},
        target_process={"name": "lsass.exe"},
        granted_access="0x1fffff",
    )
    return incident(changed(access, **facts))


def called_from(path: str) -> Incident:
    return incident(*beats(image="a.exe", executable=path))


def to_domain(domain: str) -> Incident:
    calls = [changed(b, fields__destination__domain=domain) for b in beats()]
    return incident(*calls)


def tried_from(*ips: str) -> Incident:
    tries = guesses()
    addresses = [ips[n % len(ips)] for n in range(len(tries))]
    pairs = zip(tries, addresses, strict=True)
    return incident(*[changed(g, fields__source__ip=ip) for g, ip in pairs])


def recorded(command: str) -> Incident:
    """A shell under a record for work that leads nowhere."""
    document = incident(started(command=command))
    record = {"actor": "alice", "asset": "ws-01", "tool": "powershell.exe"}
    document["context"]["authorisations"][0].update(record, destination="none")
    return document


SPELLINGS: dict[str, tuple[Incident, Incident]] = {
    "path in capitals": (called_from(USER_PATH.upper()), called_from(USER_PATH)),
    "path of a device": (called_from(rf"\\?\{USER_PATH}"), called_from(USER_PATH)),
    "path by way of Windows": (
        called_from(r"C:\Windows\..\Users\Public\a.exe"),
        called_from(USER_PATH),
    ),
    "system folder below a folder of a user": (
        opened(r"C:\Users\Public\Windows\System32\MsMpEng.exe"),
        opened(),
    ),
    "access mask in capitals": (opened(fields__granted_access="0x1FFFFF"), opened()),
    "access mask with a space": (opened(fields__granted_access="0x1fffff "), opened()),
    "domain in capitals": (
        to_domain("STAGE.BAD.EXAMPLE"),
        to_domain("stage.bad.example"),
    ),
    "machine with a final dot": (incident(started(host="ws-01.")), incident(started())),
    "machine with its domain": (
        incident(started(host="ws-01.corp.example")),
        incident(started()),
    ),
    "one address mapped": (tried_from("::ffff:10.0.1.11"), tried_from("10.0.1.11")),
    "path of a reader of LSASS that leads elsewhere": (
        opened(r"C:\Program Files\Windows Defender\..\..\Users\Public\MsMpEng.exe"),
        opened(),
    ),
    "path with slashes": (called_from("C:/Users/Public/a.exe"), called_from(USER_PATH)),
    "path with doubled backslashes": (
        called_from(r"C:\\Users\\Public\\a.exe"),
        called_from(USER_PATH),
    ),
    "path with a dot between": (
        called_from(r"C:\Users\.\Public\a.exe"),
        called_from(USER_PATH),
    ),
    "short path": (called_from(r"C:\Users\PUBLI~1\a.exe"), called_from(USER_PATH)),
    "access mask with zeros": (opened(fields__granted_access="0x001fffff"), opened()),
    "target in capitals": (
        opened(fields__target_process__name="LSASS.EXE"),
        opened(),
    ),
    "domain with a final dot": (
        to_domain("stage.bad.example."),
        to_domain("stage.bad.example"),
    ),
    "address of version six in full": (
        tried_from("2001:db8::1", "2001:0db8:0:0:0:0:0:1"),
        tried_from("2001:db8::1"),
    ),
    "address of version six in capitals": (
        tried_from("2001:db8::a", "2001:DB8::A"),
        tried_from("2001:db8::a"),
    ),
    "address without a scheme under a record for local work": (
        recorded("powershell.exe iwr 203.0.113.9/a"),
        recorded("powershell.exe iwr http://203.0.113.9/a"),
    ),
    "address mapped now and then": (
        tried_from("203.0.113.30", "::ffff:203.0.113.30"),
        tried_from("203.0.113.30"),
    ),
}


@pytest.mark.parametrize("trick", SPELLINGS)
def test_another_spelling_earns_nothing(trick: str) -> None:
    assert earns_nothing(*SPELLINGS[trick])


@pytest.mark.parametrize("trick", SPELLINGS)
def test_the_usual_spelling_is_plausible_and_caught(trick: str) -> None:
    usual = SPELLINGS[trick][1]

    assert objections(usual) == []
    assert truth_of(usual) != "dismiss"
