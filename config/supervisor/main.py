"""`manage.py up`: everything that Breakglass needs, in one process tree."""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from config import embedded
from config.environment import write_runtime
from config.start import settings_or_exit
from config.supervisor import leftovers
from config.supervisor.banner import banner
from config.supervisor.output import Output
from config.supervisor.plan import ROOT, BadOption, Options, environment, services
from config.supervisor.service import Service
from config.supervisor.supervise import Supervisor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, words in (("--only", "only these processes"), ("--without", "all but these processes")):
        told = f"{words}, separated by commas; may be repeated"
        parser.add_argument(name, action="append", default=[], metavar="NAMES", help=told)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    add_arguments(parser)
    given = parser.parse_args(arguments)
    return up(only=given.only, without=given.without)


def up(*, only: Sequence[str] = (), without: Sequence[str] = ()) -> int:
    began = time.monotonic()
    try:
        options = _options(only, without)
        env = environment(options)
        wanted = services(options, env)
    except BadOption as error:
        return _refuse(str(error))
    if options.production:
        settings_or_exit()
    locks = leftovers.Locks(options.state_dir)
    if taken := locks.take(service.name for service in wanted):
        names = ", ".join(taken)
        return _refuse(f"already running in {options.state_dir}: {names} (supervised by pid {max(taken.values())})")
    for service in wanted:
        if leftovers.end(options.state_dir, service.name, service.stop):
            print(f"up       | ended a {service.name} that a former start had left", flush=True)
    if message := _taken_ports(wanted):
        return _refuse(message)
    try:
        _prepare(options, env, wanted)
    except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
        return _refuse(f"cannot prepare {options.state_dir}: {_why(error)}")

    async def run() -> int:
        supervisor = Supervisor(wanted, state_dir=options.state_dir, output=Output())
        return await supervisor.run(lambda failed: banner(options, env, time.monotonic() - began, failed))

    return asyncio.run(run())


def _options(only: Sequence[str], without: Sequence[str]) -> Options:
    profile = os.environ.get("BREAKGLASS_PROFILE", "demo")
    if profile not in ("demo", "test", "production"):
        raise BadOption(f"BREAKGLASS_PROFILE is {profile!r}: it must be demo, test or production")
    return Options(
        profile=profile,
        state_dir=Path(os.environ.get("BREAKGLASS_STATE") or ROOT / ".breakglass").absolute(),
        environ=dict(os.environ),
        only=_names(only),
        without=_names(without),
    )


def _names(given: Sequence[str]) -> frozenset[str]:
    """Separated by commas, or said one by one."""
    return frozenset(name.strip() for text in given for name in text.split(",") if name.strip())


def _refuse(message: str) -> int:
    print(f"manage.py up: {message}", file=sys.stderr, flush=True)
    return 1


def _taken_ports(wanted: Sequence[Service]) -> str:
    for service in wanted:
        if service.port is None:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", service.port.number))
            except OSError:
                return (
                    f"port {service.port.number}, which {service.name} needs, is taken: "
                    f"set {service.port.setting} to another one, for example "
                    f"{service.port.setting}={embedded.free_port()} make run"
                )
    return ""


def _prepare(options: Options, env: dict[str, str], wanted: Sequence[Service]) -> None:
    options.state_dir.mkdir(parents=True, exist_ok=True)
    if not options.production:
        write_runtime(options.state_dir / "runtime.env", env)
    if any(service.name == "postgres" for service in wanted):
        embedded.init_postgres(options.state_dir / "postgres")


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return (error.stderr or b"").decode(errors="replace").strip() or str(error)
    return str(error)
