"""`manage.py chain …`: sets up chains, endpoints and executors, and says how they do.

Whatever is secret (an endpoint's URL, a key, a token) comes from a file or from standard input, never as an argument:
arguments are in the shell's history and in everybody's list of processes.
"""

import getpass
import sys
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.chain.endpoints import glance, probe
from integrations.chain.executors import add_executor, add_remote_executor, remove_executor
from integrations.chain.executors.keystores import open_keystore
from integrations.chain.executors.remote import SignerConfig
from integrations.chain.models import Chain, Executor
from integrations.chain.probing import check
from integrations.chain.registering import ChainSettings, add_chain, add_endpoint, change_chain, remove_endpoint
from integrations.chain.selectors import executors_of
from ledger.errors import Invalid, Refused

DEMO = settings.DEVNET_ENABLED and settings.PROFILE == "demo"
ACTOR = "system:command-line"
MAX_SECRET = 64 * 1024


class Command(BaseCommand):
    help = "Chains: list, add, set, check, status; their endpoints and executors: add, remove."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="chains, endpoints and executors as they are set up; asks nobody")
        for verb, words in (("status", "how everything does now"), ("check", "whether everything is set up well")):
            one = verbs.add_parser(verb, help=f"{words}; exit code 1 if something is not")
            one.add_argument("--chain", type=int, metavar="ID", help="only this chain id")
        _settings(verbs.add_parser("add", help="a chain"), adding=True)
        _settings(verbs.add_parser("set", help="change a chain's settings"), adding=False)
        _endpoints(verbs.add_parser("endpoint", help="where a chain is asked"))
        _executors(verbs.add_parser("executor", help="accounts that pay gas"))

    def handle(self, *args: Any, **options: Any) -> None:
        verb = "_".join(part for part in (options["verb"], options.get("what") or "") if part)
        try:
            getattr(self, f"_{verb}")(options)
        except (Invalid, Refused) as error:
            field = f"{error.field}: " if isinstance(error, Invalid) and error.field else ""
            hint = f" Right would be: {error.hint}." if error.hint else ""
            raise CommandError(f"{field}{error.message.rstrip('.')}.{hint}") from None

    # --- looking

    def _list(self, options: dict[str, Any]) -> None:
        for chain in self._chains(options):
            self._head(chain)
            for one in chain.endpoints.all():
                kind = "private endpoint" if one.private_submission else "endpoint"
                self.stdout.write(
                    f"    {kind} {one.name}, priority {one.priority}{'' if one.enabled else ', disabled'}"
                )
            for executor in chain.executors.all():
                where = executor.signer_name or "sealed key"
                state = "" if executor.enabled else ", out of service"
                self.stdout.write(
                    f"    executor {executor.label} {executor.address}, {executor.environment}, {where}{state}"
                )

    def _check(self, options: dict[str, Any]) -> None:
        grave = 0
        for chain in self._chains(options):
            self._head(chain)
            for found in check(chain):
                grave += found.grave
                mark = "!" if found.grave else "?" if found.advice else " "
                self.stdout.write(f"  {mark} {found.about}: {found.words}")
        if grave:
            raise SystemExit(1)

    def _status(self, options: dict[str, Any]) -> None:
        healthy = True
        for chain in self._chains(options):
            healthy = self._show(chain) and healthy
        if not healthy:
            raise SystemExit(1)

    def _show(self, chain: Chain) -> bool:
        self._head(chain)
        glances = glance(chain)
        for one in glances:
            state = one.problem or f"block {one.head}, {one.latency_ms:.0f} ms"
            self.stdout.write(f"  {'!' if one.problem else ' '} endpoint {one.name}: {state}")
        if not glances:
            self.stdout.write("  ! no endpoint")
        for row in executors_of(chain, live=True):
            balance = "balance not known" if row.balance is None else f"{row.balance / 10**18:.4f} {chain.currency}"
            nonces = f"nonce {row.next_nonce} here, {'?' if row.chain_nonce is None else row.chain_nonce} on chain"
            self.stdout.write(
                f"  {'!' if row.problems else ' '} executor {row.executor.label} {row.executor.address}: {balance}, "
                f"{nonces}, {row.in_flight} in flight{''.join(f'; {problem}' for problem in row.problems)}"
            )
        return bool(glances) and not any(one.problem for one in glances)

    def _head(self, chain: Chain) -> None:
        self.stdout.write(f"{chain.name}  chain {chain.chain_id}  {chain.kind}")

    def _chains(self, options: dict[str, Any]) -> list[Chain]:
        chains = list(Chain.objects.all())
        if options.get("chain"):
            return [_chain(options["chain"])]
        if not chains:
            hint = "`manage.py demo load` adds the devnet" if DEMO else "`manage.py chain add` adds one"
            self.stdout.write(f"No chain is set up: {hint}.")
        return chains

    # --- setting up

    def _add(self, options: dict[str, Any]) -> None:
        chain = add_chain(
            chain_id=options["chain_id"], kind=options["kind"], settings=_chain_settings(options), actor=ACTOR
        )
        self.stdout.write(f"{chain.name} is set up. Next: `manage.py chain endpoint add {chain.chain_id} --label …`")

    def _set(self, options: dict[str, Any]) -> None:
        chain = change_chain(chain=_chain(options["chain_id"]), settings=_chain_settings(options), actor=ACTOR)
        self.stdout.write(f"{chain.name} is changed.")

    def _endpoint_add(self, options: dict[str, Any]) -> None:
        chain = _chain(options["chain_id"])
        url = _secret(options["url_file"], "URL")
        label, private = options["label"], options["private"]
        if not options["unchecked"]:
            problem = probe(url, chain.chain_id, private=private, timeout=options["timeout"])
            if problem:
                raise Refused(f"The endpoint does not answer: {problem}", "--unchecked adds it all the same")
        add_endpoint(
            chain=chain,
            url=url,
            label=label,
            private=private,
            priority=options["priority"],
            timeout=options["timeout"],
            actor=ACTOR,
        )
        self.stdout.write(f"{label} is added to {chain.name}; its address is sealed.")

    def _endpoint_remove(self, options: dict[str, Any]) -> None:
        chain = _chain(options["chain_id"])
        remove_endpoint(chain=chain, label=options["label"], actor=ACTOR)
        self.stdout.write(f"{options['label']} is removed from {chain.name}.")

    def _executor_add(self, options: dict[str, Any]) -> None:
        chain = _chain(options["chain_id"])
        common = {"chain": chain, "label": options["label"], "environment": options["environment"], "actor": ACTOR}
        if options["signer_url_file"]:
            signer = SignerConfig(
                _secret(options["signer_url_file"], "signer's URL"),
                token=_secret(options["token_file"], "token") if options["token_file"] else "",
                ca_file=options["ca_file"],
                cert_file=options["cert_file"],
                key_file=options["tls_key_file"],
            )
            executor = add_remote_executor(**common, address=options["address"], signer=signer)
        elif options["keystore_file"]:
            key = open_keystore(
                _secret(options["keystore_file"], "keystore"), _secret(options["password_file"], "password")
            )
            executor = add_executor(**common, key=key)
        else:
            executor = add_executor(**common, key=_secret(options["key_file"], "key") if options["key_file"] else None)
        self.stdout.write(f"{executor.label} {executor.address} is added to {chain.name}. It needs gas, and its roles.")

    def _executor_remove(self, options: dict[str, Any]) -> None:
        chain = _chain(options["chain_id"])
        executor = Executor.objects.filter(chain=chain, label=options["label"]).first()
        if executor is None:
            known = ", ".join(chain.executors.values_list("label", flat=True)) or "none"
            raise Invalid("label", f"{chain.name} has no executor of this name.", f"one of: {known}")
        done = remove_executor(executor=executor, actor=ACTOR)
        kept = "; its history stays, its key is gone" if done == "retired" else ""
        self.stdout.write(f"{executor.label} is {done}{kept}. Whatever it holds on the chain stays there.")


