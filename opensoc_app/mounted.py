"""The app as a part of another server, in its process and on its port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlit import config
from streamlit.starlette import App

from opensoc_engine.resources import data_root

if TYPE_CHECKING:
    from collections.abc import Mapping

# Given here too, because an installed package has no `.streamlit` folder beside it.
SETTINGS: Mapping[str, str | bool] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
    "logger.level": "warning",
    "server.fileWatcherType": "none",
    "server.headless": True,
}


def mounted_app() -> App:
    """The app for `mount`; its `lifespan` belongs into that of the server."""
    for name, value in SETTINGS.items():
        config.set_option(name, value)
    return App(data_root() / "app_streamlit.py")
