"""An Optuna-like loop: the objective runs here, the search runs on the server.

Each process that calls optimize is a worker by ask and tell; no code is shipped. The space of a sweep is fixed when
the sweep is created, so suggest_* does not make up parameters as it goes: it reads those of the trial. The space is
declared with space=, or learnt from the first call of the objective, whose result is kept as the first trial.
"""

from __future__ import annotations

import math
import os
import random
import socket
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from ._errors import InvalidError, StaleError, TourneyError
from ._progress import Progress, describe
from .client import Client, Sweep

Json = Dict[str, Any]
Objective = Callable[["Trial"], Union[float, Sequence[float]]]


class TrialPruned(Exception):
    """Raised by an objective that gives up: trial.should_prune() said so."""


class Distribution:
    """What a parameter is drawn from; made by Float, Int and Categorical."""

    def __init__(self, spec: Json, draw: Callable[[random.Random], Any]) -> None:
        self.spec = spec
        self.draw = draw


def Float(low: float, high: float, *, step: Optional[float] = None, log: bool = False) -> Distribution:
    """Numbers from low to high, both included."""
    low, high = float(low), float(high)
    _range(low, high, log, step)
    if low == high:
        return Distribution({"value": low}, lambda rng: low)
    if log:
        return Distribution({"distribution": "log_uniform_values", "min": low, "max": high},
                            lambda rng: min(max(low * math.exp(rng.random() * math.log(high / low)), low), high))
    if step is None:
        return Distribution({"distribution": "uniform", "min": low, "max": high}, lambda rng: low + rng.random() * (high - low))
    values = [low + i * step for i in range(int(math.floor((high - low) / step + 1e-8)) + 1)]
    return _stepped(values)


def Int(low: int, high: int, *, step: int = 1, log: bool = False) -> Distribution:
    """Whole numbers from low to high, both included."""
    _range(low, high, log, step)
    if low == high:
        return Distribution({"value": low}, lambda rng: low)
    if log:
        return Distribution({"distribution": "q_log_uniform_values", "min": low, "max": high, "q": 1},
                            lambda rng: round(min(max(low * math.exp(rng.random() * math.log(high / low)), low), high)))
    if step == 1:
        return Distribution({"distribution": "int_uniform", "min": low, "max": high}, lambda rng: rng.randint(low, high))
    return _stepped(list(range(low, high + 1, step)))


def Categorical(choices: Sequence[Any]) -> Distribution:
    """One of a list: numbers, texts, True, False and None."""
    values = list(choices)
    if not values:
        raise ValueError("choices is empty")
    for v in values:
        if v is not None and not isinstance(v, (bool, int, float, str)):
            raise ValueError(f"{v!r} is no choice: it must be a number, a text, True, False or None; choose by name, and look the rest up")
    if len(values) == 1:
        return Distribution({"value": values[0]}, lambda rng: values[0])
    return Distribution({"values": values}, lambda rng: rng.choice(values))


def _stepped(values: List[Any]) -> Distribution:
    """A stepped range is a list in order: the server's own steps are multiples of q, and its ends come half as often."""
    if len(values) > 10_000:
        raise ValueError(f"the range has {len(values)} values; at most 10000, or leave the step out")
    return Distribution({"distribution": "ordinal", "values": values}, lambda rng: rng.choice(values))


def _range(low: float, high: float, log: bool, step: Optional[float]) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"the range from {low} to {high} is empty")
    if log and low <= 0:
        raise ValueError(f"on a log scale low must be greater than 0, not {low}")
    if log and step not in (None, 1):
        raise ValueError("a log scale has no step")
    if step is not None and step <= 0:
        raise ValueError(f"step must be greater than 0, not {step}")


