"""HTTP to one server, by the standard library alone."""

from __future__ import annotations

import http.client
import json
import os
import random
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, IO, Iterable, Mapping, Optional, Tuple, Union

from ._errors import ForbiddenError, TourneyError, UnavailableError, problem

Body = Union[bytes, IO[bytes], Iterable[bytes], None]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_AGAIN = (429, 502, 503, 504)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for one server."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Transport:
    """Sends requests to one server. Safe for many threads."""

    def __init__(self, url: str, token: Optional[str], ca: Optional[str], timeout: float, patience: float) -> None:
        if "://" not in url:
            url = "http://" + url
        self.base = url.rstrip("/")
        self.timeout = timeout
        self.patience = patience
        parts = urllib.parse.urlsplit(self.base)
        if token and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ForbiddenError(f"{self.base} is http, over which anybody on the way could read the token; use https")
        self._headers = {"Accept": "application/json", "User-Agent": "tourney-python"}
        if token:
            self._headers["Authorization"] = "Bearer " + token
        handlers: list[urllib.request.BaseHandler] = [_StayHere()]
        if parts.hostname in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        if parts.scheme == "https":
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
        self._opener = urllib.request.build_opener(*handlers)

    def open(self, method: str, path: str, *, query: Optional[Mapping[str, Any]] = None, body: Body = None,
             headers: Optional[Mapping[str, str]] = None, timeout: Optional[float] = None) -> http.client.HTTPResponse:
        """One request, tried once. The caller closes the answer."""
        url = self.base + path
        pairs = {k: v for k, v in (query or {}).items() if v is not None}
        if pairs:
            url += "?" + urllib.parse.urlencode(pairs, doseq=True)
        request = urllib.request.Request(url, data=body, method=method, headers={**self._headers, **(headers or {})})
        try:
            answer = self._opener.open(request, timeout=timeout or self.timeout)
        except urllib.error.HTTPError as e:
            with e:
                raise _refusal(e) from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as e:
            reason = getattr(e, "reason", e)
            raise UnavailableError(f"no answer from {self.base}: {reason}. Is the server up? Start one with: tourney up") from e
        assert isinstance(answer, http.client.HTTPResponse)
        return answer

    def call(self, method: str, path: str, *, query: Optional[Mapping[str, Any]] = None, json_body: Any = None, body: Body = None,
             headers: Optional[Mapping[str, str]] = None, again: Optional[bool] = None, timeout: Optional[float] = None) -> Any:
        """A request and its JSON answer. Where it may be sent again without harm (again; by default GET, DELETE and
        what has an Idempotency-Key), it is, for as long as the client's patience, while the server is not there, is
        starting or has too much to do."""
        headers = dict(headers or {})
        if json_body is not None:
            body = dumps(json_body)
            headers.setdefault("Content-Type", "application/json")
        if again is None:
            again = method in ("GET", "DELETE") or "Idempotency-Key" in headers
        end = time.monotonic() + self.patience
        wait = 0.1
        while True:
            try:
                with self.open(method, path, query=query, body=body, headers=headers, timeout=timeout) as answer:
                    data = answer.read()
                return json.loads(data) if data else None
            except UnavailableError as e:
                left = end - time.monotonic()
                refused = e.status == 429  # nothing was done
                if not (again or refused) or left <= 0 or (body is not None and not isinstance(body, bytes)):
                    raise
                time.sleep(min(max(wait, getattr(e, "retry_after", 0.0)) * (0.5 + random.random()), left))
                wait = min(wait * 2, 5.0)
            except (http.client.HTTPException, OSError, ValueError) as e:
                if not again or time.monotonic() > end:
                    raise UnavailableError(f"the answer of {self.base} broke off: {e}") from e
                time.sleep(wait)
                wait = min(wait * 2, 5.0)


def _refusal(e: urllib.error.HTTPError) -> TourneyError:
    document: Dict[str, Any] = {"title": e.reason}
    try:
        if "problem+json" in (e.headers.get("Content-Type") or ""):
            document = json.loads(e.read(8 << 20))
    except (ValueError, OSError):
        pass
    error = problem(e.code, document)
    if e.code in _AGAIN:
        try:
            error.retry_after = float(e.headers.get("Retry-After") or 0)  # type: ignore[attr-defined]
        except ValueError:
            pass
    return error


def dumps(value: Any) -> bytes:
    """JSON without NaN, which it does not know."""
    return json.dumps(value, allow_nan=False, default=plain).encode()


def plain(value: Any) -> Any:
    """A number of NumPy, PyTorch and the like as Python's."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{value!r} is nothing that JSON knows")


def settings(url: Optional[str], token: Optional[str], ca: Optional[str]) -> Tuple[str, Optional[str], Optional[str]]:
    """The server's address, token and certificate: as given, from the environment, or from the file that
    TOURNEY_CONFIG names, which is that of the command line."""
    file: Dict[str, str] = {}
    path = os.environ.get("TOURNEY_CONFIG")
    if path:
        with open(path, encoding="utf-8") as f:
            for line in f:
                key, colon, value = line.partition(":")
                if colon and key in ("server", "token", "ca"):
                    file[key] = value.split(" #")[0].strip().strip("\"'")
    return (url or os.environ.get("TOURNEY_SERVER") or file.get("server") or "http://127.0.0.1:8080",
            token or os.environ.get("TOURNEY_TOKEN") or file.get("token"),
            ca or os.environ.get("TOURNEY_CA") or file.get("ca"))
