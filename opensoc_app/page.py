"""The page: *Next incident*, two answers side by side, the verdict and the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from opensoc_app import markup
from opensoc_app.desk import Sheet, Tally, sheet, usable_sides

if TYPE_CHECKING:
    from opensoc_app.panel import Side
    from opensoc_engine import RuleInfo

_COLUMNS = ("incidents", "right", "attacks dismissed", "over-reactions", "mean reward")


def show() -> None:
    """Draw the page once."""
    st.title("OpenSOC: who triages better?")
    st.caption(
        "Every verdict comes from rule files that a security engineer can edit, never "
        "from a model. Press *Next incident*."
    )
    before, after = _choose_sides()
    at = st.session_state.setdefault("at", 0)
    if st.button("Next incident", type="primary", key="next"):
        at += 1
        st.session_state["at"] = at
    current = sheet(at, before, after)
    if current is None:
        st.warning("These two have not answered the same incidents: choose others.")
        return
    _count(current, before, after)
    _draw_score(before, after)
    _draw(current, before, after)


def _choose_sides() -> tuple[Side, Side]:
    known = {side.title: side for side in usable_sides()}
    titles = list(known)
    left, right = st.columns(2)
    first = left.selectbox("Before", titles, index=_at(titles, "before"), key="before")
    second = right.selectbox("After", titles, index=_at(titles, "after"), key="after")
    return known[first], known[second]


def _at(titles: list[str], key: str) -> int:
    """The place of the recorded side of that name, else the first or last live one."""
    wanted = next((side.title for side in usable_sides() if side.key == key), None)
    if wanted is not None:
        return titles.index(wanted)
    return 0 if key == "before" else len(titles) - 1


def _draw(current: Sheet, before: Side, after: Side) -> None:
    main, aside = st.columns([3, 2], gap="large")
    with main:
        assert current.observation.alert is not None
        st.subheader("Alert")
        st.html(markup.alert_card(current.observation.alert))
        st.subheader("Log window")
        st.html(
            markup.log_window(current.observation.log_window, current.verdict.proof)
        )
        st.subheader("What the estate says")
        st.html(markup.fact_list(current.observation.context))
    with aside:
        st.subheader("Answers")
        left, right = st.columns(2)
        left.html(markup.answer_card(f"Before: {before.title}", current.before))
        right.html(markup.answer_card(f"After: {after.title}", current.after))
        st.subheader("Verdict")
        st.html(markup.verdict_card(current.verdict))
        for rule in current.verdict.rules[:3]:
            _draw_rule(rule)


def _draw_rule(rule: RuleInfo) -> None:
    techniques = ", ".join(rule.metadata.get("attack", {}).get("techniques", ()))
    st.markdown(f"**{rule.rule}**" + (f" · {techniques}" if techniques else ""))
    st.caption(f"{rule.policy} · line {rule.line}")
    st.code(rule.text, language="rego")


def _count(current: Sheet, before: Side, after: Side) -> None:
    """Count an incident once for each pair of sides, however often the page reruns."""
    pair = (before.key, after.key)
    if st.session_state.get("pair") != pair:
        st.session_state["pair"] = pair
        st.session_state["tallies"] = (Tally(), Tally())
        st.session_state["counted"] = set()
    at = st.session_state["at"]
    if at in st.session_state["counted"]:
        return
    st.session_state["counted"].add(at)
    graded = (current.before, current.after)
    for tally, answer in zip(st.session_state["tallies"], graded, strict=True):
        tally.add(answer, current.verdict.action)


def _draw_score(before: Side, after: Side) -> None:
    st.subheader("Running score")
    rows = []
    for side, tally in zip((before, after), st.session_state["tallies"], strict=True):
        values = (tally.seen, tally.right, tally.missed, tally.over_reacted)
        shown = (*map(str, values), f"{tally.mean_reward:+.2f}")
        rows.append({"side": side.title, **dict(zip(_COLUMNS, shown, strict=True))})
    st.table(rows)
