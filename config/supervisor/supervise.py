"""Starts processes in the order of their needs, restarts those that die, stops them all in order."""

import asyncio
import contextlib
import ctypes
import io
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from config import embedded
from config.supervisor import fingerprints, leftovers
from config.supervisor.output import Output
from config.supervisor.service import GRACE, Service, Wave

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY = 30.0  # seconds; after so long a life the next restart is quick again
SLOW_START = 120.0


def _dies_with_us() -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def setup() -> None:
        libc.prctl(embedded.PR_SET_PDEATHSIG, signal.SIGTERM)

    return setup


def describe(code: int) -> str:
    if code >= 0:
        return f"ended with exit status {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


class Supervisor:
    def __init__(self, services: Sequence[Service], *, state_dir: Path, output: Output) -> None:
        self.services = services
        self.state_dir = state_dir
        self.output = output
        self.is_ready = {service.name: asyncio.Event() for service in services}
        self.stopping = asyncio.Event()
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.failed: list[str] = []
        self.exit_status = 0
        self._pumps: set[asyncio.Task[None]] = set()

    # --- the whole ------------------------------------------------------------------------------------------------
    async def run(self, banner: Callable[[list[str]], str]) -> int:
        """Until told to stop; returns the exit status."""
        self._listen_for_signals()
        lives = [asyncio.create_task(self._live(service)) for service in self.services]
        welcome = asyncio.create_task(self._welcome(banner))
        try:
            await self._stop_asked()
        finally:
            self.stopping.set()
            welcome.cancel()
            await self._stop_in_order()
            for task in lives:
                task.cancel()
            await asyncio.gather(*lives, welcome, return_exceptions=True)
            await asyncio.wait(self._pumps, timeout=0.5) if self._pumps else None
        return self.exit_status

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if not self.stopping.is_set():
            self.output.say("up", f"{number.name}: stopping everything (again: at once)")
            self.stopping.set()
            return
        for name in list(self.running):
            self._signal(name, signal.SIGKILL)

    async def _stop_asked(self) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self.stopping, self.output.closed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _welcome(self, banner: Callable[[list[str]], str]) -> None:
        try:
            async with asyncio.timeout(SLOW_START):
                await self._all_ready()
        except TimeoutError:
            late = ", ".join(name for name, event in self.is_ready.items() if not event.is_set())
            self.output.say("up", f"after {SLOW_START:.0f} s these are not ready: {late}; their output is above")
            await self._all_ready()
        if all(service.once for service in self.services):
            self.stopping.set()  # only jobs were asked for, and they are done
            return
        self.output.plain(banner(self.failed))

    async def _all_ready(self) -> None:
        for event in self.is_ready.values():
            await event.wait()

    # --- one process ----------------------------------------------------------------------------------------------
    async def _live(self, service: Service) -> None:
        for need in service.needs:
            if need in self.is_ready:
                await self.is_ready[need].wait()
        if service.mark and service.mark() == fingerprints.done(self.state_dir, service.name) != "":
            self.is_ready[service.name].set()
            return
        pause = FIRST_PAUSE
        while not self.stopping.is_set():
            began = time.monotonic()
            code = await self._run_once(service)
            if self.stopping.is_set():
                return
            if service.once:
                self._finish_job(service, code)
                return
            if time.monotonic() - began > STEADY:
                pause = FIRST_PAUSE
            self.output.say("up", f"{service.name} {describe(code)}: starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run_once(self, service: Service) -> int:
        try:
            process = await self._spawn(service)
        except OSError as error:
            self.output.say("up", f"{service.name} cannot be started: {error.strerror}: {service.command[0]}")
            return 127
        self.running[service.name] = process
        leftovers.remember(self.state_dir, service.name, process.pid)
        watch = asyncio.create_task(self._watch_ready(service))
        code = await process.wait()
        watch.cancel()
        del self.running[service.name]
        # Its own children must not live on without it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        leftovers.forget(self.state_dir, service.name)
        return code

    async def _spawn(self, service: Service) -> asyncio.subprocess.Process:
        # A pipe of our own: with asyncio's, a death is only known once the child's own children have closed it too.
        ours, theirs = os.pipe()
        self._pump(service.name, os.fdopen(ours, "rb", 0))
        try:
            return await asyncio.create_subprocess_exec(
                *service.command,
                cwd="/" if service.unprivileged else None,
                env={**os.environ, **service.env, leftovers.MARK: str(self.state_dir)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=embedded.unprivileged(signal.SIGINT) if service.unprivileged else _dies_with_us(),
            )
        finally:
            os.close(theirs)

    def _pump(self, name: str, pipe: io.FileIO) -> None:
        async def pump() -> None:
            stream = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
            await self.output.pump(name, stream)

        task = asyncio.create_task(pump())
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)

    async def _watch_ready(self, service: Service) -> None:
        if service.once:
            return
        pause = 0.05
        while service.ready and not await service.ready():
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 0.5)
        if self.is_ready[service.name].is_set():
            self.output.say("up", f"{service.name} runs again")
        self.is_ready[service.name].set()

    def _finish_job(self, service: Service, code: int) -> None:
        if code == 0 or not service.vital:
            if code == 0 and service.mark:
                fingerprints.remember(self.state_dir, service.name, service.mark())
            if code:
                self.failed.append(service.name)
                self.output.say("up", f"{service.name} {describe(code)}: going on without it")
            self.is_ready[service.name].set()
            return
        self.output.say("up", f"{service.name} {describe(code)}: its output is above; stopping")
        self.exit_status = 1
        self.stopping.set()

    # --- stopping -------------------------------------------------------------------------------------------------
    def _signal(self, name: str, number: signal.Signals, group: bool = True) -> None:
        process = self.running.get(name)
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number) if group else os.kill(process.pid, number)

    async def _stop_in_order(self) -> None:
        for wave in Wave:
            wanted = {s.name: s for s in self.services if s.wave == wave}
            for name, service in wanted.items():
                # Only the process itself: it ends its own children, in its own order.
                self._signal(name, service.stop, group=False)
            await self._wait_gone(wanted, GRACE[wave])
            for name in wanted.keys() & self.running.keys():
                self.output.say("up", f"{name} did not stop within {GRACE[wave]:g} s: ending it")
                self._signal(name, signal.SIGKILL)
            await self._wait_gone(wanted, 0.5)
        self.output.say("up", "stopped")

    async def _wait_gone(self, names: dict[str, Service], seconds: float) -> None:
        end = time.monotonic() + seconds
        while names.keys() & self.running.keys() and time.monotonic() < end:
            await asyncio.sleep(0.02)
