"""The two turns as MCP tools; a session has those of its side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastmcp import FastMCP
from fastmcp.tools import FunctionTool
from openenv.core.env_server.mcp_types import Tool

from opensoc_env.models import CraftIncident, SubmitTriage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opensoc_env.server.openenv_messages import TriageObservation

_TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "craft_incident": (
        "Craft an incident on the estate that you were shown.",
        CraftIncident.model_json_schema(),
    ),
    "submit_triage": (
        "Answer the alert: one action, and the log lines that prove it.",
        SubmitTriage.model_json_schema(),
    ),
}


def described(names: Iterable[str]) -> list[Tool]:
    """Tools as the package's own actions list them."""
    return [
        Tool(name=name, description=_TOOLS[name][0], input_schema=_TOOLS[name][1])
        for name in names
    ]


def tool_server(
    names: Iterable[str], play: Callable[[str, Any], TriageObservation]
) -> Any:
    """An MCP server with the tools of some names.

    Args:
        names: Which tools.
        play: Takes the turn of a name with its arguments.
    """
    server = FastMCP("opensoc")
    for name in names:
        about, schema = _TOOLS[name]
        tool = FunctionTool(
            name=name, description=about, parameters=schema, fn=_call(name, play)
        )
        server.add_tool(tool)
    return server


def told(observation: TriageObservation) -> dict[str, Any]:
    """An observation as the result of a tool call."""
    seen = observation.model_dump(mode="json")
    return {
        "content": [{"type": "text", "text": json.dumps(seen)}],
        "structuredContent": seen,
        "data": seen,
        "isError": False,
    }


def _call(name: str, play: Callable[[str, Any], TriageObservation]) -> Any:
    async def call(**arguments: Any) -> dict[str, Any]:
        return told(await to_thread.run_sync(play, name, arguments))

    return call
