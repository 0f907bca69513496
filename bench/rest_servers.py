"""The servers that `bench.rest` compares, over one database: the gateway, @supabase/lite, the ceiling."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from bench.rest_ceiling import Statements
from infra.local.plan import VARIABLE, Plan
from infra.local.postgres.platform import SUPERUSER
from infra.local.process import Child
from infra.local.settings import Settings
from pgdesk.environment import ROOT

LITE_VERSION, DRIVER_VERSION = "0.10.0", "3.4.8"  # of @supabase/lite and of `postgres`, the driver it asks for
LITE_FOLDER = ROOT / ".pgdesk" / "cache" / f"supabase-lite-{LITE_VERSION}"
START_SECONDS = 30


@contextmanager
def gateway(settings: Settings) -> Iterator[int]:
    """The process that `make up` starts for all of /rest, /auth, /realtime and /storage; yields its number."""
    plan = settings.data / "plan.json"
    Plan(settings, ROOT / "functions").write(plan)
    log = settings.data / "logs" / "gateway.log"
    child = Child("gateway", "infra.local.gateway", log, {VARIABLE: str(plan)})
    yield from _running(child, f"{settings.api_url}/health")


@contextmanager
def ceiling(settings: Settings, statements: dict[str, Statements], port: int) -> Iterator[int]:
    """The bare application; yields the number of its process."""
    kept = settings.data / "statements.json"
    kept.write_text(json.dumps(statements))
    arguments = (str(kept), settings.database_url("authenticator"), str(port))
    child = Child("ceiling", "bench.rest_ceiling", settings.data / "logs" / "ceiling.log", arguments=arguments)
    yield from _running(child, f"http://127.0.0.1:{port}/get/1")


def lite_is_there() -> bool:
    """Whether @supabase/lite is in the cache; npm fetches it once. False where Node or npm is not on this machine."""
    if not shutil.which("node") or not shutil.which("npm"):
        return False
    if not (LITE_FOLDER / "node_modules" / "@supabase" / "lite" / "package.json").exists():
        LITE_FOLDER.mkdir(parents=True, exist_ok=True)
        packages = [f"@supabase/lite@{LITE_VERSION}", f"postgres@{DRIVER_VERSION}"]
        install = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
            str(LITE_FOLDER),
            *packages,
        ]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    return True


@contextmanager
def lite(settings: Settings, port: int) -> Iterator[int]:
    """`lite start` with its `postgres` driver; yields the number of its process."""
    project = settings.data / "lite"
    (project / "supabase").mkdir(parents=True)
    (project / "supabase" / "config.toml").write_text(f"""
[api]
port = {port}
[db]
driver = "postgres"
url = "{settings.database_url("postgres")}"
[auth]
enabled = true
jwt_secret = "{settings.keys.jwt_secret}"
publishable_key = "{settings.keys.publishable_key}"
secret_key = "{settings.keys.secret_key}"
""")
    command = LITE_FOLDER / "node_modules" / "@supabase" / "lite" / "dist" / "cli" / "index.js"
    with (settings.data / "logs" / "lite.log").open("ab") as log:
        process = subprocess.Popen(
            ["node", str(command), "start", "--no-admin"],
            cwd=project, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, "DO_NOT_TRACK": "1", "LITE_TELEMETRY": "0", "NODE_ENV": "production"},
        )  # fmt: skip
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/rest/v1/", process.poll)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def log_statements(settings: Settings, wanted: str) -> None:
    """Have the server log what new sessions of the REST login send: `all` or `none`."""
    with psycopg.connect(settings.database_url(SUPERUSER)) as connection:
        connection.execute(sql.SQL("alter role authenticator set log_statement = {}").format(sql.Literal(wanted)))


def _running(child: Child, url: str) -> Iterator[int]:
    child.start()
    try:
        _wait_until_it_answers(url, child.ended)
        assert child.pid
        yield child.pid
    finally:
        child.close()


def _wait_until_it_answers(url: str, ended: Callable[[], int | None]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and ended() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            time.sleep(0.05)
            continue
        return
    raise RuntimeError(f"no answer from {url}")
