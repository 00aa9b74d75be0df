"""The client of a Tourney server."""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
import urllib.parse
import uuid
from pathlib import Path
from typing import Any, Dict, IO, Iterator, List, Mapping, Optional, Sequence, Union

from ._errors import InvalidError
from ._events import Event, follow
from ._http import Transport, dumps, settings
from ._progress import Progress, describe

Spec = Union[Mapping[str, Any], str, "os.PathLike[str]"]
"""A sweep: a mapping with the keys of a sweep file, the text of one (YAML or JSON), or the path of one."""

Json = Dict[str, Any]

_TERMINAL = ("completed", "failed", "cancelled")
_PAGE = 1000


class Client:
    """Speaks to one server. It may be used by many threads.

    url and token are those of the command line: without them TOURNEY_SERVER, TOURNEY_TOKEN and TOURNEY_CA of the
    environment count, then the file that TOURNEY_CONFIG names, then http://127.0.0.1:8080. timeout is in seconds for
    one answer. What may be sent again without harm is sent again for patience seconds while the server is not there.
    """

    def __init__(self, url: Optional[str] = None, token: Optional[str] = None, *, ca: Optional[str] = None,
                 timeout: float = 60.0, patience: float = 30.0) -> None:
        self._transport = Transport(*settings(url, token, ca), timeout=timeout, patience=patience)

    @property
    def url(self) -> str:
        return self._transport.base

    def __repr__(self) -> str:
        return f"tourney.Client({self.url!r})"

    def health(self) -> Json:
        """The server's status and version."""
        return dict(self._call("GET", "/healthz"))

    def create_sweep(self, spec: Spec, *, dataset: Any = None, target: Optional[str] = None, key: Optional[str] = None) -> "Sweep":
        """Creates a sweep, and returns it once it is committed.

        dataset may be a path or a pandas DataFrame, which is registered first, or the name of a dataset; it stands in
        for the spec's. The same key (Idempotency-Key) with the same spec creates nothing more: it returns the same
        sweep again, for good.
        """
        body, typ = self._spec(spec, dataset, target)
        made = self._call("POST", "/api/v1/sweeps", body=body, headers={"Content-Type": typ, "Idempotency-Key": key or uuid.uuid4().hex})
        return Sweep(self, made)

    def validate(self, spec: Spec) -> Json:
        """What a sweep would do, or all that is wrong with it. Nothing is created."""
        body, typ = self._spec(spec, None, None)
        return dict(self._call("POST", "/api/v1/sweeps/validate", body=body, headers={"Content-Type": typ}, again=True))

    def sweep(self, id: str) -> "Sweep":
        """The sweep of that id."""
        return Sweep(self, self._call("GET", _path("sweeps", id)))

    def sweeps(self) -> Iterator["Sweep"]:
        """All sweeps, the newest first."""
        for item in self._pages("/api/v1/sweeps"):
            yield Sweep(self, item)

    def add_dataset(self, source: Any, name: Optional[str] = None, target: Optional[str] = None, **options: Any) -> Json:
        """Makes a dataset of a table: the path of a file, a pandas DataFrame, an open binary file, or bytes.

        options are those of the API: task, split, test, types, drop, group, time, weight, sql, format, seed. The same
        bytes with the same options are the same version, and make nothing new.
        """
        if hasattr(source, "to_csv"):
            if not name:
                raise InvalidError("a DataFrame has no name: give one, as in add_dataset(df, 'churn', target='Churn')")
            with tempfile.TemporaryFile() as f:
                text = io.TextIOWrapper(f, encoding="utf-8", newline="", write_through=True)
                source.to_csv(text, index=False)
                text.flush()
                f.seek(0)
                return self._upload(f, name, target, {**options, "format": "csv"})
        if isinstance(source, (bytes, bytearray)):
            return self._upload(io.BytesIO(source), name, target, options)
        if hasattr(source, "read"):
            return self._upload(source, name, target, options)
        path = Path(source)
        with path.open("rb") as f:
            return self._upload(f, name or path.name.split(".")[0], target, {"file": path.name, **options})

    def datasets(self) -> Iterator[Json]:
        """The newest version of each dataset, by name."""
        return self._pages("/api/v1/datasets")

    def dataset(self, name: str) -> Json:
        """The dataset of that name, or NAME@VERSION."""
        return dict(self._call("GET", _path("datasets", name)))

    def delete_dataset(self, name: str) -> None:
        """Deletes a dataset."""
        self._call("DELETE", _path("datasets", name))

    def workers(self) -> List[Json]:
        """The workers heard of in the last hour, the newest first."""
        return list(self._call("GET", "/api/v1/workers")["items"])

    def events(self, after: Optional[int] = None) -> Iterator[Event]:
        """The events of all sweeps, without end: those after an id (0: from the first), or those to come."""
        return follow(self._transport, "/api/v1/events", after)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return self._transport.call(method, path, **options)

    def _pages(self, path: str, **query: Any) -> Iterator[Json]:
        cursor: Optional[str] = None
        while True:
            page = self._call("GET", path, query={**query, "limit": _PAGE, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next")
            if not cursor:
                return

    def _upload(self, f: IO[bytes], name: Optional[str], target: Optional[str], options: Json) -> Json:
        if not name:
            raise InvalidError("the dataset has no name: give one, as in add_dataset(data, 'churn', target='Churn')")
        query = {"name": name, "target": target, **options}
        if isinstance(query.get("types"), Mapping):
            query["types"] = json.dumps(query["types"])
        start = f.tell()
        f.seek(0, os.SEEK_END)
        size = f.tell() - start
        f.seek(start)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        made: Json = self._call("POST", "/api/v1/datasets", query=query, body=f, headers=headers, timeout=3600.0)
        return made

    def _spec(self, spec: Spec, dataset: Any, target: Optional[str]) -> "tuple[bytes, str]":
        if isinstance(spec, os.PathLike) or (isinstance(spec, str) and "\n" not in spec and ":" not in spec and os.path.isfile(spec)):
            spec = Path(spec).read_text(encoding="utf-8")
        if isinstance(spec, str):
            if dataset is None:
                return spec.encode(), "application/yaml"
            spec = _parse(spec)
        spec = dict(spec)
        if dataset is not None:
            if not isinstance(dataset, str) or os.path.isfile(dataset):
                name = None if isinstance(dataset, (str, os.PathLike)) else str(spec.get("name") or "data")
                made = self.add_dataset(dataset, name, target or spec.pop("target", None))
                dataset = f"{made['name']}@{made['version']}"
                spec.pop("target", None)
            spec["dataset"] = dataset
        try:
            return dumps(spec), "application/json"
        except (TypeError, ValueError) as e:
            raise InvalidError(f"the sweep is nothing that JSON knows: {e}") from e


def _parse(text: str) -> Json:
    try:
        return dict(json.loads(text))
    except ValueError:
        pass
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise InvalidError("to put another dataset into YAML, PyYAML is needed: pip install pyyaml, or give the sweep as a dict") from None
    return dict(yaml.safe_load(text))


def _path(*parts: Any) -> str:
    return "/api/v1/" + "/".join(urllib.parse.quote(str(p), safe="@") for p in parts)


class Sweep:
    """A sweep as it was when it was last read; refresh reads it again."""

    def __init__(self, client: Client, document: Json) -> None:
        self.client = client
        self.document = document
        """All that the server tells of the sweep."""

    @property
    def id(self) -> str:
        """The sweep's id."""
        return str(self.document["id"])

    @property
    def name(self) -> str:
        """The sweep's name."""
        return str(self.document["spec"]["name"])

    @property
    def state(self) -> str:
        """created, running, paused, finishing, completed, failed or cancelled."""
        return str(self.document["state"])

    @property
    def reason(self) -> str:
        """Why it is in that state."""
        return str(self.document.get("reason") or "")

    @property
    def spec(self) -> Json:
        """The sweep file, normalised."""
        return self.document["spec"]  # type: ignore[no-any-return]

    @property
    def counts(self) -> Dict[str, int]:
        """Trials by state."""
        return self.document["counts"]  # type: ignore[no-any-return]

    @property
    def best(self) -> Optional[Json]:
        """The first trial of the board, or None."""
        return self.document.get("best")

    @property
    def ended(self) -> bool:
        """Whether nothing happens to it by itself any more."""
        return self.document["state"] in _TERMINAL


    def __repr__(self) -> str:
        return f"<tourney.Sweep {self.id} {describe(self.document)}>"

    def _repr_html_(self) -> str:
        import html

        return f"<a href='{html.escape(self.client.url)}/sweeps/{html.escape(self.id)}'>{html.escape(describe(self.document))}</a>"

    def _get(self, *parts: Any, **query: Any) -> Any:
        return self.client._call("GET", _path("sweeps", self.id, *parts), query=query)

    def _post(self, action: str, body: Any = None) -> "Sweep":
        self.document = self.client._call("POST", _path("sweeps", self.id, action), json_body=body)
        return self

    def refresh(self, wait: float = 0) -> "Sweep":
        """Reads the sweep again. With wait the answer comes once its state has changed, or after so many seconds."""
        headers = {"Prefer": f"wait={int(wait)}"} if wait >= 1 else {}
        self.document = self.client._call("GET", _path("sweeps", self.id), headers=headers, timeout=self.client._transport.timeout + wait)
        return self

    def wait(self, timeout: Optional[float] = None, *, progress: Optional[bool] = None, check: bool = True) -> "Sweep":
        """Waits until the sweep has ended, and shows how far it is: in a notebook or on a terminal by itself,
        elsewhere with progress=True. It raises TimeoutError after timeout seconds, and with check a RuntimeError if
        the sweep has failed or was cancelled."""
        for _ in self.watch(timeout, progress=progress):
            pass
        if check and self.state != "completed":
            raise RuntimeError(f"sweep {self.id} is {self.state}: {self.reason or 'nobody said why'}")
        return self

    def watch(self, timeout: Optional[float] = None, *, progress: Optional[bool] = False) -> Iterator["Sweep"]:
        """Yields the sweep about once a second until it has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        line = Progress(progress)
        try:
            while True:
                line.show(describe(self.document))
                yield self
                if self.ended:
                    return
                left = 1.0 if end is None else end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"sweep {self.id} is {self.state} after {timeout} seconds")
                was = self.document["cursor"]
                self.refresh(wait=1)
                if not self.ended and self.document["cursor"] == was and left < 1:
                    time.sleep(max(left, 0.01))
        finally:
            line.close()

    def leaderboard(self, limit: Optional[int] = None) -> List[Json]:
        """The trials, best first."""
        board: List[Json] = []
        for trial in self.client._pages(_path("sweeps", self.id, "leaderboard")):
            if limit is not None and len(board) >= limit:
                break
            board.append(trial)
        return board

    def trials(self, state: Optional[str] = None) -> Iterator[Json]:
        """The trials by number, all or those in a state."""
        return self.client._pages(_path("sweeps", self.id, "trials"), filter=state and f"state:{state}")

    def trial(self, number: int) -> Json:
        """One trial."""
        return dict(self._get("trials", number))

    def curve(self, number: int) -> List[Json]:
        """The learning curve of a trial: step and metrics of each point that is kept, at most 512."""
        return list(self._get("trials", number, "metrics")["items"])

    def history(self, limit: int = 2000) -> Json:
        """The reports as folded, in columns: at, trial, rung, step, value, best."""
        return dict(self._get("history", limit=limit))

    def importance(self, method: str = "ped", *, metric: Optional[str] = None) -> Json:
        """How much each parameter matters, the most first."""
        return dict(self._get("importance", method=method, metric=metric))

    def pareto(self) -> Json:
        """The trials that none is better than in every objective."""
        return dict(self._get("pareto"))

    def rungs(self) -> List[Json]:
        """How many trials each rung has seen, the lowest first."""
        return list(self._get("rungs")["items"])

    def models(self) -> List[Json]:
        """The trials that leave a model."""
        return list(self._get("models")["items"])

    def model(self, number: Optional[int] = None) -> Json:
        """The model that a trial leaves; of the finalist if no trial is named."""
        if number is None:
            models = self.models()
            if not models:
                raise InvalidError(f"sweep {self.id} has left no model; it is {self.state}")
            number = models[0]["trial"]
        return dict(self._get("trials", number, "model"))

    def pause(self) -> "Sweep":
        """Starts no more jobs; those that run go on."""
        return self._post("pause")

    def resume(self) -> "Sweep":
        """Goes on after a pause."""
        return self._post("resume")

    def cancel(self) -> "Sweep":
        """Ends the sweep at once; what its trials have reported is kept."""
        return self._post("cancel")

    def extend(self, trials: int = 0, *, run_cap: int = 0, limits: Optional[Json] = None) -> "Sweep":
        """Gives the sweep so many trials beyond its cap, or trials up to run_cap, or other limits. One that is
        completed goes on. Retries of failed trials do not count."""
        body: Json = {}
        if trials:
            self.refresh()
            cap = (self.document.get("amended") or {}).get("run_cap") or self.spec.get("run_cap") or 0
            if not cap:
                raise ValueError("the sweep has no cap of trials to raise: give other limits")
            run_cap = cap + trials
        if run_cap:
            body["run_cap"] = run_cap
        if limits is not None:
            body["limits"] = limits
        return self._post("extend", body)

    def delete(self, cancel: bool = False) -> None:
        """Deletes the sweep with all that is known of it; with cancel also one that has not ended."""
        self.client._call("DELETE", _path("sweeps", self.id), query={"force": "cancel"} if cancel else None)

    def ask(self, count: int = 1, *, worker: Optional[str] = None, lease: Optional[float] = None, key: Optional[str] = None) -> Json:
        """Asks for trials of a sweep with trainer external: state, and trials with number, params, budget and token."""
        body: Json = {"count": count}
        if worker:
            body["worker"] = worker
        if lease:
            body["lease"] = lease
        return dict(self.client._call("POST", _path("sweeps", self.id, "ask"), json_body=body, headers={"Idempotency-Key": key or uuid.uuid4().hex}))

    def tell(self, tells: Union[Json, Sequence[Json]]) -> List[Json]:
        """Tells what came of trials that were asked for; see the API's Tell. The same told twice counts once."""
        many = [tells] if isinstance(tells, Mapping) else list(tells)
        return list(self.client._call("POST", _path("sweeps", self.id, "tell"), json_body={"tells": many}, again=True)["items"])

    def events(self, after: Optional[int] = None) -> Iterator[Event]:
        """The sweep's events, without end: those after an id (0: from the first), or those to come."""
        return follow(self.client._transport, _path("sweeps", self.id, "events"), after)

    def records(self) -> List[Json]:
        """One flat dictionary a trial: number, state, value, rung, step, params.NAME and metrics.NAME."""
        rows = []
        for t in self.trials():
            row = {k: t.get(k) for k in ("number", "state", "value", "rung", "step", "reason", "created_at", "ended_at")}
            row.update({f"params.{k}": v for k, v in (t.get("params") or {}).items()})
            row.update({f"metrics.{k}": v for k, v in (t.get("metrics") or {}).items()})
            rows.append(row)
        return rows

    def to_dataframe(self) -> Any:
        """The records as a pandas DataFrame, which needs pandas."""
        try:
            import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise ImportError("to_dataframe needs pandas: pip install pandas; records() gives the same as dictionaries") from None
        return pandas.DataFrame(self.records())