def _settings(parser: ArgumentParser, *, adding: bool) -> None:
    parser.add_argument("chain_id", type=int)
    parser.add_argument("--name", required=adding)
    parser.add_argument("--short-name", required=adding, help="as in addresses: eth, base")
    if adding:
        parser.add_argument("--kind", choices=["live", "devnet"], default="live")
    parser.add_argument("--currency", help="of gas; ETH")
    parser.add_argument("--confirmations", type=int, help="blocks until a transaction counts as mined; 1")
    parser.add_argument("--finality-depth", type=int, help="blocks until nothing takes it back; 64")
    parser.add_argument("--block-time", type=float, help="seconds; 12")
    parser.add_argument("--stuck-after", type=int, help="seconds until the fee is raised; 45")
    parser.add_argument("--stuck-blocks", type=int, help="blocks until not being mined is an alarm; 10")
    parser.add_argument("--max-fee", type=Decimal, metavar="GWEI", help="more is never paid; 1000")
    parser.add_argument("--bump", type=Decimal, metavar="PERCENT", help="what nodes demand of a replacement; 12.5")
    parser.add_argument("--private-blocks", type=int, help="how long private endpoints have a transaction alone; 3")
    for flag, value in (("--prefer-private", True), ("--prefer-public", False)):
        parser.add_argument(flag, action="store_const", const=value, dest="prefers_private")
    parser.add_argument("--low-balance", type=Decimal, metavar="ETHER", help="of executors; else from the fees")
    parser.add_argument("--explorer", help="URL of a block explorer")


