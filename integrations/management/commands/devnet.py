"""`manage.py devnet …`: the local chain with the demo on it, and the ways to break it."""

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.devnet import prices
from integrations.devnet.abi import ask
from integrations.devnet.anvil import AnvilError
from integrations.devnet.builder import BuildError
from integrations.devnet.chain import KEYS
from integrations.devnet.deploy import NotTheDevnet, complete, deploy, describe, require_devnet
from integrations.devnet.faults import FAULTS, World
from integrations.devnet.faults.board import FaultBoard
from integrations.devnet.proxy import RpcProxy
from integrations.devnet.rpc import Rpc, RpcDown, RpcError
from integrations.devnet.run import DevnetProcess, reset
from ledger.errors import Invalid


class Command(BaseCommand):
    help = "The local chain with the demo on it, and the ways to break it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rpc-url", default="", help="another endpoint of the devnet than DEVNET_RPC_URL")
        verbs = parser.add_subparsers(dest="verb", required=True, parser_class=ArgumentParser)
        verbs.add_parser("run", help="Anvil, the demo's contracts and the keeper, until stopped")
        verbs.add_parser("deploy", help="put on a running devnet what is missing there")
        verbs.add_parser("status", help="the chain, the feeds, the vault, the faults that are on")
        verbs.add_parser("wallets", help="the ten accounts that everybody knows the keys of")
        verbs.add_parser("reset", help="forget the chain; the next run begins anew")
        fault = verbs.add_parser("fault", help="break something: fault list, fault <name> [clear]")
        fault.add_argument("name", nargs="?", default="list", help="without one: the ways there are")
        fault.add_argument("action", nargs="?", choices=("start", "clear"), default="start")
        fault.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. percent=-30")
        proxy = verbs.add_parser("proxy", help="a fault-injecting proxy before the devnet, until stopped")
        proxy.add_argument("--port", type=int, default=0)

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DEVNET_ENABLED:
            raise CommandError("The devnet is off here (DEVNET_ENABLED).")
        try:
            getattr(self, f"do_{options['verb']}")(options)
        except (AnvilError, NotTheDevnet, BuildError, RpcDown, RpcError) as error:
            raise CommandError(str(error)) from error
        except Invalid as error:
            raise CommandError(f"{error} ({error.hint})" if error.hint else str(error)) from error

    @property
    def state_dir(self) -> Path:
        return Path(settings.STATE_DIR)

    def do_run(self, options: dict[str, Any]) -> None:
        process = DevnetProcess(self.state_dir, _port(_url(options)), say=self._say)
        process.obey_signals()
        process.run()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def do_deploy(self, options: dict[str, Any]) -> None:
        deployment = deploy(_url(options), state_dir=self.state_dir)
        self.stdout.write(f"Everything stands; the vault is {deployment.vault}.")

    def do_status(self, options: dict[str, Any]) -> None:
        rpc = self._rpc(options)
        self.stdout.write(f"{rpc.url}  chain {rpc.chain_id()}  block {rpc.block_number()}")
        if not complete(rpc):
            self.stdout.write("Not everything stands: `manage.py devnet deploy`.")
            return
        deployment = describe(rpc)
        now = rpc.timestamp()
        for feed in deployment.feeds:
            answer = prices.latest(rpc, feed)
            age = now - answer.updated_at
            state = "stale" if age > feed.heartbeat else "fresh"
            self.stdout.write(f"{feed.name}  {prices.shown(answer.price)}  {age} s old of {feed.heartbeat}  {state}")
        paused = ask(rpc, deployment.vault, "paused()", returns="bool")[0]
        self.stdout.write(f"vault {deployment.vault}  {'PAUSED' if paused else 'open'}")
        for fault in FaultBoard(self.state_dir).active.values():
            self.stdout.write(f"fault {fault.name} is on  {fault.config}")

    def do_wallets(self, options: dict[str, Any]) -> None:
        self.stdout.write("Their keys are public: never send anything of worth to them.")
        for account in KEYS:
            self.stdout.write(f"#{account.index}  {account.address}  {account.name}: {account.role}\n    {account.key}")

    def do_reset(self, options: dict[str, Any]) -> None:
        try:
            Rpc(_url(options), timeout=2).chain_id()
        except RpcDown:
            removed = reset(self.state_dir)
            self.stdout.write(f"Forgotten: {', '.join(removed) or 'nothing was kept'}.")
            return
        raise CommandError(
            "The devnet is running: stop it first (Ctrl-C on `manage.py up`), or it would save itself again."
        )

    def do_fault(self, options: dict[str, Any]) -> None:
        if options["name"] == "list":
            on = FaultBoard(self.state_dir).active
            for name, member in FAULTS.items():
                self.stdout.write(f"{name:<14} {'ON ' if name in on else '   '} {member.__doc__}")
            return
        rpc = self._rpc(options)
        if not complete(rpc):
            raise CommandError("The demo does not stand on this chain: `manage.py devnet deploy`.")
        world = World(rpc, describe(rpc), FaultBoard(self.state_dir))
        clear = options["action"] == "clear"
        known = world.board.active.get(options["name"])
        given = known.config if clear and known else dict(_pair(pair) for pair in options["set"])
        fault = FAULTS[options["name"]](FAULTS.parse(options["name"], given))
        self.stdout.write(fault.clear(world) if clear else fault.start(world))

    def do_proxy(self, options: dict[str, Any]) -> None:
        self._rpc(options)
        stops = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # waited for even where a script's `&` has Ctrl-C ignored
        with RpcProxy(_url(options), port=options["port"]) as proxy:
            self._say(f"{proxy.url} stands before {proxy.upstream}; faults at {proxy.url}/_control/faults.")
            signal.sigwait(stops)

    def _rpc(self, options: dict[str, Any]) -> Rpc:
        rpc = Rpc(_url(options), timeout=10)
        require_devnet(rpc)
        return rpc


def _url(options: dict[str, Any]) -> str:
    return str(options["rpc_url"] or settings.DEVNET_RPC_URL)


def _port(url: str) -> int:
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1") or not parts.port:
        raise CommandError(
            f"DEVNET_RPC_URL must name a port on this machine, such as http://127.0.0.1:8545, not {url}."
        )
    return parts.port


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise CommandError(f"--set takes KEY=VALUE, not {text!r}.")
    return key, value
