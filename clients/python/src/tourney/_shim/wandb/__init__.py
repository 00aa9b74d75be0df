"""A stand-in for wandb inside the trials of Tourney: `wandb: shim` in a sweep file puts it on the path.

It needs no account, no network and no other module. What scripts commonly call works, or does nothing and says so once
on stderr: wandb.config holds the trial's parameters, wandb.log reports metrics. A row that is logged without a step has
the number of rows so far as its step, from 1; a step that is given is taken as it is.
"""

from __future__ import annotations

import atexit
import importlib.machinery
import json
import math
import os
import sys
import threading
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

__version__ = "0.0.0+tourney"

_told: set[str] = set()


def _say(message: str) -> None:
    """Says something once."""
    if message not in _told:
        _told.add(message)
        print("wandb (Tourney's stand-in): " + message, file=sys.stderr, flush=True)


def _announce() -> None:
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    others = [p for p in sys.path if os.path.abspath(p or ".") != here]
    real = importlib.machinery.PathFinder.find_spec("wandb", others)
    text = "metrics go to Tourney, and nothing goes to W&B"
    if real is not None and real.origin:
        text += f"; the wandb that is installed at {os.path.dirname(real.origin)} is not used, because the sweep says `wandb: shim`"
    _say(text)


class Error(Exception):
    """As wandb.Error."""


class UsageError(Error):
    """As wandb.UsageError."""


CommError = Error


class ConfigError(Error):
    """A value of the config would be changed."""


def _parameters() -> Dict[str, Any]:
    """The trial's parameters. Names with dots are those of W&B's nested parameters."""
    path = os.environ.get("TOURNEY_PARAMS")
    if not path:
        return {}
    with open(path, encoding="utf-8") as f:
        return _nested(json.load(f))


def _nested(flat: Mapping[str, Any]) -> Dict[str, Any]:
    out: Dict[str, Any] = {}
    for name, value in flat.items():
        at, parts = out, name.split(".")
        for part in parts[:-1]:
            inner = at.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            at = inner
        else:
            at[parts[-1]] = value
            continue
        out[name] = value
    return out


