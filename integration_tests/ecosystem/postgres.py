"""A PostgreSQL server of Debian's for a test: found, set up in a folder of its own, ended again.

Decides alone where the server's programs are and as whom they run: PostgreSQL refuses to be root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
USER = "warehouse"
DATABASE = "postgres"
START_SECONDS = 60
# Nothing here has to survive a power cut.
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`: Debian keeps them off the search path."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextmanager
def running(bin_folder: Path) -> Iterator[dict[str, object]]:
    """What a client needs to connect."""
    # Not below pytest's folder, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory(prefix="postgres-", dir="/tmp") as name:
        folder = Path(name)
        _hand_over(folder)
        data, port = folder / "data", _free_port()
        _run(bin_folder / "initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync")
        options = f"-p {port} -c listen_addresses={HOST} -c unix_socket_directories={folder} {FAST}"
        control = (bin_folder / "pg_ctl", "-D", data, "-w", "-t", START_SECONDS)
        _run(*control, "-l", folder / "log", "-o", options, "start")
        try:
            yield {
                "host": HOST,
                "port": port,
                "username": USER,
                "password": "trusted",
                "database": DATABASE,
            }
        finally:
            _run(*control, "-m", "immediate", "stop")


def _run(*command: Path | str | int) -> None:
    # Into nowhere and not into pipes, which the server would inherit and keep open.
    nowhere, user = subprocess.DEVNULL, _user()
    subprocess.run(
        [str(word) for word in command],
        stdin=nowhere,
        stdout=nowhere,
        stderr=nowhere,
        cwd="/",
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        check=True,
    )


def _hand_over(folder: Path) -> None:
    if user := _user():
        os.chown(folder, user.pw_uid, user.pw_gid)


def _user() -> pwd.struct_passwd | None:
    """Whom to run as instead of root: Debian's own user for it, else the one that owns nothing."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port