def _endpoints(parser: ArgumentParser) -> None:
    whats = parser.add_subparsers(dest="what", required=True)
    one = whats.add_parser("add", help="the URL comes from standard input, or from a file")
    one.add_argument("chain_id", type=int)
    one.add_argument("--label", required=True, help="shown instead of the URL, which may hold a key")
    one.add_argument("--url-file", default="-", metavar="FILE", help="`-` is standard input")
    one.add_argument("--private", action="store_true", help="for private submission: sent to first, never read from")
    one.add_argument("--priority", type=int, default=10, help="lower is asked first")
    one.add_argument("--timeout", type=float, default=10)
    one.add_argument("--unchecked", action="store_true", help="although it does not answer")
    two = whats.add_parser("remove")
    two.add_argument("chain_id", type=int)
    two.add_argument("label")


def _executors(parser: ArgumentParser) -> None:
    whats = parser.add_subparsers(dest="what", required=True)
    one = whats.add_parser("add", help="a new key, one from a file, an encrypted keystore, or a remote signer")
    one.add_argument("chain_id", type=int)
    one.add_argument("--label", required=True)
    one.add_argument("--environment", choices=["live", "drill", "devnet"], default="live")
    how = one.add_mutually_exclusive_group(required=True)
    how.add_argument("--new", action="store_true", help="make a key and seal it")
    how.add_argument("--key-file", metavar="FILE", help="a private key; `-` is standard input")
    how.add_argument("--keystore-file", metavar="FILE", help="an encrypted keystore (JSON, version 3)")
    how.add_argument("--signer-url-file", metavar="FILE", help="a remote signer's URL; `-` is standard input")
    one.add_argument("--password-file", metavar="FILE", default="-", help="of the keystore; `-` is standard input")
    one.add_argument("--address", default="", help="of the account that the remote signer signs for")
    one.add_argument("--token-file", metavar="FILE", default="", help="the remote signer's bearer token")
    for flag in ("--ca-file", "--cert-file", "--tls-key-file"):
        one.add_argument(flag, metavar="FILE", default="", help="for TLS with the remote signer, on the workers' disks")
    two = whats.add_parser("remove", help="forget its key; with transactions, its history stays")
    two.add_argument("chain_id", type=int)
    two.add_argument("label")


def _chain(chain_id: int) -> Chain:
    chain = Chain.objects.filter(chain_id=chain_id).first()
    if chain is None:
        known = ", ".join(str(one) for one in Chain.objects.values_list("chain_id", flat=True)) or "none"
        raise Invalid("chain", f"Chain {chain_id} is not set up.", f"one of: {known}")
    return chain


def _chain_settings(options: dict[str, Any]) -> ChainSettings:
    return ChainSettings(
        name=options["name"],
        short_name=options["short_name"],
        currency=options["currency"],
        confirmations=options["confirmations"],
        finality_depth=options["finality_depth"],
        block_time=options["block_time"],
        stuck_after=options["stuck_after"],
        stuck_blocks=options["stuck_blocks"],
        max_fee_per_gas=_whole(options["max_fee"], 10**9, "max-fee"),
        bump_permille=_whole(options["bump"], 10, "bump"),
        private_blocks=options["private_blocks"],
        prefers_private=options["prefers_private"],
        low_balance=_whole(options["low_balance"], 10**18, "low-balance"),
        explorer_url=options["explorer"],
    )


def _whole(value: Decimal | None, unit: int, field: str) -> int | None:
    if value is None:
        return None
    try:
        scaled = value * unit
        whole = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        raise Invalid(field, "This is not an amount.", "a plain number") from None
    if whole < 0 or whole != scaled or whole > 2**256 - 1:
        raise Invalid(field, "This is not an amount.", "a number with no more places than the unit has")
    return whole


def _whole_file(file: str) -> str:
    try:
        with Path(file).open(encoding="utf-8") as source:
            return source.read(MAX_SECRET)
    except (OSError, UnicodeDecodeError):
        raise Invalid("keystore", "It cannot be read.", "the path of a JSON file") from None


def _secret(file: str, what: str) -> str:
    """From a file or standard input; asked for without echo where somebody sits before it."""
    try:
        if file != "-":
            with Path(file).open(encoding="utf-8") as source:
                text = source.read(MAX_SECRET)
        elif sys.stdin.isatty():
            text = getpass.getpass(f"The {what}: ")
        else:
            text = sys.stdin.readline(MAX_SECRET)
    except (OSError, UnicodeDecodeError):
        raise Invalid(what, "It cannot be read.", "the path of a text file") from None
    if not text.strip():
        raise Invalid(what, "Nothing is there.", f"the {what}, in one line")
    return text.strip()
