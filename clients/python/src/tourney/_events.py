"""Server-sent events that go on where they broke off."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, Optional

from ._errors import TourneyError, UnavailableError
from ._http import Transport


@dataclass(frozen=True)
class Event:
    """One entry of a sweep's log."""

    id: int
    kind: str
    sweep: str
    at: str
    """When it was committed: RFC 3339, UTC."""
    body: Dict[str, Any] = field(default_factory=dict)


_SILENCE = 45.0  # seconds; a ping comes every 15


def follow(transport: Transport, path: str, after: Optional[int]) -> Iterator[Event]:
    """The events after an id, or those to come, without end. A line that breaks off or falls silent is opened anew
    after the last event seen: nothing comes twice and nothing is left out."""
    failed_since: Optional[float] = None
    while True:
        headers = {"Accept": "text/event-stream"}
        query = {}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
            query["after"] = str(after)
        try:
            with transport.open("GET", path, query=query, headers=headers, timeout=_SILENCE) as answer:
                failed_since = None
                for last, event in _read(answer):
                    if last is not None:
                        after = last
                    if event is not None:
                        yield event
        except UnavailableError:
            now = time.monotonic()
            failed_since = failed_since or now
            if now - failed_since > transport.patience:
                raise
        except TourneyError:
            raise
        except (OSError, http.client.HTTPException, ValueError):
            pass
        time.sleep(0.2 if failed_since is None else 1.0)


def _read(lines: http.client.HTTPResponse) -> Iterator["tuple[Optional[int], Optional[Event]]"]:
    identifier: Optional[int] = None
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8").rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id" and value.isdigit():
            identifier = int(value)
        elif name == "data":
            data.append(value)
        elif line == "":
            event = None
            if data and identifier is not None:
                doc = json.loads("\n".join(data))
                event = Event(id=doc["id"], kind=doc["kind"], sweep=doc["sweep"], at=doc["at"], body=doc.get("body") or {})
            if identifier is not None or data:
                yield identifier, event
            identifier, data = None, []
