"""`manage.py chain status`: which chains we read, how their endpoints do, what our executors have in flight."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integrations.chain.endpoints import glance
from integrations.chain.models import Chain
from integrations.chain.selectors import executors_of

DEMO = settings.DEVNET_ENABLED and settings.PROFILE == "demo"


class Command(BaseCommand):
    help = "Shows chains, endpoints and executors as they are now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["status"])
        parser.add_argument("--chain", type=int, help="only this chain id")

    def handle(self, *args: Any, **options: Any) -> None:
        chains = Chain.objects.all()
        if options["chain"]:
            chains = chains.filter(chain_id=options["chain"])
        if not chains:
            self.stdout.write("No chain is set up" + (": `manage.py demo load` adds the devnet." if DEMO else "."))
        healthy = True
        for chain in chains:
            healthy = self._show(chain) and healthy
        if not healthy:
            raise SystemExit(1)

    def _show(self, chain: Chain) -> bool:
        self.stdout.write(f"{chain.name}  chain {chain.chain_id}  {chain.kind}")
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
