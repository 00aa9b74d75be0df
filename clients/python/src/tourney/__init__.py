"""Tourney: search for the best model and hyperparameters by tournament.

Client speaks to a server; create_study is a loop of one's own whose search runs there; params, report,
checkpoint_dir and should_stop are for programs that a worker runs as trials.
"""

from ._errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, StaleError, TourneyError, UnavailableError
from ._events import Event
from ._trial import artifact_dir, budget, checkpoint_dir, in_trial, params, report, should_stop, start_step
from .client import Client, Sweep
from .study import Categorical, Distribution, Float, Int, Study, Trial, TrialPruned, create_study, load_study

__version__ = "0.1.0"

__all__ = [
    "Categorical", "Client", "ConflictError", "Distribution", "Event", "Float", "ForbiddenError", "Int", "InvalidError",
    "NotFoundError", "StaleError", "Study", "Sweep", "TourneyError", "Trial", "TrialPruned", "UnavailableError",
    "artifact_dir", "budget", "checkpoint_dir", "create_study", "in_trial", "load_study", "params", "report", "should_stop",
    "start_step",
]
