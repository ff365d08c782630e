"""The app by name: `uvicorn opensoc_env.server.main:app`."""

from opensoc_env.server.app import build_app

app = build_app()
