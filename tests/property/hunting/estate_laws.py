"""Laws about facts of the estate, each fact by itself.

`hunting.laws` turns all facts of a kind at once; a rule that lets two facts excuse each
other would only show when one is turned. So each law here turns one at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hunting.laws import BrokenLawError, judged

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


def never_milder(
    turned: Callable[[Incident], Iterator[tuple[str, Incident]]],
) -> Callable[[Incident], None]:
    """The law that no single turn makes the label milder."""
    verifier = default_judge().verifier
    ranks = [verifier.default, *reversed(verifier.order)]
    return _holds(turned, lambda old, new: ranks.index(new) >= ranks.index(old))


def unchanged(
    turned: Callable[[Incident], Iterator[tuple[str, Incident]]],
) -> Callable[[Incident], None]:
    """The law that no turn changes the label."""
    return _holds(turned, lambda old, new: new == old)


def _holds(
    turned: Callable[[Incident], Iterator[tuple[str, Incident]]],
    agrees: Callable[[str, str], bool],
) -> Callable[[Incident], None]:
    def check(incident: Incident) -> None:
        before = judged(incident).outcome
        for how, other in turned(incident):
            after = default_judge().verifier.outcome(other)
            if not agrees(before, after):
                raise BrokenLawError(f"{before} becomes {after} {how}", incident)

    return check


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


ESTATE_LAWS: dict[str, Callable[[Incident], None]] = {
    "record-less-is-never-milder": never_milder(one_record_less),
    "tier-zero-is-never-milder": never_milder(one_machine_of_tier_zero),
    "fragile-is-never-milder": never_milder(one_fragile_machine),
    "leaver-is-never-milder": never_milder(one_more_leaver),
    "surer-is-never-milder": never_milder(one_surer_indicator),
    "restricted-is-never-milder": never_milder(one_restricted_place),
    "order-of-the-estate": unchanged(reordered),
}