def create_study(study_name: Optional[str] = None, *, space: Optional[Mapping[str, Any]] = None, direction: str = "minimize",
                 directions: Optional[Sequence[str]] = None, metric_names: Optional[Sequence[str]] = None, sampler: str = "auto",
                 pruner: Union[str, Json, None] = None, max_steps: int = 0, n_trials: int = 0, parallelism: int = 0,
                 seed: Optional[int] = None, client: Optional[Client] = None) -> "Study":
    """A study, which becomes a sweep when its space and its number of trials are known.

    space maps names to Float, Int or Categorical, or to a parameter of a sweep file, as {"min": 0, "max": 1}, which
    may have conditions (when). Without it, the first call of the objective tells the space. sampler is a method of a
    sweep file. pruner is an early_terminate of one, or a type of it ("asha", "hyperband", "median"), which max_steps
    completes. n_trials caps the study for all processes together.

    The same study_name with the same arguments, n_trials and space among them, is the same study in any process.
    """
    goals = list(directions or [direction])
    names = list(metric_names or (["value"] if len(goals) == 1 else [f"value_{i}" for i in range(len(goals))]))
    if len(names) != len(goals):
        raise ValueError(f"there are {len(names)} metric_names for {len(goals)} directions")
    spec: Json = {"trainer": "external", "method": sampler}
    if study_name:
        spec["name"] = study_name
    if len(goals) == 1:
        spec["metric"] = {"name": names[0], "goal": goals[0]}
    else:
        spec["metrics"] = [{"name": n, "goal": g} for n, g in zip(names, goals)]
    if pruner is not None:
        spec["early_terminate"] = _pruner(pruner, max_steps)
    if parallelism:
        spec["parallelism"] = parallelism
    if seed is not None:
        spec["seed"] = seed
    if n_trials:
        spec["run_cap"] = n_trials
    if space is not None:
        spec["parameters"] = {k: v.spec if isinstance(v, Distribution) else dict(v) for k, v in space.items()}
    study = Study(client or Client(), spec)
    if "parameters" in spec and n_trials:
        study._create(spec)
    return study


def load_study(sweep: Union[str, Sweep], *, client: Optional[Client] = None) -> "Study":
    """The study of a sweep with trainer external, by its id."""
    if not isinstance(sweep, Sweep):
        sweep = (client or Client()).sweep(sweep)
    if sweep.spec["trainer"] != "external":
        raise InvalidError(f"the trials of sweep {sweep.id} are trained by workers (trainer {sweep.spec['trainer']}), not by a loop of one's own")
    return Study(sweep.client, sweep.spec, sweep)


def _pruner(pruner: Union[str, Json], max_steps: int) -> Json:
    early: Json = {"type": pruner} if isinstance(pruner, str) else dict(pruner)
    if max_steps:
        early.setdefault("max_iter", max_steps)
    if early.get("type") == "asha":
        early.setdefault("stop", True)  # a loop in one process goes on with the trial it holds
    if "max_iter" not in early and "min_iter" not in early:
        raise ValueError("the pruner does not know how long a trial trains: give max_steps")
    return early


