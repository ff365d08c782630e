"""The inputs of all cases beside the verifier's policies, as normal incidents.

Every line of every rule is proven both ways by a case, so a change of one of them is
near some edge. The cases are read as `opensoc test` reads them.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from opensoc_engine import data_root
from opensoc_engine.cases import case_documents
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import read_folder
from opensoc_env.incident import IncidentError, normalise_incident
from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

Incident = dict[str, Any]
# Of so many cases one is looked at first, so that few files are not all there is.
_STRIDE = 29
_ENOUGH = 40


@cache
def incidents_of_cases() -> tuple[Incident, ...]:
    """Each once, in the order of the files."""
    collector, verifier = DiagnosticCollector(), default_judge().verifier
    folder = read_folder(data_root() / "rules" / verifier.name, collector)
    assert folder is not None
    found = case_documents(
        folder.cases, verifier.inputs, folder.case_base, folder.store, collector
    )
    documents = (_plain(document) for _, _, document in found)
    return tuple(filter(None, map(_normal, documents)))


def proven() -> SearchStrategy[Incident]:
    """The input of some case."""
    return st.sampled_from(incidents_of_cases())


def proven_of(tells: Callable[[Incident], bool]) -> SearchStrategy[Incident]:
    """The input of some case for which a law says something."""

    @cache
    def found() -> list[Incident]:
        cases = incidents_of_cases()
        mixed = (case for at in range(_STRIDE) for case in cases[at::_STRIDE])
        return list(islice(filter(tells, mixed), _ENOUGH))

    # By their places: a strategy of incidents would be a text of 200 kB in messages.
    places = st.deferred(lambda: st.sampled_from(range(len(found()))))
    return places.map(lambda at: found()[at])


def balanced() -> SearchStrategy[list[Incident]]:
    """One incident for each action that a case deserves, so that no truth is rarer."""
    by_truth: dict[str, list[Incident]] = {}
    for incident in incidents_of_cases():
        truth = default_judge().verifier.outcome(incident)
        by_truth.setdefault(truth, []).append(incident)
    pools = [st.sampled_from(pool) for _, pool in sorted(by_truth.items())]
    return st.tuples(*pools).map(list)


def _normal(document: Any) -> Incident | None:
    try:
        return normalise_incident(document) if document["events"] else None
    except IncidentError:
        return None


def _plain(value: Any) -> Any:
    """Case files hold exact decimals; an incident has numbers of JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    is_decimal = not isinstance(value, bool | int | str | None)
    return float(value) if is_decimal else value
