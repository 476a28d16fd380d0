"""How a chain's endpoints are doing, side by side: who answers, how fast, who is behind or on another branch."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations.chain.client import Client, RpcError, client_for
from integrations.chain.errors import RpcRefused, WrongChain
from integrations.chain.models import Chain, Endpoint
from integrations.chain.reading import quantity
from integrations.chain.transport import Transport
from ledger.errors import Refused
from ledger.services import alarm, record

BEHIND = 5
PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Glance:
    """One endpoint now. `problem` is empty when all is well; `elsewhere`: it is on another branch than the others."""

    name: str
    head: int | None
    latency_ms: float | None
    problem: str
    elsewhere: bool = False


def glance(chain: Chain, client: Client | None = None) -> list[Glance]:
    """Asks every enabled endpoint (network only, nothing is written)."""
    client = client or client_for(chain)
    said = client.everyone(_timed, resting=True)
    heads = {name: answer for name, answer in said.items() if not isinstance(answer, RpcError)}
    top = max((head for head, _ in heads.values()), default=0)
    branch = _branches(client, min((head for head, _ in heads.values()), default=0))
    found = []
    for name, answer in said.items():
        if isinstance(answer, RpcError):
            reasons = getattr(answer, "reasons", {})
            found.append(Glance(name, None, None, reasons.get(name, str(answer))[:200]))
            continue
        head, latency = answer
        problem = f"{top - head} blocks behind" if top - head > BEHIND else ""
        elsewhere = branch.get(name) not in (None, _usual(branch))
        if elsewhere:
            problem = "on another branch than the others"
        found.append(Glance(name, head, latency, problem, elsewhere))
    return found


def look_at_endpoints(chain: Chain) -> list[Glance]:
    """Glances and notes; an endpoint that begins or ceases to have a problem is an event, a blind chain an alarm."""
    found = glance(chain)
    by_name = {one.name: one for one in found}
    with transaction.atomic():
        rows = list(Endpoint.objects.select_for_update().filter(chain=chain, enabled=True, private_submission=False))
        blind_before = bool(rows) and all(row.checked_at and row.problem for row in rows)
        for row in rows:
            seen = by_name.get(row.name)
            if seen is not None:
                _note(chain, row, seen)
        blind = bool(rows) and all(row.problem for row in rows)
        if blind != blind_before:
            record(
                "chain.unreachable" if blind else "chain.reachable",
                actor="system:chain",
                subject=chain.subject,
                after={"endpoints": [{"name": row.name, "problem": row.problem} for row in rows]},
                alarm=alarm(f"chain_blind:{chain.pk}", "SEV2", cleared=not blind, title=f"{chain.name} cannot be read"),
            )
    return found


def look_at_private(chain: Chain, every: timedelta = timedelta(minutes=1)) -> None:
    """Whether the endpoints for private submission are there: one that is dead should be known before it is needed.

    They are asked for nothing but the chain's id, which betrays nothing.
    """
    for row in Endpoint.objects.filter(chain=chain, enabled=True, private_submission=True):
        if row.checked_at is not None and timezone.now() - row.checked_at < every:
            continue
        started = time.monotonic()
        try:
            problem = probe(row.url, chain.chain_id, private=True, timeout=row.timeout)
        except Refused as error:
            problem = error.message
        latency = None if problem else (time.monotonic() - started) * 1000
        with transaction.atomic():
            _note(chain, row, Glance(row.name, None, latency, problem[:200]))


def probe(url: str, chain_id: int, *, private: bool, timeout: float = 10) -> str:
    """Why this URL does not serve this chain; empty when it does. A wrong chain raises Refused: it never will."""
    transport = Transport(url, chain_id, "the endpoint", timeout, submits_only=private)
    try:
        answer = transport.send([("eth_chainId", [])])[0]
    except WrongChain as error:
        raise Refused(f"The endpoint {error}.", "the URL of this chain's endpoint", code="wrong-chain") from error
    except RpcError as error:
        return str(error)
    if isinstance(answer, RpcRefused) and not private:
        return answer.message
    return ""


def _note(chain: Chain, row: Endpoint, seen: Glance) -> None:
    if bool(row.problem) != bool(seen.problem):
        record(
            "endpoint.failing" if seen.problem else "endpoint.recovered",
            actor="system:chain",
            subject=chain.subject,
            after={"endpoint": row.name, "problem": seen.problem},
        )
    row.problem, row.head_number, row.latency_ms = seen.problem, seen.head, seen.latency_ms
    row.checked_at = timezone.now()
    row.save(update_fields=["problem", "head_number", "latency_ms", "checked_at"])


def _timed(client: Client) -> tuple[int, float]:
    started = time.monotonic()
    head = quantity(client.request("eth_blockNumber", timeout=PATIENCE))
    return head, (time.monotonic() - started) * 1000


def _branches(client: Client, height: int) -> dict[str, str]:
    said = client.everyone(lambda one: one.existing_block(height).hash)
    return {name: answer for name, answer in said.items() if isinstance(answer, str)}


def _usual(branch: dict[str, str]) -> str:
    values = list(branch.values())
    return max(values, key=values.count)
