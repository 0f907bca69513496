"""The functions' own app.py, with a watcher over its shoulder. Each runner of these tests loads this as its `app`."""

from __future__ import annotations

import faulthandler
import importlib.util
import signal
import sys
from typing import Any

from pgdesk.environment import ROOT
from tests.faults import points


def load() -> Any:
    """The Chalice object of functions/app.py, with its points watched.

    SIGUSR1 writes into the runner's log where each of its threads stands: for tests that get stuck.
    """
    faulthandler.register(signal.SIGUSR1)
    functions = ROOT / "functions"
    sys.path.insert(0, str(functions))
    points.watch()
    spec = importlib.util.spec_from_file_location("functions_app", functions / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["functions_app"] = module
    spec.loader.exec_module(module)
    return module.app
