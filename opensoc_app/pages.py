"""The pages of the app and the way between them."""

from __future__ import annotations

import streamlit as st

from opensoc_app import markup, page, play_page


def show() -> None:
    """Draw the page that a visitor is on."""
    st.set_page_config("OpenSOC", page_icon="🛡️", layout="wide")
    st.html(markup.STYLE)
    compare = st.Page(page.show, title="Who triages better?", default=True)
    play = st.Page(play_page.show, title="Play", url_path="play")
    st.navigation([compare, play], position="top").run()
