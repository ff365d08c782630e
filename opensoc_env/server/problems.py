"""Errors of the HTTP API as problem details (RFC 9457): what was wrong and expected."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from opensoc_engine import InputError
from opensoc_env.episode import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "application/problem+json"
# Where a response leaves its code for whoever counts refusals.
SCOPE_KEY = "opensoc.problem"
_STATUS = {
    "not_reset": 409,
    "already_done": 409,
    "not_done": 409,
    "wrong_role": 409,
    "bad_action": 422,
    "opponent_failed": 502,
    "not_kept": 503,
}
# Echoes of what a client sent are cut here.
_MAX_TEXT = 500


class FieldProblem(BaseModel):
    """A field that is wrong, and what was expected of it."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """The body of every refusal, by RFC 9457."""

    model_config = ConfigDict(
        title="Problem",
        json_schema_extra={
            "example": {
                "type": "urn:opensoc:problem:bad_request",
                "title": "bad request",
                "status": 422,
                "code": "bad_request",
                "detail": "the request has fields that are wrong",
                "errors": [
                    {"field": "query.seed", "detail": "expected a valid integer"}
                ],
            }
        },
    )

    type: str
    title: str
    status: int
    code: str = Field(description="Stable; what a program looks at.")
    detail: str = Field(description="What was wrong, what was expected, what to do.")
    errors: list[FieldProblem] = Field(default_factory=list)


class ApiError(Exception):
    """A request that can't be answered.

    Attributes:
        fields: For each field that is wrong, what was expected.
        headers: Headers of the answer, such as `Retry-After`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}
        self.headers = headers or {}


class Problem(JSONResponse):
    """A problem as a response, to a request or to the handshake of a WebSocket.

    Args:
        fields: For each field that is wrong, what was expected.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        body: dict[str, Any] = {
            "type": f"urn:opensoc:problem:{code}",
            "title": code.replace("_", " "),
            "status": status,
            "code": code,
            "detail": _writable(detail),
        }
        if fields:
            body["errors"] = [
                {"field": _writable(name), "detail": _writable(text)}
                for name, text in fields.items()
            ]
        super().__init__(body, status_code=status, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and leave the code in the scope."""
        scope[SCOPE_KEY] = self.code
        await super().__call__(scope, receive, send)


def install(app: FastAPI) -> None:
    """Answer every error of the app with problem details."""
    app.add_exception_handler(ApiError, _api_problem)
    app.add_exception_handler(EpisodeError, _episode_error)
    app.add_exception_handler(InputError, _bad_input)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


def _writable(text: str) -> str:
    """Text that fits an answer, whatever a client put into it."""
    return text[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode()


async def _api_problem(_: Request, error: Exception) -> Problem:
    assert isinstance(error, ApiError)
    return Problem(error.status, error.code, error.detail, error.fields, error.headers)


async def _episode_error(_: Request, error: Exception) -> Problem:
    assert isinstance(error, EpisodeError)
    fields = {error.field: error.expected} if error.field else None
    return Problem(_STATUS.get(error.code, 422), error.code, str(error), fields)


async def _bad_input(_: Request, error: Exception) -> Problem:
    return Problem(422, "bad_request", str(error))


async def _invalid(_: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    fields = {
        ".".join(str(step) for step in item["loc"]): str(item["msg"])
        for item in error.errors()
    }
    return Problem(422, "bad_request", "the request has fields that are wrong", fields)


async def _http_error(_: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return Problem(error.status_code, code, str(error.detail), headers=error.headers)


async def _unforeseen(_: Request, __: Exception) -> Problem:
    """Our own bug: the log has it, the client does not."""
    text = "the server failed; its log has the reason"
    return Problem(500, "internal_error", text)
