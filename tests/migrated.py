"""A PostgreSQL cluster with all tables and nothing in them: each process of the suite and the crash campaign begin with
a copy. Running the migrations takes longer than most files of tests. `tests.prepared` makes its tables by itself.

It is kept in pytest's cache under the hash of what decides about tables, so that the next session finds it.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from config import embedded
from config.supervisor import fingerprints

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".pytest_cache" / "d" / "migrated"
# The suite's data outlives nothing: no waiting for the disk.
HURRIED = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
DECIDING = ("*/migrations/*.py", "*/models.py", "*/*/models.py", "*/fields.py", "*/*/fields.py", "requirements.txt")


def copy_to(state_dir: Path) -> None:
    """Makes `postgres` in a state folder, and the mark by which `up` knows that nothing is left to migrate."""
    made = KEPT / _inputs()
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suite's processes want it at the same time
        if not made.exists():
            _make(made)
        state_dir.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", f"{made}/.", state_dir], check=True)  # with owners: PostgreSQL may run as nobody


def _inputs() -> str:
    files = sorted({path for pattern in DECIDING for path in ROOT.glob(pattern) if ".venv" not in path.parts})
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _make(made: Path) -> None:
    """Under another name until it is whole; what was made for other migrations goes."""
    for other in KEPT.iterdir():
        if other.is_dir():
            shutil.rmtree(other)
    fresh = made.with_suffix(".new")
    embedded.init_postgres(fresh / "postgres")
    with server(fresh / "postgres", fresh / "postgres.log") as port:
        url = f"postgres://breakglass@127.0.0.1:{port}/breakglass"
        env = {**os.environ, "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "BREAKGLASS_STATE": str(fresh)}
        command = [sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"]
        subprocess.run(command, cwd=ROOT, env=env, check=True)
    (fresh / "postgres.log").unlink()
    (fresh / "run").mkdir()
    fingerprints.remember(fresh, "migrate", fingerprints.migrations(ROOT, fresh))
    fresh.rename(made)


@contextmanager
def server(data: Path, log: Path) -> Iterator[int]:
    """A hurried PostgreSQL over this folder; its port."""
    port = embedded.free_port()
    with log.open("wb") as out:
        process = start([*embedded.postgres_command(data, port), *HURRIED], out)
    try:
        embedded.wait_for_port(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def start(command: Sequence[str], out: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command, cwd="/", stdout=out, stderr=out, start_new_session=True, preexec_fn=embedded.unprivileged()
    )
