"""The client against the server that TOURNEY_SERVER names, which has a worker."""

import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid
from pathlib import Path

import tourney

TABLE = "x,y,above\n" + "".join(f"{i * 37 % 101 / 101},{i * 53 % 103 / 103},{'yes' if i * 37 % 101 / 101 + i * 53 % 103 / 103 > 1 else 'no'}\n" for i in range(600))

LOOP = {"trainer": "external", "method": "random", "metric": {"name": "loss", "goal": "minimize"}, "run_cap": 6, "seed": 1,
        "parameters": {"x": {"min": -5.0, "max": 5.0}}}


def unique(stem):
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@unittest.skipUnless(os.environ.get("TOURNEY_SERVER"), "TOURNEY_SERVER names no server")
class Server(unittest.TestCase):
    def setUp(self):
        self.client = tourney.Client()


class Sweeps(Server):
    def test_from_a_table_to_the_model(self):
        name = unique("toy")
        made = self.client.add_dataset(TABLE.encode(), name, target="above")
        self.assertEqual((made["name"], made["rows"]), (name, 600))
        again = self.client.add_dataset(TABLE.encode(), name, target="above")
        self.assertEqual(again["version"], made["version"])
        self.assertIn(name, [d["name"] for d in self.client.datasets()])
        spec = f"name: toy\ndataset: {name}\ntrainer: linear\nmethod: random\nrun_cap: 9\nmetric: {{name: logloss}}\n" \
               "early_terminate: {type: asha, min_iter: 1, max_iter: 9, eta: 3}\n" \
               "parameters:\n  learning_rate: {distribution: log_uniform_values, min: 0.001, max: 0.1}\n"
        self.assertTrue(self.client.validate(spec)["valid"])
        with tempfile.TemporaryDirectory() as d:
            path = Path(d, "toy.yaml")
            path.write_text(spec)
            sweep = self.client.create_sweep(path)
            self.assertEqual(sweep.spec, self.client.create_sweep(str(path)).cancel().spec)
        states = [s.state for s in sweep.watch(timeout=120)]
        self.assertEqual(states[-1], "completed")
        self.assertIs(sweep.wait(), sweep)
        board = sweep.leaderboard()
        self.assertEqual(len(board), 9)
        self.assertEqual(board[0]["number"], sweep.best["number"])
        self.assertEqual(len(sweep.leaderboard(limit=2)), 2)
        self.assertEqual(sorted(t["number"] for t in board), [t["number"] for t in sweep.trials()])
        done = list(sweep.trials("completed"))
        self.assertEqual({t["state"] for t in done}, {"completed"})
        self.assertEqual(sweep.trial(board[0]["number"])["params"], board[0]["params"])
        self.assertEqual([p["step"] for p in sweep.curve(done[0]["number"])], list(range(1, 10)))
        self.assertEqual(len(sweep.history()["value"]), sum(r["reached"] for r in sweep.rungs()))
        self.assertEqual(sweep.importance()["method"], "ped")
        self.assertEqual(sweep.pareto()["trials"][0]["number"], board[0]["number"])
        self.assertEqual(sweep.model()["format"], "tourney-model")
        self.assertEqual(len(sweep.records()), 9)
        self.assertIn("params.learning_rate", sweep.records()[0])
        self.assertIn(sweep.id, [s.id for s in self.client.sweeps()])
        self.assertIn("best logloss", repr(sweep))
        sweep.extend(trials=3)
        self.assertEqual(sweep.document["amended"]["run_cap"], 12)
        self.assertEqual(sum(sweep.wait(timeout=120).counts.values()), 12)
        sweep.delete()
        with self.assertRaises(tourney.NotFoundError):
            self.client.sweep(sweep.id)
        with self.assertRaises(RuntimeError):
            self.client.create_sweep({**LOOP}).cancel().wait()

    def test_dataset_beside_the_spec(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, unique("table") + ".csv")
            Path(path).write_text(TABLE)
            spec = {"trainer": "linear", "method": "random", "run_cap": 1, "target": "above", "parameters": {"l2": {"min": 0.0, "max": 0.1}}}
            sweep = self.client.create_sweep(spec, dataset=path)
            self.assertEqual(sweep.wait(timeout=60).state, "completed")
            self.assertIn("target", spec)
            try:
                import pandas
            except ImportError:
                return
            frame = self.client.create_sweep({**spec, "name": unique("frame")}, dataset=pandas.read_csv(path))
            self.assertEqual(frame.wait(timeout=60).state, "completed")
            table = frame.to_dataframe()
            self.assertEqual(list(table["state"]), ["completed"])

    def test_errors_name_the_fields(self):
        with self.assertRaises(tourney.InvalidError) as e:
            self.client.create_sweep({**LOOP, "parameters": {"x": {"min": 5.0, "max": 1.0}}, "metod": "random"})
        self.assertEqual(sorted(x["path"] for x in e.exception.errors), ["metod"] if len(e.exception.errors) == 1 else ["metod", "parameters.x.min"])
        self.assertIn("method", str(e.exception))
        forecast = self.client.validate({**LOOP, "run_cap": -1})
        self.assertFalse(forecast["valid"])
        with self.assertRaises(tourney.NotFoundError):
            self.client.sweep("s-nothing")
        sweep = self.client.create_sweep(LOOP)
        sweep.pause()
        self.assertEqual(sweep.state, "paused")
        self.assertEqual(sweep.resume().state, "running")
        sweep.cancel()
        with self.assertRaises(tourney.ConflictError):
            sweep.resume()

    def test_the_same_key_makes_one_sweep(self):
        key = unique("key")
        a, b = self.client.create_sweep(LOOP, key=key), self.client.create_sweep(LOOP, key=key)
        self.assertEqual(a.id, b.id)

    def test_events_go_on_where_they_broke_off(self):
        sweep = self.client.create_sweep(LOOP)
        study = tourney.load_study(sweep)
        study.optimize(lambda t: t.params["x"] ** 2, progress=False)
        total = self.client.sweep(sweep.id).document["cursor"]
        seen = []
        for event in sweep.events(after=0):
            seen.append(event)
            if event.id == total:
                break
        self.assertEqual([e.kind for e in seen].count("proposed"), 6)
        half = seen[len(seen) // 2].id
        rest = list(itertools.islice(sweep.events(after=half), len(seen) - len(seen) // 2 - 1))
        self.assertEqual([e.id for e in rest], [e.id for e in seen if e.id > half])

    def test_events_to_come(self):
        sweep = self.client.create_sweep(LOOP)
        seen = []
        ready = threading.Event()

        def listen():
            ready.set()
            for event in sweep.events(after=sweep.document["cursor"]):
                seen.append(event.kind)
                if event.kind == "turned" and event.body["state"] == "cancelled":
                    return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        ready.wait()
        self.client.sweep(sweep.id).cancel()
        thread.join(60)
        self.assertIn("acted", seen)


class AskAndTell(Server):
    def test_by_hand(self):
        sweep = self.client.create_sweep(LOOP)
        key = unique("ask")
        first, again = sweep.ask(2, key=key), sweep.ask(2, key=key)
        self.assertEqual([t["token"] for t in first["trials"]], [t["token"] for t in again["trials"]])
        a, b = first["trials"]
        told = sweep.tell([{"token": a["token"], "value": 1.0}, {"token": b["token"], "outcome": "diverged"}])
        self.assertEqual([t["state"] for t in told], ["completed", "diverged"])
        self.assertEqual(sweep.tell({"token": a["token"], "value": 1.0})[0]["state"], "completed")
        with self.assertRaises(tourney.ConflictError):
            sweep.tell({"token": a["token"], "value": 2.0})


class Studies(Server):
    def test_a_declared_space(self):
        study = tourney.create_study(space={"x": tourney.Float(-5, 5), "n": tourney.Int(1, 9, step=2), "c": tourney.Categorical(["a", None, True, 2, 2.5]),
                                            "l": tourney.Float(1e-3, 1, log=True), "one": tourney.Int(3, 3), "k": tourney.Int(1, 512, log=True),
                                            "q": tourney.Float(0, 1, step=0.25)},
                                     sampler="random", seed=2, n_trials=20)
        seen = []

        def objective(trial):
            x = trial.suggest_float("x", -5, 5)
            row = (trial.suggest_int("n", 1, 9, step=2), trial.suggest_categorical("c", ["a", None, True, 2, 2.5]), trial.suggest_float("l", 1e-3, 1, log=True),
                   trial.suggest_int("one", 3, 3), trial.suggest_int("k", 1, 512, log=True), trial.suggest_float("q", 0, 1, step=0.25))
            self.assertIn(row[0], (1, 3, 5, 7, 9))
            self.assertIn(row[5], (0, 0.25, 0.5, 0.75, 1))
            self.assertEqual(row[3], 3)
            seen.append(x)
            return (x - 1) ** 2

        study.optimize(objective, progress=False)
        self.assertEqual(len(seen), 20)
        self.assertEqual(study.sweep.state, "completed")
        self.assertEqual(study.best_value, min((x - 1) ** 2 for x in seen))
        self.assertIn(study.best_params["x"], seen)
        self.assertEqual(len(study.trials), 20)

    def test_a_space_learnt_by_the_first_call(self):
        calls = []

        def objective(trial):
            x = trial.suggest_float("x", 0, 1)
            n = trial.suggest_int("n", 1, 4)
            calls.append((x, n))
            return x * n

        study = tourney.create_study(sampler="random", seed=5)
        study.optimize(objective, n_trials=8, progress=False)
        self.assertEqual(len(calls), 8)
        self.assertEqual([(t["params"]["x"], t["params"]["n"]) for t in study.trials], calls)
        self.assertEqual([t["value"] for t in study.trials], [x * n for x, n in calls])
        study.optimize(objective, n_trials=4, progress=False)
        self.assertEqual(len(calls), 12)
        self.assertEqual(study.sweep.counts, {"completed": 12})

    def test_a_parameter_that_comes_later_is_refused(self):
        def objective(trial):
            if trial.number > 0:
                trial.suggest_float("late", 0, 1)
            return trial.suggest_float("x", 0, 1)

        with self.assertRaisesRegex(tourney.InvalidError, "declare it"):
            tourney.create_study(sampler="random").optimize(objective, n_trials=3, progress=False)
        with self.assertRaisesRegex(tourney.InvalidError, "another"):
            tourney.create_study(space={"x": tourney.Float(0, 1)}, n_trials=1).optimize(lambda t: t.suggest_float("x", 5, 6), progress=False)

    def test_conditions(self):
        study = tourney.create_study(space={"model": tourney.Categorical(["svm", "forest"]),
                                            "c": {"distribution": "log_uniform_values", "min": 0.001, "max": 1, "when": {"model": "svm"}},
                                            "depth": {"min": 1, "max": 8, "when": {"model": "forest"}}}, sampler="random", n_trials=12)

        def objective(trial):
            if trial.suggest_categorical("model", ["svm", "forest"]) == "svm":
                return trial.suggest_float("c", 0.001, 1, log=True)
            return trial.suggest_int("depth", 1, 8)

        study.optimize(objective, progress=False)
        self.assertEqual(study.sweep.counts, {"completed": 12})

    def test_pruning(self):
        trained = {}

        def objective(trial):
            slope = trial.suggest_float("slope", 0, 1)
            for step in range(trial.start_step + 1, 28):
                trained[trial.number] = step
                trial.report(slope + 1 / step, step)
                if trial.should_prune():
                    raise tourney.TrialPruned
            return slope + 1 / 27

        for learnt in (False, True):
            trained.clear()
            space = None if learnt else {"slope": tourney.Float(0, 1)}
            study = tourney.create_study(space=space, pruner="asha", max_steps=27, sampler="random", seed=4, n_trials=27)
            study.optimize(objective, progress=False)
            counts = study.sweep.counts
            self.assertEqual(sum(counts.values()), 27)
            self.assertGreater(counts["pruned"], 9)
            self.assertGreater(counts["completed"], 0)
            self.assertEqual(study.best_value, min(t["value"] for t in study.trials if t["state"] == "completed"))
            for t in study.trials:
                self.assertEqual(t["step"], trained[t["number"]] if t["number"] or not learnt or t["state"] == "completed" else t["step"])
                self.assertIn(t["step"], (1, 3, 9, 27))

    def test_promotion(self):
        study = tourney.create_study(space={"slope": tourney.Float(0, 1)}, sampler="random", seed=4, n_trials=9,
                                     pruner={"type": "asha", "min_iter": 1, "max_iter": 9, "eta": 3, "stop": False})
        begun = []

        def objective(trial):
            begun.append((trial.number, trial.start_step, trial.budget))
            slope = trial.suggest_float("slope", 0, 1)
            for step in range(trial.start_step + 1, 10):
                trial.report(slope + 1 / step, step)
                if trial.should_prune():
                    raise tourney.TrialPruned
            return slope + 1 / 9

        study.optimize(objective, progress=False)
        self.assertEqual(study.sweep.state, "completed")
        self.assertGreater(study.sweep.counts["completed"], 0)
        self.assertEqual(len({n for n, _, _ in begun}), 9)

    def test_failures(self):
        def objective(trial):
            x = trial.suggest_float("x", 0, 1)
            if trial.number == 1:
                raise ValueError("on purpose")
            if trial.number == 2:
                return float("nan")
            if trial.number == 3:
                raise tourney.TrialPruned
            if trial.number == 4:
                return "text"
            return x

        study = tourney.create_study(space={"x": tourney.Float(0, 1)}, sampler="random", n_trials=6)
        with self.assertWarns(UserWarning):
            study.optimize(objective, catch=ValueError, progress=False)
        trials = study.trials
        self.assertEqual([t["state"] for t in trials], ["completed", "failed", "diverged", "failed", "failed", "completed"])
        self.assertIn("on purpose", trials[1]["error"])
        self.assertEqual(trials[1]["attempts"], 3)
        self.assertIn("pruned by the objective", trials[3]["error"])
        self.assertIn("'text'", trials[4]["error"])
        with self.assertRaises(ZeroDivisionError):
            tourney.create_study(space={"x": tourney.Float(0, 1)}, n_trials=2).optimize(lambda t: 1 / 0, progress=False)

    def test_several_objectives(self):
        study = tourney.create_study(space={"x": tourney.Float(0, 1)}, directions=["minimize", "maximize"], metric_names=["loss", "gain"], sampler="random", n_trials=8)
        study.optimize(lambda t: (t.params["x"], t.params["x"] ** 2), progress=False)
        self.assertEqual(len(study.best_trials), 8)
        self.assertEqual(set(study.trials[0]["metrics"]), {"loss", "gain"})

    def test_threads_and_processes_share_a_study(self):
        name = unique("shared")
        space = {"x": tourney.Float(0, 1)}
        study = tourney.create_study(name, space=space, n_trials=30, sampler="random", parallelism=8)
        self.assertEqual(tourney.create_study(name, space=space, n_trials=30, sampler="random", parallelism=8).id, study.id)
        with self.assertRaisesRegex(tourney.InvalidError, "other arguments"):
            tourney.create_study(name, space=space, n_trials=31, sampler="random", parallelism=8)
        code = f"""
import tourney
study = tourney.load_study({study.id!r})
n = 0
def objective(t):
    global n
    n += 1
    return t.suggest_float("x", 0, 1)
study.optimize(objective, progress=False)
print(n)
"""
        others = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        mine = []
        study.optimize(lambda t: mine.append(t.number) or t.params["x"], n_jobs=3, progress=False)
        done = [int(p.communicate()[0]) for p in others]
        self.assertEqual(len(mine) + sum(done), 30)
        self.assertEqual(study.sweep.refresh().counts, {"completed": 30})
        self.assertEqual(len({t["params"]["x"] for t in study.trials}), 30)

    def test_a_lease_is_kept_while_the_objective_runs(self):
        study = tourney.create_study(space={"x": tourney.Float(0, 1)}, n_trials=1)
        expired = threading.Event()

        def objective(trial):
            expired.wait(5)
            return 1.0

        study.optimize(objective, lease=4, progress=False)
        self.assertEqual(study.trials[0]["attempts"], 1)
        self.assertEqual(study.sweep.counts, {"completed": 1})


class WandBAgent(Server):
    def test_sweep_and_agent(self):
        shim = str(Path(tourney.__file__).parent / "_shim")
        root = str(Path(tourney.__file__).parent.parent)
        code = """
import json, wandb
sweep = wandb.sweep({"method": "random", "metric": {"name": "loss", "goal": "minimize"}, "run_cap": 5,
                     "parameters": {"lr": {"min": 0.1, "max": 1.0}, "net": {"parameters": {"depth": {"values": [1, 2]}}}}}, project="p")
def train():
    with wandb.init() as run:
        for _ in range(3):
            wandb.log({"loss": wandb.config.lr * wandb.config.net["depth"]})
wandb.agent(sweep, train)
print(json.dumps({"id": sweep}))
"""
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join([shim, root])}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        sweep = self.client.sweep(json.loads(done.stdout.splitlines()[-1])["id"])
        self.assertEqual(sweep.counts, {"completed": 5})
        for t in sweep.trials():
            self.assertTrue(math.isclose(t["value"], t["params"]["lr"] * t["params"]["net.depth"]))


if __name__ == "__main__":
    unittest.main()
