"""Errors of the HTTP API as problem details (RFC 9457): what was wrong and expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from opensoc_env.episode import EpisodeError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
_STATUS = {
    "not_reset": 409,
    "already_done": 409,
    "not_done": 409,
    "wrong_role": 409,
    "bad_action": 422,
}


class ApiError(Exception):
    """A request that can't be answered.

    Attributes:
        fields: For each field that is wrong, what was expected.
    """

    def __init__(
        self, status: int, code: str, detail: str, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}


def problem(
    status: int, code: str, detail: str, fields: dict[str, str] | None = None
) -> JSONResponse:
    """A problem as a response; `fields` names each field and what was expected."""
    body: dict[str, Any] = {
        "type": f"urn:opensoc:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if fields:
        body["errors"] = [
            {"field": name, "detail": text} for name, text in fields.items()
        ]
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


async def _api_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return problem(error.status, error.code, error.detail, error.fields)


async def _episode_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EpisodeError)
    return problem(_STATUS.get(error.code, 422), error.code, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = {
        ".".join(str(step) for step in item["loc"]): str(item["msg"])
        for item in error.errors()
    }
    return problem(422, "bad_request", "the request has fields that are wrong", fields)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, "http_error", str(error.detail))


def install(app: FastAPI) -> None:
    """Answer every error of the app with problem details."""
    app.add_exception_handler(ApiError, _api_problem)
    app.add_exception_handler(EpisodeError, _episode_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
