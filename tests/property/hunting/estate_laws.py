"""Laws about facts of the estate, each fact by itself.

`hunting.laws` turns all facts of a kind at once; a rule that lets two facts excuse each
other would only show when one is turned. So each law here turns one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hunting.laws import BrokenLawError, fires, judged, moves

from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Incident = dict[str, Any]


def one_record_less(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident without one of its records of authorised work."""
    records = incident["context"]["authorisations"]
    for at, record in enumerate(records):
        rest = records[:at] + records[at + 1 :]
        yield f"without {record['id']}", _told(incident, authorisations=rest)


def one_machine_of_tier_zero(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident with one more machine of tier T0."""
    yield from _each(incident, "hosts", "name", tier="T0")


def one_fragile_machine(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident with one more machine that must not be cut off."""
    yield from _each(incident, "hosts", "name", tolerates_isolation=False)


def one_more_leaver(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident with one more account whose owner leaves."""
    yield from _each(incident, "users", "name", leaver=True)


def one_surer_indicator(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident with one indicator known for certain."""
    yield from _each(incident, "threat_intelligence", "indicator", confidence=100)


def one_restricted_place(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident with one place whose data are restricted."""
    yield from _each(incident, "data_locations", "location", **{"class": "restricted"})


def reordered(incident: Incident) -> Iterator[tuple[str, Incident]]:
    """The incident with every list of the estate the other way round."""
    context = {
        key: value[::-1] if isinstance(value, list) else value
        for key, value in incident["context"].items()
    }
    yield "with the estate's lists reversed", {**incident, "context": context}


@dataclass(frozen=True, slots=True)
class EstateLaw:
    """What holds for an incident and each turn of it.

    Attributes:
        turned: The turns, each with what it does.
        is_strict: True if no turn may change the label; else none may make it milder.
    """

    turned: Callable[[Incident], Iterator[tuple[str, Incident]]]
    is_strict: bool = False

    def check(self, incident: Incident) -> None:
        """Raise if the law is broken."""
        verifier = default_judge().verifier
        ranks = [verifier.default, *reversed(verifier.order)]
        before = judged(incident).outcome
        for how, other in self.turned(incident):
            after = verifier.outcome(other)
            is_milder = ranks.index(after) < ranks.index(before)
            if is_milder or (self.is_strict and after != before):
                raise BrokenLawError(f"{before} becomes {after} {how}", incident)

    def tells(self, incident: Incident) -> bool:
        """True if a turn changes the label; if none may, if one changes anything."""
        others = (other for _, other in self.turned(incident))
        if self.is_strict:
            return fires(incident) and any(other != incident for other in others)
        return any(moves(incident, other) for other in others)


def _each(
    incident: Incident, kind: str, key: str, **facts: Any
) -> Iterator[tuple[str, Incident]]:
    """The incident with facts set of one item of a list, for each item in turn."""
    items = incident["context"][kind]
    for at, item in enumerate(items):
        if any(item[name] != value for name, value in facts.items()):
            turned = [*items[:at], {**item, **facts}, *items[at + 1 :]]
            yield f"when {item[key]} has {facts}", _told(incident, **{kind: turned})


def _told(incident: Incident, **facts: Any) -> Incident:
    return {**incident, "context": {**incident["context"], **facts}}


ESTATE_LAWS = {
    "record-less-is-never-milder": EstateLaw(one_record_less),
    "tier-zero-is-never-milder": EstateLaw(one_machine_of_tier_zero),
    "fragile-is-never-milder": EstateLaw(one_fragile_machine),
    "leaver-is-never-milder": EstateLaw(one_more_leaver),
    "surer-is-never-milder": EstateLaw(one_surer_indicator),
    "restricted-is-never-milder": EstateLaw(one_restricted_place),
    "order-of-the-estate": EstateLaw(reordered, is_strict=True),
}
