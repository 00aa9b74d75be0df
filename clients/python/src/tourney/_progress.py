"""A line that tells how far a sweep is: in a notebook, on a terminal, or nowhere."""

from __future__ import annotations

import html
import sys
from typing import Any, Dict, Optional

_ENDS = ("completed", "pruned", "diverged", "failed", "cancelled")


def describe(sweep: Dict[str, Any]) -> str:
    """One line about a sweep."""
    counts = sweep.get("counts") or {}
    ended = sum(counts.get(state, 0) for state in _ENDS)
    spec = sweep["spec"]
    cap = (sweep.get("amended") or {}).get("run_cap") or spec.get("run_cap")
    parts = [spec.get("name") or sweep["id"], sweep["state"], f"{ended}/{cap} trials" if cap else f"{ended} trials"]
    if counts.get("running"):
        parts.append(f"{counts['running']} running")
    best = sweep.get("best") or {}
    if best.get("value") is not None:
        parts.append(f"best {spec['metric']['name']} {best['value']:.6g} (trial {best['number']})")
    return " · ".join(parts)


class Progress:
    """Shows the last line it is told, in the place of the one before."""

    def __init__(self, show: Optional[bool]) -> None:
        self._handle: Any = None
        self._width = 0
        self._last = ""
        self._notebook = show is not False and _in_notebook()
        self._terminal = not self._notebook and show is not False and (sys.stderr.isatty() or show is True)

    @property
    def active(self) -> bool:
        """Whether anybody sees it."""
        return bool(self._notebook or self._terminal)

    def show(self, line: str) -> None:
        if line == self._last:
            return
        self._last = line
        if self._notebook:
            from IPython.display import HTML, display  # type: ignore[import-not-found,unused-ignore]

            text = HTML(f"<pre style='margin:0'>{html.escape(line)}</pre>")  # type: ignore[no-untyped-call,unused-ignore]
            if self._handle is None:
                self._handle = display(text, display_id=True)  # type: ignore[no-untyped-call,unused-ignore]
            else:
                self._handle.update(text)
        elif self._terminal:
            if sys.stderr.isatty():
                print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)
            else:
                print(line, file=sys.stderr, flush=True)
            self._width = len(line)

    def close(self) -> None:
        if self._terminal and self._last and sys.stderr.isatty():
            print(file=sys.stderr)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    running = shell.get_ipython()
    return running is not None and running.__class__.__name__ == "ZMQInteractiveShell"
