"""A real PostgreSQL of its own, in a folder, on a free port; for tests and benches. Never a service of the machine."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench.influxd import free_port

USER = "lampwell"


def program(name: str) -> str:
    """Where a server program is; Debian keeps them out of the PATH. RuntimeError names the package."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    where = str(found[0]) if found else shutil.which(name)
    if where is None:
        raise RuntimeError(f"PostgreSQL's {name} is not here; install the Debian package postgresql")
    return where


class Postgres:
    """``create``, ``start``, ``stop``, ``restart``, ``remove`` and ``url``. It refuses to run as root, so root hands it to
    another user; its folder is its own, since a test's temporary folder is closed to other users. ``durable``: with fsync, to
    measure.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._folder, self._port = Path(tempfile.mkdtemp(prefix="lampwell-postgres-")), free_port()
        self._fsync = "on" if durable else "off"
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = _another_user() if os.geteuid() == 0 else None

    @property
    def data(self) -> Path:
        """The cluster's folder, with its pg_hba.conf."""
        return self._folder / "data"

    @property
    def url(self) -> str:
        """As a person writes it; whoever is on this machine may come in, while it runs."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"

    def create(self) -> None:
        """Make the cluster."""
        if self._owner:
            os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
        self._run([program("initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"])

    def start(self) -> None:
        """Start and wait until it answers."""
        settings = {
            "fsync": self._fsync,
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", str(self.data), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_owner())
        deadline = time.monotonic() + 30
        ready = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port), "-U", USER, "-d", "postgres"]
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start; see {self._folder}/log")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once: connections are cut."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait(20)
            self._process = None

    def restart(self) -> None:
        """Stop at once and start again, on the same port and data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **self._as_owner())

    def _as_owner(self) -> dict[str, object]:
        if not self._owner:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": [], "cwd": "/"}


def _another_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
