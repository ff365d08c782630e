"""Data sets become a table that says what is in them and how much they share.

The table is committed beside the sets as `README.md`. Every set is compared with the
one that is learnt from, and its forms with those of all others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_env.datasets import PLANS, SFT
from opensoc_env.leaks import NEAR, Form, Overlap, form_of, overlap
from opensoc_env.models import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[Mapping[str, Any]]

AUDIT_FILE = "README.md"
_HEAD = f"""\
# The committed data sets

Written by `opensoc generate datasets`, checked by `opensoc generate audit`. Two rows
are the same if they differ in names, addresses and times alone, and near if the Jaccard
index of their facts, without names, is {NEAR} or more. Likeness is that to the nearest
row of `{SFT.name}`, at the median.

"""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What is in one set, and how much of it is elsewhere.

    Attributes:
        shared: How much of it is in the set that is learnt from.
        elsewhere: Rows whose form is in any other set.
    """

    name: str
    about: str
    actions: tuple[int, ...]
    categories: int
    shared: Overlap
    elsewhere: int

    @property
    def is_clean(self) -> bool:
        """True if nothing leaks."""
        return not (self.elsewhere or self.shared.same or self.shared.near)


def audit(sets: Mapping[str, Rows]) -> list[AuditLine]:
    """One line for each set, in the order of the plans."""
    forms = {name: [_form(row) for row in rows] for name, rows in sets.items()}
    return [
        _line(plan.name, plan.about, sets[plan.name], forms)
        for plan in PLANS
        if plan.name in sets
    ]


def render_audit(lines: Sequence[AuditLine]) -> str:
    """The lines as a page of Markdown."""
    actions = " | ".join(ACTIONS)
    heads = f"| set | rows | {actions} | categories | same | near | likeness | for |"
    rule = "|---|" + "---:|" * (len(ACTIONS) + 5) + "---|"
    return _HEAD + "\n".join([heads, rule, *map(_row, lines)]) + "\n"


def _form(row: Mapping[str, Any]) -> Form:
    return form_of(row["incident"])


def _line(
    name: str, about: str, rows: Rows, forms: Mapping[str, Sequence[Form]]
) -> AuditLine:
    counts = Counter(row["truth"]["action"] for row in rows)
    others = {f.digest for key in forms if key != name for f in forms[key]}
    learnt = [] if name == SFT.name else forms.get(SFT.name, [])
    return AuditLine(
        name=name,
        about=about,
        actions=tuple(counts[action] for action in ACTIONS),
        categories=len({row["incident"]["category"] for row in rows}),
        shared=overlap(forms[name], learnt),
        elsewhere=sum(form.digest in others for form in forms[name]),
    )


def _row(line: AuditLine) -> str:
    shared = line.shared
    cells = (
        f"`{line.name}`",
        shared.rows,
        *line.actions,
        line.categories,
        line.elsewhere,
        shared.near,
        f"{shared.middle:.2f}" if line.name != SFT.name else "",
        line.about,
    )
    return "| " + " | ".join(map(str, cells)) + " |"
