"""What needs no server: inside a trial, the stand-in for wandb, errors."""

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest import mock

import tourney
from tourney import _trial

SHIM = str(Path(tourney.__file__).parent / "_shim")


class Worker:
    """The end of TOURNEY_REPORT_URL: it keeps what it is told and says stop from a step on."""

    def __init__(self, stop_at=None, status=200):
        worker = self
        self.got = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                worker.got.append((self.headers["Authorization"], body))
                answer = json.dumps({"stop": stop_at is not None and body["step"] >= stop_at}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.env = {"TOURNEY_REPORT_URL": f"http://127.0.0.1:{self.server.server_port}/report", "TOURNEY_REPORT_TOKEN": "secret", "TOURNEY_TRIAL": "7"}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class InsideATrial(unittest.TestCase):
    def setUp(self):
        importlib.reload(_trial)

    def test_reports_go_to_the_worker(self):
        worker = Worker(stop_at=3)
        self.addCleanup(worker.close)
        with mock.patch.dict(os.environ, worker.env):
            self.assertFalse(_trial.report(1, loss=0.5))
            self.assertFalse(_trial.report(loss=0.25))
            self.assertFalse(_trial.should_stop())
            self.assertTrue(_trial.report(3, loss=float("nan")))
            self.assertTrue(_trial.should_stop())
        self.assertEqual(worker.got, [
            ("Bearer secret", {"step": 1, "metrics": {"loss": 0.5}}),
            ("Bearer secret", {"step": 2, "metrics": {"loss": 0.25}}),
            ("Bearer secret", {"step": 3, "metrics": {"loss": "nan"}}),
        ])

    def test_a_worker_that_refuses_does_not_end_the_training(self):
        worker = Worker(status=500)
        self.addCleanup(worker.close)
        err = io.StringIO()
        with mock.patch.dict(os.environ, worker.env), contextlib.redirect_stderr(err):
            self.assertFalse(_trial.report(1, loss=1.0))
            self.assertFalse(_trial.report(2, loss=1.0))
        self.assertEqual(err.getvalue().count("was not taken"), 1)

    def test_without_a_worker_reports_are_lines(self):
        out = io.StringIO()
        with mock.patch.dict(os.environ), contextlib.redirect_stdout(out):
            os.environ.pop("TOURNEY_REPORT_URL", None)
            _trial.report(4, loss=0.5, acc=1)
        self.assertEqual(json.loads(out.getvalue()), {"step": 4, "loss": 0.5, "acc": 1.0})

    def test_params_and_directories(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "p.json")
            Path(path).write_text('{"lr": 0.1, "layers": 3}')
            with mock.patch.dict(os.environ, {"TOURNEY_PARAMS": path, "TOURNEY_CHECKPOINT_DIR": os.path.join(d, "c"), "TOURNEY_STEP": "3", "TOURNEY_BUDGET": "9"}):
                self.assertEqual(tourney.params(lr=1.0, epochs=5), {"lr": 0.1, "layers": 3, "epochs": 5})
                self.assertTrue(tourney.checkpoint_dir().is_dir())
                self.assertEqual((tourney.start_step(), tourney.budget()), (3, 9))
        with mock.patch.dict(os.environ):
            os.environ.pop("TOURNEY_PARAMS", None)
            self.assertEqual(tourney.params(lr=1.0), {"lr": 1.0})


def script(code, env=None, path=(SHIM,)):
    """Runs a script with the stand-in on its path; returns its lines, and stderr."""
    env = {**os.environ, **(env or {}), "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], done.stderr


class WandB(unittest.TestCase):
    """The rules are those of W&B's documentation of wandb.log and wandb.config."""

    def test_steps(self):
        rows, err = script("""
import wandb
wandb.init()
wandb.log({"a": 1})                  # row 1
wandb.log({"a": 2}, commit=False)    # kept for the next
wandb.log({"b": 3})                  # row 2 holds both
wandb.log({"a": 4}, step=10)         # waits for a later step
wandb.log({"b": 5}, step=10)
wandb.log({"a": 6}, step=5)          # back: left out
wandb.log({"a": 7}, step=11)
wandb.log({"a": 8, "deep": {"x": True}, "text": "t"}, step=12, commit=True)
wandb.log({"a": 9})
""")
        self.assertEqual(rows, [
            {"step": 1, "a": 1}, {"step": 2, "a": 2, "b": 3}, {"step": 10, "a": 4, "b": 5}, {"step": 11, "a": 7},
            {"step": 12, "a": 8, "deep.x": 1.0}, {"step": 14, "a": 9},
        ])
        self.assertEqual(err.count("steps must not go back"), 1)

    def test_config(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "p.json")
            Path(path).write_text('{"lr": 0.1, "net.depth": 2, "opt": null}')
            script("""
import argparse, wandb
try:
    wandb.log({"a": 1})
    raise SystemExit("log before init is taken")
except wandb.Error:
    pass
with wandb.init(project="p", config=argparse.Namespace(lr=1.0, epochs=3)) as run:
    c = wandb.config
    assert (c.lr, c["epochs"], c.net, c.get("none", 5), c.opt) == (0.1, 3, {"depth": 2}, 5, None), dict(c)
    assert run.config is c and "lr" in c and sorted(c.keys()) == ["epochs", "lr", "net", "opt"] and len(c) == 4
    c.update({"lr": 9, "seed": 1})
    assert c.lr == 0.1 and c.seed == 1
    try:
        c.epochs = 4
        raise SystemExit("a value is changed")
    except wandb.Error:
        pass
    c.update({"epochs": 4}, allow_val_change=True)
    c.setdefaults({"epochs": 5, "more": 6})
    assert (c.epochs, c.more) == (4, 6)
    assert run.id == "0" and wandb.run is run
assert wandb.run is None
""", {"TOURNEY_PARAMS": path})

    def test_summary_and_what_does_nothing(self):
        rows, err = script("""
import wandb
wandb.login()
run = wandb.init(settings=wandb.Settings(start_method="thread"), mode="online", tags=["x"])
wandb.define_metric("loss", summary="min")
run.define_metric("acc", summary="best", goal="maximize")
wandb.watch(None); wandb.watch(None)
for v in (3, 1, 2):
    run.log({"loss": v, "acc": v, "last": v, "image": wandb.Image([1]), "table": wandb.Table(columns=["a"])})
run.summary["own"] = 5
wandb.summary.update({"more": 6})
assert dict(run.summary) == {"loss": 1, "acc": 3, "last": 2, "own": 5, "more": 6}, run.summary
wandb.plot.line(None, "x", "y")
try:
    wandb.Api()
    raise SystemExit("there is an Api")
except wandb.Error as e:
    assert "Tourney" in str(e)
""")
        self.assertEqual([r["step"] for r in rows], [1, 2, 3])
        self.assertEqual(err.count("watch does nothing"), 1)
        self.assertEqual(err.count("'image' is no number"), 1)

    def test_it_says_what_it_shadows(self):
        with tempfile.TemporaryDirectory() as d:
            os.mkdir(os.path.join(d, "wandb"))
            Path(d, "wandb", "__init__.py").write_text("real = True\n")
            _, err = script("import wandb; assert not hasattr(wandb, 'real')", path=(SHIM, d))
            self.assertIn(os.path.join(d, "wandb"), err)
            _, err = script("import wandb; assert wandb.real", path=(d,))
            self.assertEqual(err, "")

    def test_artifacts(self):
        with tempfile.TemporaryDirectory() as d:
            Path(d, "model.bin").write_text("weights")
            script(f"""
import wandb
wandb.init()
a = wandb.Artifact("model", type="model")
a.add_file({os.path.join(d, "model.bin")!r})
wandb.log_artifact(a)
bad = wandb.Artifact("bad")
bad.add_file({os.path.join(d, "model.bin")!r}, name="../../escaped")
try:
    wandb.log_artifact(bad)
    raise SystemExit("a file is written outside")
except wandb.Error:
    pass
""", {"TOURNEY_ARTIFACT_DIR": os.path.join(d, "kept")})
            self.assertEqual(Path(d, "kept", "model", "model.bin").read_text(), "weights")

    def test_reports_go_to_the_worker(self):
        worker = Worker()
        self.addCleanup(worker.close)
        rows, _ = script("import wandb; wandb.init(); wandb.log({'loss': float('inf')})", worker.env)
        self.assertEqual(rows, [])
        self.assertEqual(worker.got, [("Bearer secret", {"step": 1, "metrics": {"loss": "inf"}})])


class Errors(unittest.TestCase):
    def test_a_token_does_not_travel_in_the_open(self):
        with self.assertRaises(tourney.ForbiddenError):
            tourney.Client("http://example.com", "secret")

    def test_no_server(self):
        with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as s:
            port = s.server_port
        with self.assertRaisesRegex(tourney.UnavailableError, "Is the server up"):
            tourney.Client(f"http://127.0.0.1:{port}", patience=0).health()

    def test_settings(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as f:
            f.write("server: http://127.0.0.1:9  # here\ntoken: 'abc'\nworkers: 3\n")
        self.addCleanup(os.unlink, f.name)
        with mock.patch.dict(os.environ, {"TOURNEY_CONFIG": f.name}):
            os.environ.pop("TOURNEY_SERVER", None)
            self.assertEqual(tourney.Client().url, "http://127.0.0.1:9")
            self.assertEqual(tourney.Client("http://127.0.0.1:10/").url, "http://127.0.0.1:10")

    def test_wrong_ranges(self):
        for wrong in (lambda: tourney.Float(1, 0), lambda: tourney.Float(0, 1, log=True), lambda: tourney.Int(1, 5, step=0), lambda: tourney.Categorical([]),
                      lambda: tourney.Categorical([object()]), lambda: tourney.Float(0, float("nan")), lambda: tourney.Float(1, 2, step=0.1, log=True)):
            with self.assertRaises(ValueError):
                wrong()


if __name__ == "__main__":
    unittest.main()
