"""The supervisor itself, on processes that misbehave."""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from config.supervisor.main import _names, add_arguments
from config.supervisor.output import LONGEST, Output
from config.supervisor.service import GRACE, Service, Wave
from config.supervisor.supervise import Supervisor
from tests import loops

DEAF = "trap '' TERM INT; touch \"$0\"; while :; do sleep 0.2; done"


def supervise(
    folder: Path, services: Sequence[Service], meanwhile: Callable[[Supervisor, Output], object] = lambda *_: None
) -> tuple[int, float]:
    """Runs them until stopped; `meanwhile` is asked ten times a second and may send signals. Status and seconds."""
    (folder / "run").mkdir(exist_ok=True)

    async def run() -> int:
        output = Output()
        supervisor = Supervisor(services, state_dir=folder, output=output)

        async def ask() -> None:
            while True:
                await asyncio.sleep(0.1)
                meanwhile(supervisor, output)

        asking = asyncio.create_task(ask())
        try:
            return await supervisor.run(lambda failed: f"ready; failed: {failed}")
        finally:
            asking.cancel()

    began = time.monotonic()
    return loops.run(asyncio.wait_for(run(), 60)), time.monotonic() - began


def stop_once_ready(supervisor: Supervisor, _output: Output) -> None:
    if all(event.is_set() for event in supervisor.is_ready.values()) and not supervisor.stopping.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def deaf(folder: Path, wave: Wave) -> Service:
    """It is ready once it does not listen: a signal before that would end it."""
    mark = folder / f"{wave.name}.deaf"

    async def ready() -> bool:
        return mark.exists()

    return Service(wave.name.lower(), ("sh", "-c", DEAF, str(mark)), wave=wave, ready=ready)


def test_who_does_not_listen_is_ended_within_ten_seconds_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sum(GRACE.values()) < 9, "the rest is for ending them, and for a busy machine"
    for wave, seconds in GRACE.items():
        monkeypatch.setitem(GRACE, wave, seconds / 4)
    status, seconds = supervise(tmp_path, [deaf(tmp_path, wave) for wave in reversed(Wave)], stop_once_ready)
    assert sum(GRACE.values()) < seconds < 10
    said = [line for line in capsys.readouterr().out.splitlines() if "did not stop" in line]
    assert status == 0
    assert [line.split()[2] for line in said] == ["application", "chain", "store"]
    assert not list((tmp_path / "run").glob("*.pid"))


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    asked: list[float] = []

    def twice(supervisor: Supervisor, _output: Output) -> None:
        if all(event.is_set() for event in supervisor.is_ready.values()) and len(asked) < 2:
            os.kill(os.getpid(), signal.SIGINT)
            asked.append(time.monotonic())

    supervise(tmp_path, [deaf(tmp_path, wave) for wave in Wave], twice)
    assert time.monotonic() - asked[1] < 5


def test_what_keeps_dying_is_started_ever_more_slowly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()

    def stop(supervisor: Supervisor, _output: Output) -> None:
        if time.monotonic() - began > 2.2 and not supervisor.stopping.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    supervise(tmp_path, [Service("weak", ("sh", "-c", "exit 3"))], stop)
    said = [line for line in capsys.readouterr().out.splitlines() if "starting it again" in line]
    assert [line.rpartition(" in ")[2] for line in said] == ["0.5 s", "1 s", "2 s"]
    assert all("weak ended with exit status 3" in line for line in said)


def test_a_vital_job_that_fails_stops_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = [
        Service("migrate", ("sh", "-c", "echo why; exit 4"), once=True),
        Service("web", ("sh", "-c", "echo never"), needs=("migrate",)),
    ]
    status, _ = supervise(tmp_path, services)
    said = capsys.readouterr().out
    assert status == 1
    assert "migrate  | why" in said
    assert "migrate ended with exit status 4: its output is above; stopping" in said
    assert "never" not in said


def test_the_start_goes_on_without_what_is_not_vital(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = [
        Service("demo", ("false",), once=True, vital=False),
        Service("web", ("sleep", "60"), needs=("demo",)),
    ]
    status, _ = supervise(tmp_path, services, stop_once_ready)
    assert status == 0
    assert "ready; failed: ['demo']" in capsys.readouterr().out


def test_a_program_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = supervise(tmp_path, [Service("migrate", ("/nowhere/at-all",), once=True)])
    assert status == 1
    assert "migrate cannot be started: No such file or directory: /nowhere/at-all" in capsys.readouterr().out


def test_jobs_alone_end_by_themselves(tmp_path: Path) -> None:
    status, seconds = supervise(tmp_path, [Service("static", ("true",), once=True)])
    assert (status, seconds < 5) == (0, True)


def test_a_child_of_a_dead_child_does_not_live_on(tmp_path: Path) -> None:
    """It would keep the port, and the next start would fail."""
    orphan = tmp_path / "orphan"
    command = ("sh", "-c", f"sleep 60 & echo $! > '{orphan}'; sleep 0.3; exit 1")

    def stop(supervisor: Supervisor, _output: Output) -> None:
        if orphan.exists() and "web" not in supervisor.running and not supervisor.stopping.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    supervise(tmp_path, [Service("web", command)], stop)
    pid = int(orphan.read_text())
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_line_without_end_is_broken_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("sh", "-c", f"head -c {LONGEST * 3} /dev/zero | tr '\\0' x; echo; echo last")
    supervise(tmp_path, [Service("talk", command, once=True)])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("talk")]
    assert "talk     | last" in lines
    assert sum(line.count("x") for line in lines) == LONGEST * 3


def test_a_repeated_option_adds_to_what_was_said() -> None:
    """The second `--without` once replaced the first, and what should have stayed away was started."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = parser.parse_args(["--without", "watch, mail", "--without", "devnet"])
    assert _names(given.without) == {"watch", "mail", "devnet"}
    assert _names(given.only) == frozenset()
