"""The page *Play*: a person takes one side, against a script, a model or a person.

It shows what a session of that side is shown and nothing else. Whatever the other side
wrote is drawn as data.
"""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from opensoc_app import markup
from opensoc_app.crafting import (
    CraftTextError,
    Fault,
    kinds_of_event,
    read_craft,
    workbench,
)
from opensoc_app.seating import HOUSE, Chair
from opensoc_engine import OpenSocError
from opensoc_env.episode import HUMAN, EpisodeError
from opensoc_env.models import ACTIONS, MAX_CITED, MAX_SEED, MAX_TEXT, TASKS
from opensoc_env.opponents.lineup import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opensoc_app.seating import Game
    from opensoc_env.models import EpisodeResult, FiredRule, Role
    from opensoc_env.server.openenv_messages import TriageObservation

_ROLES: tuple[Role, ...] = ("defender", "attacker")
_OTHER: Mapping[Role, str] = {"defender": "attacker", "attacker": "defender"}
_MAX_NAME = 255
# 32 events of the longest fields fit; the server takes no larger messages either.
_MAX_CRAFT = 500_000
_POLL_SECONDS = 1.0


def show() -> None:
    """Draw the page once."""
    st.title("Play a side")
    if find_spec("openenv") is None:
        st.error(
            "To play, install the extra `serve` beside `app`: `opensoc[app,serve]`"
        )
        return
    with st.spinner("Laying the tables ..."):
        room = HOUSE.room()
    if not room.lets_in(""):
        key = st.text_input("Key of this server", type="password", key="server-key")
        if not room.lets_in(key):
            st.caption("Whoever runs this server has given it a key.")
            return
    chair = _chair()
    try:
        game = chair.look() if chair.game else None
    except OpenSocError as error:
        chair.leave()
        game = None
        _draw_refusal(error)
    if game is None:
        _draw_lobby(chair)
    else:
        _draw_game(chair, game)


@st.cache_resource(scope="session", on_release=Chair.go, show_spinner=False)
def _chair() -> Chair:
    """The chair of this browser: Streamlit releases it when the browser has gone.

    One that comes back has its session's state, and so its chair, still.
    """
    chair: Chair = st.session_state.setdefault("chair", Chair(HOUSE.room()))
    chair.come()
    return chair


def _draw_lobby(chair: Chair) -> None:
    if st.session_state.pop("seated", False):
        st.info("Your seat is free again. Sit down with the same words to go on.")
    last: dict[str, Any] = st.session_state.setdefault("asked", _asked_by_link())
    asked = _ask(last)
    if not st.button("Sit down", type="primary", key="sit"):
        return
    st.session_state["asked"] = last | asked
    try:
        chair.sit(mode="self_play", **asked)
    except OpenSocError as error:
        _draw_refusal(error)
        return
    st.session_state["seated"] = True
    # So that a page which is loaded again, or another browser, finds the table.
    st.query_params.from_dict({name: str(value) for name, value in asked.items()})
    st.rerun()


def _asked_by_link() -> dict[str, Any]:
    """What the address of the page says; a link may say anything."""
    link = st.query_params.to_dict()
    seed = link.get("seed", "")
    is_seed = seed.isascii() and seed.isdigit() and len(seed) < len(str(MAX_SEED))
    name = link.get("episode_id", "")[:_MAX_NAME]
    return {
        **link,
        "seed": int(seed) if is_seed else 1,
        "episode_id": name or secrets.token_urlsafe(6),
    }


