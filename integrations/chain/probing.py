"""Whether a chain is set up well: asked of its endpoints and signers now, put into words. Nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass

from integrations.chain.endpoints import glance, probe
from integrations.chain.executors import open_account
from integrations.chain.executors.watching import signer_trouble
from integrations.chain.models import Chain, Executor
from integrations.chain.selectors import executor_row
from ledger.errors import Invalid, Refused


@dataclass(frozen=True, slots=True)
class Finding:
    """`grave`: something does not work; else it works, or could be better (`advice`)."""

    about: str
    words: str
    grave: bool = False
    advice: bool = False


def check(chain: Chain) -> Iterator[Finding]:
    """Everything worth knowing before something depends on it."""
    public = 0
    for one in glance(chain):
        grave = bool(one.problem)
        public += not grave
        yield Finding(f"endpoint {one.name}", one.problem or f"block {one.head}, {one.latency_ms:.0f} ms", grave)
    if public == 0:
        yield Finding("endpoints", "none of them can be read", grave=True)
    elif public == 1:
        yield Finding("endpoints", "one alone is believed whatever it says: add a second provider", advice=True)
    for endpoint in chain.endpoints.filter(private_submission=True, enabled=True):
        try:
            problem = probe(endpoint.url, chain.chain_id, private=True, timeout=endpoint.timeout)
        except Refused as error:
            problem = error.message
        words = f"for {chain.private_blocks} blocks, then everybody"
        yield Finding(f"private endpoint {endpoint.name}", problem or words, bool(problem))
    for executor in Executor.objects.filter(chain=chain).select_related("chain"):
        yield from _executor(executor)


def _executor(executor: Executor) -> Iterator[Finding]:
    about = f"executor {executor.label} {executor.address}"
    if not executor.enabled:
        yield Finding(about, "out of service")
        return
    if executor.signer == Executor.Signer.REMOTE:
        ailing = signer_trouble(executor)
        yield Finding(about, ailing.words if ailing else f"{executor.signer_name} holds its key", ailing is not None)
    else:
        try:
            open_account(executor)
            yield Finding(about, "its key opens")
        except (Refused, Invalid) as error:
            yield Finding(about, error.message, grave=True)
    row = executor_row(executor, live=True)
    for alarm in row.alarms:
        yield Finding(about, alarm.words, grave=True)
    if row.blind:
        yield Finding(about, "its balance and nonce cannot be read", grave=True)
