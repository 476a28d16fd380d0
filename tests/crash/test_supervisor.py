"""`manage.py up` under fire: killed children, a killed supervisor, taken ports, two at once."""

import os
import signal
import socket
import stat as modes
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.supervisor import leftovers
from tests.stack import ROOT, Stack, running

SMALL = ("--without", "demo")
CHILDREN = ("web", "worker", "beat", "ledger", "watch", "status", "mail", "devnet", "redis", "postgres")


def eventually(what: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


def ready(stack: Stack) -> bool:
    return stack.get("/readyz")[1].get("parts", {}).get("database", {}).get("ok", False) if stack.pid("web") else False


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(*SMALL) as found:
        yield found


def test_every_killed_child_is_started_again(stack: Stack) -> None:
    before = {name: stack.pid(name) for name in CHILDREN}
    assert all(before.values())
    for name in before:
        os.kill(before[name], signal.SIGKILL)
    eventually(lambda: all(stack.pid(name) not in (0, before[name]) for name in before))
    eventually(lambda: stack.get("/healthz")[0] == 200)
    eventually(lambda: ready(stack))
    for name in before:
        assert f"{name} was ended by SIGKILL: starting it again in 0.5 s" in stack.log
    for name in ("web", "status", "mail", "devnet", "redis", "postgres"):
        eventually(lambda name=name: f"{name} runs again" in stack.log)  # type: ignore[misc]  # bound early


def test_a_second_start_in_the_same_folder_says_who_runs(stack: Stack) -> None:
    assert stack.process
    said = subprocess.run(
        [sys.executable, "manage.py", "up", *SMALL], cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=30
    )
    assert said.returncode == 1
    assert "already running" in said.stderr
    assert f"pid {stack.process.pid}" in said.stderr
    assert "Traceback" not in said.stderr


def stops_and_leaves_nothing(stack: Stack, number: signal.Signals) -> None:
    assert stack.living()
    assert stack.stop(number) < 10
    assert stack.process
    assert stack.process.returncode == 0
    assert stack.living() == []
    assert stack.log.rstrip().endswith("stopped")
    order = [line.split()[0] for line in stack.log.splitlines() if "shut down" in line or "bye bye" in line]
    assert order[-1] in ("postgres", "redis"), "the stores end last"


def test_ctrl_c_leaves_nothing_and_the_next_start_keeps_the_keys(stack: Stack) -> None:
    file = stack.state_dir / "runtime.env"
    assert modes.S_IMODE(file.stat().st_mode) == 0o600
    keys = {name: stack.runtime[name] for name in ("SECRET_KEY", "FIELD_KEYS")}
    stops_and_leaves_nothing(stack, signal.SIGINT)
    stack.start()
    assert {name: stack.runtime[name] for name in keys} == keys


def test_after_a_killed_supervisor_the_next_start_clears_up(stack: Stack) -> None:
    before = {each.pid for each in stack.living()}
    assert stack.process
    stack.process.kill()
    stack.process.wait(5)
    stack.start()
    eventually(lambda: ready(stack))
    after = {each.pid for each in stack.living()}
    assert not before & after, "children of the killed supervisor still run"


def test_sigterm_leaves_nothing(stack: Stack) -> None:
    stops_and_leaves_nothing(stack, signal.SIGTERM)


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        stack = Stack.prepare(tmp_path / "state", *SMALL, PORT=str(port))
        stack.begin()
        assert stack.process
        assert stack.process.wait(20) == 1
    assert f"port {port}, which web needs, is taken: set PORT to another one" in stack.log
    assert stack.living() == []


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("--only", "wbe"), {}, "there is no process 'wbe' here: choose from"),
        ((), {"PORT": "eighty"}, "PORT is 'eighty': it must be a port number"),
        ((), {"BREAKGLASS_PROFILE": "prod"}, "BREAKGLASS_PROFILE is 'prod'"),
        (("--only", "web"), {"BREAKGLASS_PROFILE": "production"}, "SECRET_KEY is not set"),
    ],
)
def test_what_cannot_be_followed_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    stack = Stack.prepare(tmp_path / "state", *arguments, **env)
    stack.begin()
    assert stack.process
    assert stack.process.wait(20) == 1
    assert said in stack.log
    assert len(stack.log.strip().splitlines()) == 1


def _sleeper(state_dir: Path, **env: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "60"], start_new_session=True, env={**os.environ, **env})


def test_a_pid_that_belongs_to_somebody_else_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    stranger = _sleeper(tmp_path)
    try:
        found = leftovers.stat(stranger.pid)
        assert found
        (tmp_path / "run" / "web.pid").write_text(f"{stranger.pid} {found.started - 1}\n")
        assert not leftovers.end(tmp_path, "web", signal.SIGTERM)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_what_a_killed_supervisor_left_is_ended(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    left = _sleeper(tmp_path)
    leftovers.remember(tmp_path, "web", left.pid)
    assert leftovers.end(tmp_path, "web", signal.SIGTERM)
    assert left.wait(5) == -signal.SIGTERM
    assert not (tmp_path / "run" / "web.pid").exists()


def test_orphans_of_a_dead_child_are_ended_where_they_say_whose_they_are(tmp_path: Path) -> None:
    """The child is gone, its own children live on in its process group."""
    (tmp_path / "run").mkdir()
    parent = subprocess.Popen(
        ["sh", "-c", "sleep 60 & sleep 60 & echo started; read line"],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, leftovers.MARK: str(tmp_path)},
    )
    assert parent.stdout
    assert parent.stdout.readline() == b"started\n"
    leftovers.remember(tmp_path, "worker", parent.pid)
    parent.kill()
    parent.wait()
    assert len(leftovers.left_of(tmp_path, "worker")) == 2
    assert leftovers.end(tmp_path, "worker", signal.SIGTERM)
    assert leftovers.left_of(tmp_path, "worker") == []
    parent.stdout.close()
    assert parent.stdin
    parent.stdin.close()