def _ask(last: Mapping[str, Any]) -> dict[str, Any]:
    """What to play, as the arguments of `reset`; at first as it was last."""
    left, right = st.columns(2)
    role = left.radio(
        "You play",
        _ROLES,
        index=_place(_ROLES, last.get("role")),
        horizontal=True,
        key="role",
    )
    # No models of the server: whoever plays here may be anybody.
    names = (HUMAN, *(name for name in BUILT_IN.names(role) if name != HUMAN))
    opponent = right.selectbox(
        f"The {_OTHER[role]} is",
        names,
        index=_place(names, last.get("opponent")),
        format_func=lambda n: (
            "another session: a model or a person" if n == HUMAN else n
        ),
        key="opponent",
    )
    task = left.selectbox(
        "Stage", TASKS, index=_place(TASKS, last.get("task")), key="task"
    )
    seed = right.number_input(
        "Seed", 0, MAX_SEED - 1, value=last["seed"], step=1, key="seed"
    )
    if opponent not in names:  # A browser may send any text, whatever it was offered.
        opponent = HUMAN
    asked = {"role": role, "opponent": opponent, "task": task, "seed": int(seed)}
    if opponent == HUMAN:
        asked["episode_id"] = st.text_input(
            "Table",
            value=last["episode_id"],
            max_chars=_MAX_NAME,
            key="table",
            help="Both sides give the same name, stage and seed. Whoever knows the "
            "name can take the other seat.",
        )
    return asked


def _place(known: Sequence[str], name: str | None) -> int:
    return known.index(name) if name in known else 0


def _draw_game(chair: Chair, game: Game) -> None:
    stage, seed = game.asked["task"], game.asked["seed"]
    st.caption(f"You are the {game.role} · {stage} · seed {seed}")
    with st.container(horizontal=True):
        if game.seen.done and st.button("Next seed", type="primary", key="again"):
            _leave(chair, min(seed + 1, MAX_SEED - 1))
        if st.button("Leave the table", key="leave"):
            _leave(chair, seed)
    if game.seen.done:
        _draw_end(game)
    elif game.waits:
        _draw_invitation(game)
        _wait(chair)
    elif game.role == "defender":
        _draw_defender(chair, game)
    else:
        _draw_attacker(chair, game)


def _leave(chair: Chair, seed: int) -> None:
    """Free the seat and go back to where a seed is chosen."""
    st.session_state["asked"]["seed"] = seed
    st.session_state["seated"] = False
    chair.leave()
    st.rerun()


@st.fragment(run_every=_POLL_SECONDS)
def _wait(chair: Chair) -> None:
    """Look every second whether the other side has moved."""
    try:
        game = chair.look()
    except OpenSocError:
        st.rerun()
    if not game.waits:
        st.rerun()
    st.html(markup.waiting_card(game.seen.instructions))


def _draw_invitation(game: Game) -> None:
    """How the other side sits down, while it may not have."""
    other = {**game.asked, "role": _OTHER[game.role]}
    told = ", ".join(f"{name}={value!r}" for name, value in other.items())
    st.caption(
        "A session on `/ws`, or a second browser on this page, takes the other side "
        "with the words below. The seat is yours while this page is open."
    )
    st.code(f"reset({told})", language="python", wrap_lines=True)


def _draw_alert(seen: TriageObservation, proof: frozenset[str] = frozenset()) -> None:
    if seen.alert is None:
        return
    st.subheader("Alert")
    st.html(markup.alert_card(seen.alert))
    st.subheader("Log window")
    st.html(markup.log_window(seen.log_window, proof))


def _draw_estate(seen: TriageObservation) -> None:
    st.subheader("What the estate says")
    st.html(markup.fact_list(seen.context))


def _draw_defender(chair: Chair, game: Game) -> None:
    main, aside = st.columns([3, 2], gap="large")
    with main:
        _draw_alert(game.seen)
        _draw_estate(game.seen)
    with aside, st.form("triage"):
        st.subheader("Your answer")
        st.caption(game.seen.instructions)
        action = st.radio(
            "Action",
            ACTIONS,
            format_func=markup.ACTION_TITLES.__getitem__,
            key="action",
        )
        ids = [line.log_id for line in game.seen.log_window]
        cited = st.multiselect(
            "Lines that prove it", ids, max_selections=MAX_CITED, key="cited"
        )
        why = st.text_area("Why", max_chars=MAX_TEXT, key="rationale")
        sent = st.form_submit_button("Send", type="primary", key="send")
    if sent:
        said = {"action": action, "cited_log_ids": cited, "rationale": why}
        _play(chair, "submit_triage", said)


