"""Back to nothing."""

from __future__ import annotations

import shutil

from infra.local.postgres import Cluster
from infra.local.settings import Settings
from infra.local.stack import ask_to_stop
from pgdesk.environment import postgres_version

KEPT = {"cache"}  # downloads, the same whatever the data


def reset(settings: Settings) -> None:
    """Stop what runs over the data folder and delete what is in it."""
    ask_to_stop(settings.data)
    if not settings.data.exists():
        return
    Cluster(settings, postgres_version()).stop()  # left over by a stack that was killed
    for entry in settings.data.iterdir():
        if entry.name in KEPT:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
