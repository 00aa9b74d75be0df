"""Inside a command trial: what the worker tells the program, and what the program tells the worker."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict, Optional

_lock = threading.Lock()
_stop = False
_warned = False
_step = 0


def in_trial() -> bool:
    """Whether a worker runs this program as a trial."""
    return "TOURNEY_TRIAL" in os.environ


def params(**defaults: Any) -> Dict[str, Any]:
    """The parameters of the trial. Where the program runs by itself they are the defaults; inside a trial the
    trial's own win over them."""
    path = os.environ.get("TOURNEY_PARAMS")
    if not path:
        return dict(defaults)
    with open(path, encoding="utf-8") as f:
        return {**defaults, **json.load(f)}


def report(step: Optional[int] = None, **metrics: float) -> bool:
    """Reports metrics at a step, and returns whether the trial should stop: others are better. Without a step it is
    one more than the last. Without a worker the metrics are printed as a line of JSON, which a worker reads as well.

    A worker that cannot be reached is no reason to end: what was reported is then said once on stderr, and lost.
    """
    global _stop, _step
    with _lock:
        _step = _step + 1 if step is None else int(step)
        body: Dict[str, Any] = {"step": _step, "metrics": {name: _number(v) for name, v in metrics.items()}}
    url = os.environ.get("TOURNEY_REPORT_URL")
    if not url:
        print(json.dumps({"step": body["step"], **body["metrics"]}), flush=True)
        return _stop
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST", headers={
        "Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("TOURNEY_REPORT_TOKEN", "")})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            said = json.loads(answer.read() or b"{}")
        _stop = _stop or bool(said.get("stop"))
    except (OSError, ValueError, urllib.error.URLError) as e:
        _warn(f"tourney: the report of step {body['step']} was not taken: {e}")
    return _stop


def _number(value: Any) -> Any:
    x = float(value)
    return x if math.isfinite(x) else str(x)  # JSON knows no NaN; the worker reads the word


def _warn(message: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        print(message, file=sys.stderr, flush=True)


def should_stop() -> bool:
    """Whether the answer to a report was that the trial should stop."""
    return _stop


def _directory(variable: str, otherwise: str) -> Path:
    path = Path(os.environ.get(variable) or otherwise)
    path.mkdir(parents=True, exist_ok=True)
    return path


def checkpoint_dir() -> Path:
    """The directory that is kept across attempts: what is in it when an attempt ends, the next one finds there.
    Without a worker it is ./checkpoints."""
    return _directory("TOURNEY_CHECKPOINT_DIR", "checkpoints")


def artifact_dir() -> Path:
    """The directory whose files are kept with the trial. Without a worker it is ./artifacts."""
    return _directory("TOURNEY_ARTIFACT_DIR", "artifacts")


def start_step() -> int:
    """The step that the trial has been trained to already, 0 at first."""
    return int(os.environ.get("TOURNEY_STEP") or 0)


def budget(otherwise: int = 0) -> int:
    """The step that the trial is to be trained to; the argument where nobody says."""
    return int(os.environ.get("TOURNEY_BUDGET") or otherwise)