class Config:
    """As wandb.config: items that are attributes too. The trial's parameters cannot be changed."""

    def __init__(self) -> None:
        object.__setattr__(self, "_items", {})
        object.__setattr__(self, "_fixed", set())

    def _begin(self, parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self._items.clear()
        self._fixed.clear()
        self._items.update(defaults)
        for key, value in parameters.items():
            inner = self._items.get(key)
            if isinstance(inner, dict) and isinstance(value, dict):
                value = {**inner, **value}
            self._items[key] = value
            self._fixed.add(key)

    def _set(self, key: str, value: Any, allow: bool) -> None:
        if key in self._fixed:
            if value != self._items[key]:
                _say(f"config.{key} is a parameter of the sweep, and stays as it is")
            return
        if key in self._items and self._items[key] != value and not allow:
            raise ConfigError(
                f"Attempted to change value of key {key!r} from {self._items[key]!r} to {value!r}; "
                "if you really want to do this, pass allow_val_change=True to config.update()")
        self._items[key] = value

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._set(key, value, False)

    def __getattr__(self, key: str) -> Any:
        try:
            return self._items[key]
        except KeyError:
            raise AttributeError(f"config has no {key!r}; it has {sorted(self._items)}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self._set(key, value, False)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def get(self, key: str, default: Any = None) -> Any:
        return self._items.get(key, default)

    def keys(self) -> Any:
        return self._items.keys()

    def values(self) -> Any:
        return self._items.values()

    def items(self) -> Any:
        return self._items.items()

    def as_dict(self) -> Dict[str, Any]:
        return dict(self._items)

    def update(self, d: Any, allow_val_change: Optional[bool] = None) -> None:
        for key, value in _mapping(d).items():
            self._set(key, value, bool(allow_val_change))

    def setdefaults(self, d: Any) -> None:
        for key, value in _mapping(d).items():
            if key not in self._items:
                self._items[key] = value

    def update_locked(self, *_: Any, **__: Any) -> None:
        """Nothing: parameters are locked already."""


def _mapping(d: Any) -> Dict[str, Any]:
    """A dictionary of what scripts give as a config: a mapping, an argparse Namespace, or the path of a file."""
    if d is None:
        return {}
    if isinstance(d, Config):
        return d.as_dict()
    if isinstance(d, Mapping):
        return {str(k): v for k, v in d.items()}
    if isinstance(d, (str, os.PathLike)):
        with open(d, encoding="utf-8") as f:
            text = f.read()
        try:
            return dict(json.loads(text))
        except ValueError:
            pass
        try:
            import yaml  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            raise UsageError(f"to read {d} PyYAML is needed; give config as a dict") from None
        return {k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in yaml.safe_load(text).items()}
    return {str(k): v for k, v in vars(d).items()}


class Summary(Dict[str, Any]):
    """As wandb.summary: the last value of each metric, or what define_metric asks for."""

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value


class Settings:
    """As wandb.Settings: anything may be set, and nothing comes of it."""

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)


class _Nothing:
    """Something of W&B's that has no meaning here: it takes everything and does nothing."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(self, *_: Any, **__: Any) -> "_Nothing":
        _say(f"{self._what} does nothing here")
        return self

    def __getattr__(self, name: str) -> "_Nothing":
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing(f"{self._what}.{name}")

    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(self, *_: Any) -> None:
        return None


class Artifact:
    """As wandb.Artifact: files that are added are copied to the trial's artifact directory once it is logged."""

    def __init__(self, name: str, type: str = "", description: Optional[str] = None, metadata: Optional[Dict[str, Any]] = None, **_: Any) -> None:
        self.name, self.type, self.description, self.metadata = name, type, description, metadata or {}
        self._files: List["tuple[str, str]"] = []

    def add_file(self, local_path: Any, name: Optional[str] = None, **_: Any) -> None:
        self._files.append((os.fspath(local_path), name or os.path.basename(os.fspath(local_path))))

    def add_dir(self, local_path: Any, name: Optional[str] = None, **_: Any) -> None:
        root = os.fspath(local_path)
        for folder, _dirs, files in os.walk(root):
            for file in files:
                path = os.path.join(folder, file)
                self._files.append((path, os.path.join(name or "", os.path.relpath(path, root))))

    def add_reference(self, *_: Any, **__: Any) -> None:
        _say("Artifact.add_reference does nothing here")

    def add(self, *_: Any, **__: Any) -> None:
        _say("Artifact.add does nothing here")

    def wait(self, *_: Any, **__: Any) -> "Artifact":
        return self

    def _keep(self) -> None:
        import shutil

        into = os.environ.get("TOURNEY_ARTIFACT_DIR")
        if not into:
            _say(f"artifact {self.name} is not kept: there is no TOURNEY_ARTIFACT_DIR")
            return
        root = os.path.abspath(os.path.join(into, self.name.replace(os.sep, "_")))
        for path, name in self._files:
            target = os.path.abspath(os.path.join(root, name))
            if os.path.commonpath([root, target]) != root:
                raise UsageError(f"artifact {self.name}: {name} lies outside of it")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(path, target)


class Run:
    """As a run of W&B's: one trial."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.id = os.environ.get("TOURNEY_TRIAL", "0")
        self.sweep_id = os.environ.get("TOURNEY_SWEEP")
        self.name = settings.get("name") or f"trial-{self.id}"
        self.project, self.entity = settings.get("project") or "tourney", settings.get("entity") or ""
        self.group, self.job_type = settings.get("group") or "", settings.get("job_type") or ""
        self.tags = tuple(settings.get("tags") or ())
        self.notes = settings.get("notes")
        self.dir = os.environ.get("TOURNEY_ARTIFACT_DIR") or os.getcwd()
        self.url = ""
        self.resumed = int(os.environ.get("TOURNEY_ATTEMPT") or 1) > 1
        self.disabled = settings.get("mode") == "disabled"
        self.offline = False
        self.path = f"{self.project}/{self.id}"
        self.config = config
        self.summary = Summary()
        self.settings = Settings()
        self.step = 0
        self.starting_step = 0
        self._row: Dict[str, Any] = {}
        self._given: Optional[int] = None
        self._rules: Dict[str, "tuple[str, Optional[str]]"] = {}
        self._lock = threading.RLock()
        self._finished = False

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.finish(exit_code=0 if kind is None else 1)

    def log(self, data: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None, sync: Any = None) -> None:
        """Adds to the row of a step. A row is reported when it is committed: at once if no step is given, else when a
        later step comes, or at the end."""
        if not isinstance(data, Mapping):
            raise ValueError("wandb.log must be passed a dictionary")
        with self._lock:
            if self._finished:
                raise UsageError("log after finish; call wandb.init again")
            if step is not None:
                step = int(step)
                if step < self.step:
                    _say(f"a row of step {step} after one of step {self.step} is left out: steps must not go back")
                    return
                if step > self.step:
                    self._flush()
                    self.step = step
                self._given = step
            self._row.update(_flat(data))
            if commit or (commit is None and step is None):
                self._flush()
                self.step += 1

    def _flush(self) -> None:
        row, self._row, given, self._given = self._row, {}, self._given, None
        metrics: Dict[str, float] = {}
        for name, value in row.items():
            number = _number(value)
            if number is None:
                _say(f"what is logged as {name!r} is no number, and is left out")
                continue
            metrics[name] = number
            self._summarise(name, number)
        if metrics and not self.disabled:
            _report(self.step + 1 if given is None else given, metrics)

    def _summarise(self, name: str, value: float) -> None:
        rule, goal = self._rules.get(name, ("last", None))
        if rule == "none":
            return
        if rule == "best":
            rule = "max" if goal == "maximize" else "min"
        old = self.summary.get(name)
        if rule in ("min", "max") and isinstance(old, (int, float)) and not math.isnan(old):
            value = min(old, value) if rule == "min" else max(old, value)
        self.summary[name] = value

    def define_metric(self, name: str, step_metric: Any = None, step_sync: Any = None, hidden: Any = None,
                      summary: Optional[str] = None, goal: Optional[str] = None, overwrite: Any = None) -> "Run":
        """The summary of a metric: min, max, best, last or none. Another axis than the step has no meaning here."""
        if step_metric:
            _say("define_metric(step_metric=…) does nothing here: metrics are kept by step")
        for part in (summary or "").split(","):
            if part in ("min", "max", "best", "last", "none"):
                self._rules[name] = (part, goal)
        return self

    def log_artifact(self, artifact: Any, name: Optional[str] = None, type: Optional[str] = None, **_: Any) -> Artifact:
        if not isinstance(artifact, Artifact):
            path, artifact = os.fspath(artifact), Artifact(name or os.path.basename(os.fspath(artifact)), type or "")
            (artifact.add_dir if os.path.isdir(path) else artifact.add_file)(path)
        artifact._keep()
        return artifact  # type: ignore[no-any-return]

    log_model = log_artifact

    def use_artifact(self, artifact_or_name: Any, *_: Any, **__: Any) -> Any:
        if isinstance(artifact_or_name, Artifact):
            return artifact_or_name
        raise UsageError(f"artifact {artifact_or_name!r} lies at W&B, which Tourney's stand-in does not talk to; read the file from disk")

    def finish(self, exit_code: Optional[int] = None, quiet: Any = None) -> None:
        global run, summary, _last_summary
        with self._lock:
            if self._finished:
                return
            if self._row:
                self._flush()
            self._finished = True
        _last_summary = dict(self.summary)
        if run is self:
            run = None
            summary = Summary()

    def get_url(self) -> str:
        return self.url

    def project_name(self) -> str:
        return self.project

    def mark_preempting(self) -> None:
        """Nothing: what a lost worker has trained is offered again by itself."""

    def watch(self, *_: Any, **__: Any) -> List[Any]:
        _say("watch does nothing here")
        return []

    def unwatch(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def save(self, *_: Any, **__: Any) -> List[str]:
        _say("save does nothing here; write into TOURNEY_ARTIFACT_DIR what is to be kept")
        return []

    def restore(self, name: str, *_: Any, **__: Any) -> Any:
        raise UsageError(f"{name!r} lies at W&B, which Tourney's stand-in does not talk to; checkpoints are in TOURNEY_CHECKPOINT_DIR")

    def alert(self, title: str = "", text: str = "", *_: Any, **__: Any) -> None:
        print(f"{title}: {text}", file=sys.stderr, flush=True)

    def log_code(self, *_: Any, **__: Any) -> None:
        _say("log_code does nothing here")


def _flat(data: Mapping[str, Any], prefix: str = "") -> Dict[str, Any]:
    out: Dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            out.update(_flat(value, f"{prefix}{key}."))
        else:
            out[f"{prefix}{key}"] = value
    return out


def _number(value: Any) -> Optional[float]:
    if isinstance(value, (bool, int, float)):
        return float(value) if not isinstance(value, int) or isinstance(value, bool) else value
    if isinstance(value, (str, bytes, _Nothing)):
        return None
    item = getattr(value, "item", None)  # of NumPy, PyTorch, TensorFlow, JAX
    try:
        return float(item() if callable(item) else value)
    except (TypeError, ValueError, RuntimeError):
        return None


_in_process: Optional[Callable[[int, Dict[str, float]], None]] = None  # set by agent


def _report(step: int, metrics: Dict[str, float]) -> None:
    if _in_process is not None:
        _in_process(step, metrics)
        return
    sent = {name: v if math.isfinite(v) else str(v) for name, v in metrics.items()}
    url = os.environ.get("TOURNEY_REPORT_URL")
    if not url:
        print(json.dumps({"step": step, **sent}), flush=True)
        return
    request = urllib.request.Request(url, data=json.dumps({"step": step, "metrics": sent}).encode(), method="POST", headers={
        "Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("TOURNEY_REPORT_TOKEN", "")})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            answer.read()
    except (OSError, ValueError) as e:
        _say(f"a row was not taken by the worker: {e}")


config = Config()
summary = Summary()
run: Optional[Run] = None
_agent_params: Optional[Dict[str, Any]] = None
_last_summary: Dict[str, Any] = {}  # of the run that was finished last


def init(project: Optional[str] = None, entity: Optional[str] = None, config: Any = None, name: Optional[str] = None,
         config_exclude_keys: Any = None, config_include_keys: Any = None, reinit: Any = None, **settings: Any) -> Run:
    """Begins a run: the trial. config are defaults; the trial's parameters win over them."""
    global run, summary
    if run is not None:
        if not reinit:
            run.config.setdefaults(config)
            return run
        run.finish()
    defaults = _mapping(config)
    if config_include_keys:
        defaults = {k: v for k, v in defaults.items() if k in config_include_keys}
    for key in config_exclude_keys or ():
        defaults.pop(key, None)
    globals()["config"]._begin(_parameters() if _agent_params is None else _nested(_agent_params), defaults)
    run = Run({"project": project, "entity": entity, "name": name, **settings})
    summary = run.summary
    return run


def _running(what: str) -> Run:
    if run is None:
        raise Error(f"You must call wandb.init() before wandb.{what}()")
    return run


def log(data: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None, sync: Any = None) -> None:
    """Adds to the row of a step; see Run.log."""
    _running("log").log(data, step, commit, sync)


def define_metric(name: str, *args: Any, **kwargs: Any) -> Run:
    """See Run.define_metric."""
    return _running("define_metric").define_metric(name, *args, **kwargs)


def log_artifact(*args: Any, **kwargs: Any) -> Artifact:
    """See Artifact."""
    return _running("log_artifact").log_artifact(*args, **kwargs)


def use_artifact(*args: Any, **kwargs: Any) -> Any:
    """Artifacts lie at W&B; an error says so."""
    return _running("use_artifact").use_artifact(*args, **kwargs)


def finish(exit_code: Optional[int] = None, quiet: Any = None) -> None:
    """Ends the run."""
    if run is not None:
        run.finish(exit_code)


join = finish


def login(*_: Any, **__: Any) -> bool:
    """True: nobody has to log in here."""
    return True


def setup(*_: Any, **__: Any) -> Settings:
    return Settings()


def teardown(*_: Any, **__: Any) -> None:
    finish()


def mark_preempting() -> None:
    """Nothing: what a lost worker has trained is offered again by itself."""


def watch(*args: Any, **kwargs: Any) -> List[Any]:
    _say("watch does nothing here")
    return []


def unwatch(*_: Any, **__: Any) -> None:
    """Nothing."""


def save(*args: Any, **kwargs: Any) -> List[str]:
    """Nothing is saved at W&B."""
    return run.save() if run is not None else []


def restore(name: str, *args: Any, **kwargs: Any) -> Any:
    """Files lie at W&B; an error says so."""
    return _running("restore").restore(name)


def alert(title: str = "", text: str = "", *args: Any, **kwargs: Any) -> None:
    print(f"{title}: {text}", file=sys.stderr, flush=True)


termlog = termwarn = termerror = lambda text, *_, **__: print(text, file=sys.stderr)  # noqa: E731

Image, Table, Histogram, Video, Audio, Html, Object3D, Molecule, Graph, Plotly = (
    _Nothing(n) for n in ("Image", "Table", "Histogram", "Video", "Audio", "Html", "Object3D", "Molecule", "Graph", "Plotly"))
plot = _Nothing("plot")


class Api:
    """W&B's public API is not here."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise UsageError("wandb.Api reads from W&B, which Tourney's stand-in does not talk to; tourney.Client reads Tourney's sweeps")


def _tourney() -> Any:
    try:
        import tourney
    except ImportError:
        raise UsageError("wandb.sweep and wandb.agent need Tourney's client here: pip install tourney, and say where the server is with "
                         "TOURNEY_SERVER; or start the sweep with `tourney sweep create FILE`, whose workers run this script") from None
    return tourney


def sweep(sweep: Union[Mapping[str, Any], Callable[[], Mapping[str, Any]]], entity: Optional[str] = None, project: Optional[str] = None, **_: Any) -> str:
    """Creates a sweep on Tourney whose trials are run by agent, and returns its id."""
    tourney = _tourney()
    if os.environ.get("TOURNEY_TRIAL"):
        raise UsageError("wandb.sweep inside a trial would start a search in a search; start it outside")
    spec = dict(sweep() if callable(sweep) else sweep)
    for key in ("program", "command", "project", "entity", "kind", "apiVersion", "controller"):
        spec.pop(key, None)
    spec["trainer"] = "external"
    if "metric" not in spec and "metrics" not in spec:
        raise UsageError("the sweep names no metric: say which of the logged values counts, as in metric: {name: loss, goal: minimize}")
    spec["metric"] = {"goal": "minimize", **{k: v for k, v in spec["metric"].items() if k in ("name", "goal", "target")}}
    return str(tourney.Client().create_sweep(spec).id)


def agent(sweep_id: str, function: Optional[Callable[[], Any]] = None, entity: Optional[str] = None, project: Optional[str] = None,
          count: Optional[int] = None, **_: Any) -> None:
    """Runs trials of a sweep in this process, count of them or until the sweep ends."""
    tourney = _tourney()
    if function is None:
        raise UsageError("wandb.agent without a function starts programs, which Tourney's workers do: tourney worker --allow-commands FILE")
    study = tourney.load_study(sweep_id.rsplit("/", 1)[-1])

    def objective(trial: Any) -> float:
        global _in_process, _agent_params
        name = study.metric_names[0]

        def take(step: int, metrics: Dict[str, float]) -> None:
            if name in metrics:
                trial.report(metrics[name], step)

        _in_process, _agent_params = take, trial.params
        try:
            finish()
            _last_summary.clear()
            function()
        finally:
            finish()
            _in_process, _agent_params = None, None
        if name not in _last_summary:
            raise UsageError(f"the function has not logged {name!r}, the metric of the sweep")
        return float(_last_summary[name])

    study.optimize(objective, n_trials=count)


atexit.register(finish)
_announce()