class Study:
    """A search whose objective runs in this process. Safe for many threads."""

    def __init__(self, client: Client, spec: Json, sweep: Optional[Sweep] = None) -> None:
        self.client = client
        self._spec = spec
        self._sweep = sweep
        self._grows = not spec.get("run_cap")
        self._kept: List[Json] = []  # trials that were asked for and not begun
        self._lock = threading.Lock()
        metrics = [m for m in spec.get("metrics") or [] if m.get("goal")] or [spec["metric"]]
        self.metric_names: List[str] = [m["name"] for m in metrics]

    @property
    def sweep(self) -> Sweep:
        """The sweep that the study is, as it was when last read."""
        if self._sweep is None:
            raise InvalidError("the study is not on the server yet: its space is learnt, and its trials are counted, when optimize is called")
        return self._sweep

    @property
    def id(self) -> str:
        """The sweep's id, by which load_study finds it in another process."""
        return str(self.sweep.id)

    @property
    def trials(self) -> List[Json]:
        """All trials by number."""
        return list(self.sweep.trials())

    @property
    def best_trial(self) -> Json:
        """The first trial of the board."""
        best = self.sweep.refresh().best
        if not best or best.get("value") is None:
            raise ValueError("no trial has a value yet")
        return dict(best)

    @property
    def best_value(self) -> float:
        """The value of the first trial of the board."""
        return float(self.best_trial["value"])

    @property
    def best_params(self) -> Json:
        """The parameters of the first trial of the board."""
        return dict(self.best_trial["params"])

    @property
    def best_trials(self) -> List[Json]:
        """The trials that none is better than in every objective."""
        return list(self.sweep.pareto()["trials"])

    def trials_dataframe(self) -> Any:
        """The trials as a pandas DataFrame."""
        return self.sweep.to_dataframe()

    def ask(self, lease: float = 300.0) -> Optional["Trial"]:
        """A trial to train, or None if there is none now. Tell of it within lease seconds; a report is a sign of life."""
        with self._lock:
            asked = self._kept.pop(0) if self._kept else None
        if asked is None:
            reply = self.sweep.ask(1, worker=_name(), lease=lease)
            self.sweep.document["state"] = reply["state"]
            if not reply["trials"]:
                return None
            asked = reply["trials"][0]
        return Trial(self, asked)

    def tell(self, trial: "Trial", values: Union[float, Sequence[float], None] = None, *, state: Optional[str] = None, error: str = "") -> Json:
        """The last word on a trial: its value, or a state of pruned, fail or preempted (given back)."""
        return trial._finish(values, state, error)

    def optimize(self, objective: Objective, n_trials: Optional[int] = None, timeout: Optional[float] = None, *, n_jobs: int = 1,
                 catch: Union[Type[Exception], Tuple[Type[Exception], ...]] = (), callbacks: Sequence[Callable[["Study", "Trial"], None]] = (),
                 lease: float = 300.0, progress: Optional[bool] = None) -> None:
        """Asks, calls the objective and tells, n_trials times in this process, or until the study or timeout
        (seconds) ends. n_jobs threads share the work. An objective that raises one of catch has failed there, and the
        server has the trial tried again, three times in all; what else it raises is told and raised here.

        A study without a cap of its own grows by n_trials at each call.
        """
        if n_trials is None and self._grows:
            raise ValueError("nobody said when to end: give n_trials here or to create_study")
        budget = _Budget(n_trials, timeout)
        line = Progress(progress)
        try:
            if self._sweep is None:
                self._begin(objective, budget, catch, callbacks)
            elif self._grows and n_trials:
                self._sweep.refresh()
                self._sweep.extend(n_trials)
            worker = _Worker(self, objective, budget, catch, callbacks, lease, line)
            if n_jobs == 1:
                worker.run()
                return
            self._threads(worker, n_jobs)
        finally:
            self._give_back()
            if self._sweep is not None:
                line.show(describe(self._sweep.refresh().document))
            line.close()

    def _threads(self, worker: "_Worker", n_jobs: int) -> None:
        errors: List[BaseException] = []

        def run() -> None:
            try:
                worker.run()
            except BaseException as e:  # told to the caller below
                errors.append(e)
                worker.budget.stop()

        threads = [threading.Thread(target=run, daemon=True) for _ in range(n_jobs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise errors[0]

    def _give_back(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, []
        if kept:
            try:
                self.sweep.tell([{"token": a["token"], "outcome": "preempted"} for a in kept])
            except TourneyError:
                pass  # their leases end by themselves

    def _begin(self, objective: Objective, budget: "_Budget", catch: Any, callbacks: Any) -> None:
        """Creates the sweep; where the space is not declared, by a first call of the objective."""
        spec = dict(self._spec)
        if not spec.get("run_cap"):
            spec["run_cap"] = budget.left
        if "parameters" in spec:
            self._create(spec)
            return
        first = _FirstTrial(self, int(spec.get("seed") or 0))
        result = first.call(objective, catch)
        if not first.learnt:
            raise InvalidError("the objective has asked for no parameter: call trial.suggest_float, suggest_int or suggest_categorical")
        spec["parameters"] = {name: d.spec for name, d in first.learnt.items()}
        spec["points"] = [first.params]
        self._create(spec, shared=False)
        trial = self.ask()
        if trial is None or trial.params != first.params:
            raise InvalidError("the server did not give the point that the objective was called with; declare the space instead")
        budget.take()
        _Worker(self, first.again(result), budget, catch, callbacks, 300.0, Progress(False)).play(trial)

    def _create(self, spec: Json, shared: bool = True) -> None:
        key = None
        if shared and spec.get("name"):
            key = "study-" + str(spec["name"])
        try:
            self._sweep = self.client.create_sweep(spec, key=key)
        except InvalidError as e:
            if key and e.status == 422:
                raise InvalidError(f"there is a study {spec['name']!r} that was created with other arguments; use load_study with its id, or another name",
                                   status=e.status) from e
            raise
        self._spec = self._sweep.spec


class _Budget:
    """How many trials are left to this process, and how much time."""

    def __init__(self, trials: Optional[int], timeout: Optional[float]) -> None:
        self.left = trials
        self._end = None if timeout is None else time.monotonic() + timeout
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def take(self) -> bool:
        with self._lock:
            if self._stopped or self.left == 0 or (self._end is not None and time.monotonic() > self._end):
                return False
            if self.left is not None:
                self.left -= 1
            return True

    def give(self) -> None:
        with self._lock:
            if self.left is not None:
                self.left += 1


class _Worker:
    """The loop of optimize."""

    def __init__(self, study: Study, objective: Objective, budget: _Budget, catch: Any, callbacks: Any, lease: float, line: Progress) -> None:
        self.study, self.objective, self.budget, self.catch = study, objective, budget, catch
        self.callbacks, self.lease, self.line = callbacks, lease, line

    def run(self) -> None:
        wait = 0.05
        while self.budget.take():
            trial = self.study.ask(self.lease)
            if trial is None:
                self.budget.give()
                if self.study.sweep.refresh().ended:
                    return
                if not self._sleep(wait):
                    return
                wait = min(wait * 2, 2.0)
                continue
            wait = 0.05
            self.play(trial)
            if self.line.active:
                self.line.show(describe(self.study.sweep.refresh().document))

    def _sleep(self, seconds: float) -> bool:
        """Others hold all that may be out; there may be more when they have told."""
        time.sleep(seconds)
        if self.budget.take():
            self.budget.give()
            return True
        return False

    def play(self, trial: "Trial") -> None:
        """Calls the objective, and tells what came of it."""
        with _Heart(trial, self.lease):
            try:
                values = self.objective(trial)
            except TrialPruned:
                trial._finish(None, "pruned", "")
            except (self.catch, _Failed) if isinstance(self.catch, type) else (*self.catch, _Failed) as e:
                warnings.warn(f"trial {trial.number} failed: {e!r}", stacklevel=2)
                trial._finish(None, "fail", traceback.format_exc())
            except KeyboardInterrupt:
                trial._finish(None, "preempted", "")
                raise
            except BaseException:
                trial._finish(None, "fail", traceback.format_exc())
                raise
            else:
                trial._finish(values, None, "")
        for callback in self.callbacks:
            callback(self.study, trial)


class _Heart:
    """Says three times a lease that the trial is alive, while the objective runs."""

    def __init__(self, trial: "Trial", lease: float) -> None:
        self._trial, self._every = trial, lease / 3
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def _beat(self) -> None:
        while not self._end.wait(self._every):
            try:
                self._trial._send([])
            except TourneyError:
                pass  # the last word will tell

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: Any) -> None:
        self._end.set()
        self._thread.join()


class Trial:
    """A trial that this process trains."""

    def __init__(self, study: Study, asked: Json) -> None:
        self.study = study
        self.user_attrs: Json = {}
        """Attributes of this process; the server does not keep them."""
        self._asked = asked
        self._lock = threading.RLock()
        self._curve: Dict[int, float] = {}
        self._sent = 0.0
        self._last: Optional[Tuple[int, float]] = None
        self._pruned = False
        self._done: Optional[Json] = None

    @property
    def number(self) -> int:
        """Its number in the sweep, from 0."""
        return int(self._asked["trial"])

    @property
    def params(self) -> Json:
        """Its parameters."""
        return dict(self._asked["params"])

    @property
    def start_step(self) -> int:
        """The step that it was trained to before, by this process or another, 0 at first."""
        return int(self._asked["from"])

    @property
    def budget(self) -> int:
        """The step that it is to be trained to now."""
        return int(self._asked["budget"])

    @property
    def seed(self) -> int:
        """A seed of its own."""
        return int(self._asked["seed"])

    def checkpoint_dir(self, root: Union[str, "os.PathLike[str]"] = "checkpoints") -> Path:
        """A directory of this trial's own, the same each time the trial comes to a process that sees it."""
        path = Path(root) / self.study.id / str(self.number)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def suggest_float(self, name: str, low: float, high: float, *, step: Optional[float] = None, log: bool = False) -> float:
        """The trial's value of a parameter. The range must hold it: it is fixed by the study's space."""
        return float(self._value(name, Float(low, high, step=step, log=log), lambda v: low <= v <= high))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As suggest_float, of whole numbers."""
        return int(self._value(name, Int(low, high, step=step, log=log), lambda v: v == int(v) and low <= v <= high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """As suggest_float, of choices."""
        value = self._value(name, Categorical(choices), lambda v: v in choices)
        return next(c for c in choices if c == value and isinstance(c, bool) == isinstance(value, bool))

    def _value(self, name: str, distribution: Distribution, fits: Callable[[Any], bool]) -> Any:
        params = self._asked["params"]
        if name not in params:
            raise InvalidError(
                f"trial {self.number} has no parameter {name!r}. The space of a study is fixed when it begins: declare it with "
                "create_study(space=…), and say with when in which trials a parameter has a part")
        try:
            if fits(params[name]):
                return params[name]
        except TypeError:
            pass
        raise InvalidError(f"parameter {name!r} of trial {self.number} is {params[name]!r}, which {distribution.spec} does not hold; "
                           "the study's space is another")

    def report(self, value: float, step: int) -> None:
        """Tells a value on the way, of the first objective. At the end of a rung it counts: then should_prune says
        whether the trial goes on."""
        step, value = int(step), float(value)
        with self._lock:
            self._last = (step, value)
            if math.isfinite(value):
                self._curve[step] = value
            if self._done is not None or self._pruned:
                return
            if step >= self.budget and step < self._longest() and len(self.study.metric_names) == 1:
                self._next_rung(step, value)
                return
            if time.monotonic() - self._sent < 1.0:
                return
            points = self._points()
        self._send(points)

    def should_prune(self) -> bool:
        """Whether others are better: the objective should raise TrialPruned."""
        return self._pruned

    def set_user_attr(self, key: str, value: Any) -> None:
        """Notes something for this process alone."""
        self.user_attrs[key] = value

    def _longest(self) -> int:
        plan = self.study.sweep.document["plan"]
        return int((plan.get("ladder") or [plan["budget"]])[-1])

    def _points(self) -> List[Json]:
        """What was reported and not sent yet."""
        name = self.study.metric_names[0]
        points = [{"step": s, "metrics": {name: v}} for s, v in sorted(self._curve.items())]
        self._curve = {}
        self._sent = time.monotonic()
        return points[-10_000:]

    def _send(self, points: List[Json]) -> None:
        """A sign of life, with points of the learning curve."""
        with self._lock:
            if self._done is not None:
                return
            try:
                told = self.study.sweep.tell({"token": self._asked["token"], **({"points": points} if points else {})})[0]
            except StaleError:
                self._pruned, self._done = True, {"state": "stale", "stop": True}
                return
            self._pruned = self._pruned or bool(told["stop"])

    def _next_rung(self, step: int, value: float) -> None:
        """Ends a rung, and goes on if the server gives the trial back at once. It may as well give it to somebody
        else, later: then it starts there with start_step and this process prunes it."""
        told = self._tell({"value": value, "step": step} if math.isfinite(value) else {"outcome": "diverged"})
        self._pruned, self._done = True, told
        if told["stop"]:
            return
        reply = self.study.sweep.ask(1, worker=_name())
        for asked in reply["trials"]:
            if asked["trial"] == self.number:
                self._asked, self._pruned, self._done = asked, False, None
            else:
                with self.study._lock:
                    self.study._kept.append(asked)

    def _tell(self, what: Json) -> Json:
        points = self._points()
        body = {"token": self._asked["token"], **what}
        if points:
            body["points"] = points
        return self.study.sweep.tell(body)[0]

    def _finish(self, values: Union[float, Sequence[float], None], state: Optional[str], error: str) -> Json:
        """The last word, unless it was said at the end of a rung."""
        with self._lock:
            if self._done is None:
                try:
                    self._done = self._tell(self._end(values, state, error))
                except StaleError:
                    self._done = {"state": "stale", "stop": True}
            return self._done

    def _end(self, values: Any, state: Optional[str], error: str) -> Json:
        if state == "preempted":
            return {"outcome": "preempted"}
        if state == "pruned":
            step = self._last[0] if self._last else 0
            return {"outcome": "failed", "reason": "timeout", "error": f"pruned by the objective at step {step}"}
        if state == "fail":
            return {"outcome": "failed", "reason": "user_error", "error": error[-4000:] or "the objective failed"}
        names = self.study.metric_names
        numbers = list(values) if isinstance(values, (list, tuple)) else [values]
        try:
            floats = [float(v) for v in numbers if v is not None]
        except (TypeError, ValueError):
            floats = []
        if len(floats) != len(names):
            return {"outcome": "failed", "reason": "spec_invalid", "error": f"the objective returned {values!r:.200}, not a number for each of {', '.join(names)}"}
        if not all(math.isfinite(v) for v in floats):
            return {"outcome": "diverged"}
        end: Json = {"metrics": dict(zip(names, floats))}
        if self._last is not None and self._last[0] > 0:
            end["step"] = self._last[0]
        return end


class _FirstTrial(Trial):
    """A trial without a server, which learns the space from what the objective asks for."""

    def __init__(self, study: Study, seed: int) -> None:
        super().__init__(study, {"trial": 0, "params": {}, "from": 0, "budget": 0, "seed": seed, "token": ""})
        self.learnt: Dict[str, Distribution] = {}
        self._rng = random.Random(seed)

    def _value(self, name: str, distribution: Distribution, fits: Callable[[Any], bool]) -> Any:
        if name not in self.learnt:
            self.learnt[name] = distribution
            self._asked["params"][name] = distribution.draw(self._rng)
        elif self.learnt[name].spec != distribution.spec:
            raise InvalidError(f"parameter {name!r} was asked for as {self.learnt[name].spec} and as {distribution.spec}")
        return self._asked["params"][name]

    def report(self, value: float, step: int) -> None:
        self._last = (int(step), float(value))
        if math.isfinite(value):
            self._curve[int(step)] = float(value)

    def call(self, objective: Objective, catch: Any) -> Tuple[Any, str]:
        """What the objective returns, or how it ended instead."""
        try:
            return objective(self), ""
        except TrialPruned:
            return None, "pruned"
        except catch:
            return None, traceback.format_exc()

    def again(self, result: Tuple[Any, str]) -> Objective:
        """An objective that does once more what the first call did, at once."""
        curve, (values, ended) = sorted(self._curve.items()), result

        def objective(trial: Trial) -> Any:
            for step, value in curve:
                trial.report(value, step)
                if trial.should_prune():
                    raise TrialPruned
            if ended == "pruned":
                raise TrialPruned
            if ended:
                raise _Failed(ended)
            return values

        return objective


class _Failed(Exception):
    """The first call of an objective has raised."""


def _name() -> str:
    host = "".join(c if c.isalnum() or c in "._-" else "-" for c in socket.gethostname()).strip("._-") or "host"
    return f"{host}-{os.getpid()}"[:128]
