"""`opensoc app`: the before/after app in a browser."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from opensoc_cli import reporting


def run(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; loopback unless told otherwise.")
    ] = "127.0.0.1",
) -> None:
    """Start the app; press Ctrl-C to stop it."""
    from opensoc_engine.resources import data_root

    if find_spec("streamlit") is None:
        raise reporting.stop(
            "the app needs `streamlit`", "install the extra: `opensoc[app]`"
        )
    # Given here too, because an installed package has no `.streamlit` folder beside it.
    settings = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    typer.echo(f"OpenSOC's app: http://{address}:{port}", err=True)
    entry = str(data_root() / "app_streamlit.py")
    command = [sys.executable, "-m", "streamlit", "run", entry, *options]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own file
