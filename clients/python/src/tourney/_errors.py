"""What can go wrong, by kind."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Type


class TourneyError(Exception):
    """Anything that the server refuses, or that keeps it from being reached."""

    def __init__(self, message: str, *, status: int = 0, errors: Optional[List[Dict[str, Any]]] = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status, 0 if there was no answer."""
        self.errors = errors or []
        """The wrong fields: each has path and message, and line where there is a file."""


class InvalidError(TourneyError):
    """The request cannot be: errors lists every wrong field."""


class NotFoundError(TourneyError):
    """There is nothing by that name."""


class ConflictError(TourneyError):
    """It is there already, has ended, or has changed."""


class StaleError(ConflictError):
    """The trial is somebody else's by now: nothing was told of it for its lease."""


class ForbiddenError(TourneyError):
    """The token is missing, or may not do this."""


class UnavailableError(TourneyError):
    """There is no server, or it cannot do it now."""


def problem(status: int, document: Dict[str, Any]) -> TourneyError:
    """The error that a problem document (RFC 9457) stands for."""
    kind = str(document.get("type", ""))
    message = str(document.get("detail") or document.get("title") or f"the server answered {status}")
    errors = [e for e in document.get("errors") or [] if isinstance(e, dict)]
    told = [f"{e.get('path')}: {e.get('message')}" if e.get("path") else str(e.get("message")) for e in errors]
    if any(line not in message for line in told):
        message = "\n".join([message, *told])
    cls: Type[TourneyError] = TourneyError
    if kind.endswith(":stale"):
        cls = StaleError
    elif status in (400, 413, 415, 422):
        cls = InvalidError
    elif status in (401, 403):
        cls = ForbiddenError
    elif status == 404:
        cls = NotFoundError
    elif status in (409, 412):
        cls = ConflictError
    elif status in (429, 502, 503, 504):
        cls = UnavailableError
    return cls(message, status=status, errors=errors)
