"""The devnet as a chain of ours: its endpoint and the executor that pays its gas."""

from django.conf import settings
from django.db import transaction

from integrations.chain.executors import add_executor
from integrations.chain.models import Chain, Endpoint, Executor
from integrations.devnet.chain import BLOCK_SECONDS, CHAIN_ID, CHAIN_NAME, CHAIN_SHORT_NAME, CURRENCY, SLOTS_IN_AN_EPOCH
from integrations.devnet.keys import EXECUTOR_ADDRESS, EXECUTOR_KEY
from ledger.services import record

LABEL = "Devnet executor"


@transaction.atomic
def load(actor: str) -> None:
    """Idempotent; a devnet that moved to another port takes its endpoint along."""
    if not settings.DEVNET_ENABLED:
        return
    chain, made = Chain.objects.get_or_create(
        chain_id=CHAIN_ID,
        defaults={
            "name": CHAIN_NAME,
            "short_name": CHAIN_SHORT_NAME,
            "kind": Chain.Kind.DEVNET,
            "currency": CURRENCY,
            "confirmations": 1,
            "finality_depth": 2 * SLOTS_IN_AN_EPOCH,
            "block_time": BLOCK_SECONDS,
            "stuck_after": 20,
        },
    )
    if made:
        record("chain.added", actor=actor, subject=chain.subject, after={"chain_id": CHAIN_ID, "kind": chain.kind})
    endpoint = Endpoint.objects.filter(chain=chain, label="devnet").first() or Endpoint(chain=chain, label="devnet")
    if endpoint.url != settings.DEVNET_RPC_URL:
        endpoint.url = settings.DEVNET_RPC_URL
        endpoint.timeout = 5
        endpoint.save()
    if not Executor.objects.filter(chain=chain, address=EXECUTOR_ADDRESS).exists():
        add_executor(chain=chain, label=LABEL, environment="devnet", actor=actor, key=EXECUTOR_KEY)