def _draw_attacker(chair: Chair, game: Game) -> None:
    bench = workbench(game.asked["task"], game.asked["seed"])
    main, aside = st.columns([3, 2], gap="large")
    with main, st.form("craft"):
        st.subheader("Your incident")
        st.caption(game.seen.instructions)
        text = st.text_area(
            "As JSON", bench.text, height=520, max_chars=_MAX_CRAFT, key="incident"
        )
        st.caption(
            "What you send is played as it is. If it does not fit the schema, the "
            "episode is over and costs you."
        )
        checked = st.form_submit_button("Check the schema", key="check")
        sent = st.form_submit_button("Send", type="primary", key="send")
    with main:
        if checked:
            _draw_check(bench.faults(text))
        if sent:
            _send(chair, text)
        with st.expander("What may happen"):
            st.table(list(kinds_of_event()))
    with aside:
        _draw_estate(game.seen)


def _draw_check(faults: Sequence[Fault]) -> None:
    if faults:
        st.html(markup.fault_list(faults))
    else:
        st.success("It fits the schema. Whether it could happen is judged at the end.")


def _send(chair: Chair, text: str) -> None:
    try:
        crafted = read_craft(text)
    except CraftTextError as error:
        st.html(markup.fault_list([error.fault]))
        return
    _play(chair, "craft_incident", crafted)


def _play(chair: Chair, turn: str, said: Any) -> None:
    try:
        chair.play(turn, said)
    except OpenSocError as error:
        _draw_refusal(error)
        return
    st.rerun()


def _draw_refusal(error: OpenSocError) -> None:
    """A call that changed nothing."""
    field = error.field if isinstance(error, EpisodeError) else ""
    st.html(markup.fault_list([Fault(field, str(error), "")]))


def _draw_end(game: Game) -> None:
    result = cast("EpisodeResult", game.seen.result)
    main, aside = st.columns([3, 2], gap="large")
    with main:
        proof = frozenset(log_id for rule in result.fired for log_id in rule.evidence)
        _draw_alert(game.seen, proof)
        _draw_estate(game.seen)
    with aside:
        st.subheader("Verdict")
        st.html(markup.outcome_card(result))
        _draw_rewards(game.seen, result)
        if result.violations:
            st.subheader("Objections to the incident")
            objections = [
                Fault(v.field, f"{v.rule}: {v.message}", "") for v in result.violations
            ]
            st.html(markup.fault_list(objections))
        if result.fired:
            st.subheader("Rules that fired")
            st.html(markup.fact_list([_told(rule) for rule in result.fired]))


def _draw_rewards(seen: TriageObservation, result: EpisodeResult) -> None:
    """What each side did, and what it got for it, term by term."""
    left, right = st.columns(2)
    said = markup.said_by_defender(result.answer)
    left.html(markup.reward_card("The defender", result.reward, result.terms, said))
    if result.answer is not None and result.answer.rationale:
        left.html(markup.quote_card(result.answer.rationale))
    paid, terms = result.attacker_reward, result.attacker_terms
    right.html(markup.reward_card("The attacker", paid, terms, _judged(seen)))


def _judged(seen: TriageObservation) -> str:
    """What became of the attacker's incident."""
    if seen.errors:
        return "its incident does not fit the schema"
    result = cast("EpisodeResult", seen.result)
    return f"its incident {'could' if result.plausible else 'could not'} have happened"


def _told(rule: FiredRule) -> str:
    technique = f", {rule.technique}" if rule.technique else ""
    shown = ", ".join(rule.evidence) or "no line"
    where = f"{rule.policy} {rule.version}{technique}"
    return f"{rule.title} ({rule.rule}, {where}); evidence: {shown}"
