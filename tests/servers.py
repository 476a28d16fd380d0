"""Real PostgreSQL and Redis for the suite, a pair for each of its processes; an early plugin, since Django reads its
settings before any conftest."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded
from tests import migrated

os.environ["BREAKGLASS_PROFILE"] = "test"
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
# Playwright keeps an event loop in the suite's own thread; Django would take every test for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def _start() -> None:
    """Before Django reads its settings: the servers must be known by then."""
    folder = Path(tempfile.mkdtemp(prefix="breakglass-test-"))
    os.environ["BREAKGLASS_STATE"] = str(folder / "state")
    (folder / "state" / "static").mkdir(parents=True)  # whitenoise warns where there is none
    processes: list[subprocess.Popen[bytes]] = []

    def stop() -> None:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    pg_port, redis_port = embedded.free_port(), embedded.free_port()
    migrated.copy_to(folder)
    for command, log in (
        ([*embedded.postgres_command(folder / "postgres", pg_port), *migrated.HURRIED], "postgres.log"),
        ([*embedded.redis_command(folder / "redis", redis_port), "--appendonly", "no"], "redis.log"),
    ):
        with (folder / log).open("wb") as out:
            processes.append(migrated.start(command, out))
    for process, port in zip(processes, (pg_port, redis_port), strict=True):
        embedded.wait_for_port(port, process)
    os.environ["DATABASE_URL"] = f"postgres://breakglass@127.0.0.1:{pg_port}/postgres"
    os.environ["REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"


def _share() -> None:
    """What the session's processes have in common: a folder, and compiled code even where none shall be kept."""
    folder = tempfile.mkdtemp(prefix="breakglass-prepared-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["BREAKGLASS_TEST_PREPARED"] = folder
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Around pytest-django's own, which reads settings. Whoever only hands out tests to workers needs no servers."""
    hands_out = bool(getattr(early_config.known_args_namespace, "numprocesses", None))
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _share()
    if "PYTEST_XDIST_WORKER" in os.environ or not hands_out:
        _start()
    yield
