"""The stories of Safes that `make crash` tells, told once without kills, and their judge."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from eth_account import Account

from governance.exchange.exchanging import KIND as EXCHANGE
from governance.exchange.services import set_service
from governance.safes.services import follow, register
from integrations.devnet.builder import Builder
from integrations.devnet.proxy import RpcProxy
from integrations.devnet.safes import DemoSafe
from tests.chain.conftest import Devnet
from tests.chain.test_proposal_execution import DUE_NOW, quiet_heart  # noqa: F401  (a fixture)
from tests.chain.transactions import make_chain, make_executor
from tests.crash.campaign.judge import chain_counts
from tests.crash.campaign.lies import Lies
from tests.crash.campaign.nonsense import Nonsense, nonsense
from tests.crash.campaign.owners import Owned, Owners
from tests.crash.campaign.safe_judge import judge_safes
from tests.crash.campaign.stage import deploy
from tests.crash.campaign.stories import KINDS
from tests.drain import settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def service() -> Iterator[Nonsense]:
    with nonsense(random.Random(1)) as made:
        yield made


@pytest.fixture
def owners(devnet: Devnet, rpc_proxy: RpcProxy, service: Nonsense, tmp_path: Path, settings: Any) -> Owners:
    """Two Safes 2 of 3, on a chain with an endpoint that lies where a story wants it to."""
    settings.OUTGOING_ALLOW = [service.place]
    chain = make_chain(devnet.url, rpc_proxy.url)
    orders = tmp_path / "orders.jsonl"
    tally = deploy(devnet.rpc)
    orders.write_text(json.dumps({"tally": tally, "executors": [make_executor(chain, devnet.rpc).address]}) + "\n")
    keys = [Account.create() for _ in range(4)]
    builder, safes = Builder(devnet.rpc), []
    for number, version in enumerate(("1.3.0", "1.5.0")):  # the hash is indexed since 1.4.1
        addresses = tuple(key.address for place, key in enumerate(keys) if place != number)
        made = DemoSafe("story", "Safe", version, False, addresses, 2, 4_000 + number)
        made.create(builder)
        builder.flush()
        safe = register(chain=chain, address=made.address, label=version, actor="user:1")
        safes.append(Owned(safe, (number, number + 1)))
    set_service(chain=chain, url=service.url, actor="user:1")
    lies = Lies(
        [rpc_proxy], devnet.rpc, random.Random(1), [key.address for key in keys], [s.safe.address for s in safes]
    )
    return Owners(devnet.rpc, tally, orders, lies, service, keys, safes, list(KINDS), random.Random(1))


def lines_of(owners: Owners) -> list[Any]:
    return [json.loads(line) for line in owners.orders.read_text().splitlines()]


def tell_all(owners: Owners, turns: int = 90) -> None:
    """Every kind of story to its end."""
    for _ in range(turns):
        if not owners.told_all:
            owners.begin()
        owners.act()
        if owners.told_all and not owners.open:
            return
        settle()
        owners.rpc("evm_mine")
        follow(owners.safes[0].safe.chain)
        with connection.cursor() as cursor:
            cursor.execute(f"{DUE_NOW} AND kind <> %s", [EXCHANGE])  # a signature wakes that one often enough
    stories = [owned.story for owned in owners.safes if owned.story]
    raise AssertionError(
        [(one.kind, one.deeds[0], one.hindrance, [o.row.status for o in one.offers]) for one in stories]
    )


def offer_of(lines: list[Any], kind: str) -> dict[str, Any]:
    """The first of the story's offers, as it was ordered."""
    found: dict[str, Any] = next(line for line in lines if line.get("kind") == kind)["offers"][0]
    return found


def forbidden(lines: list[Any]) -> list[str]:
    offer_of(lines, "batch")["must"] = "never"
    return [f"FORBIDDEN: {offer_of(lines, 'batch')['hash']} was {what}" for what in ("executed", "sent")]


def lost(lines: list[Any]) -> list[str]:
    offer_of(lines, "too few")["must"] = "once"
    return [f"LOST: {offer_of(lines, 'too few')['hash']} was executed 0 times"]


def decided_otherwise(lines: list[Any]) -> list[str]:
    lines.append({"decided": offer_of(lines, "plain")["hash"], "must": "never"})
    return [f"FORBIDDEN: {offer_of(lines, 'plain')['hash']} was executed"]


def counted_otherwise(lines: list[Any]) -> list[str]:
    offer_of(lines, "plain")["keys"] = [7]
    return ["deed 7 was done 0 times, by 1 executions"]


def both_rivals(lines: list[Any]) -> list[str]:
    story = next(line for line in lines if line.get("kind") == "rivals")
    story["offers"].append({**offer_of(lines, "plain"), "must": "either"})
    return ["of two rivals 2 were executed"]


def never_ordered(lines: list[Any]) -> list[str]:
    gone = next(line for line in lines if line.get("kind") == "plain")
    lines.remove(gone)
    return [f"nobody ordered {gone['offers'][0]['hash']}, which a Safe executed", "is nothing that was ordered"]


LIES = (forbidden, lost, decided_otherwise, counted_otherwise, both_rivals, never_ordered)


def test_every_story_ends_well_and_whatever_went_otherwise_is_found(owners: Owners) -> None:
    tell_all(owners)
    counts, told = chain_counts(owners.rpc, owners.tally), len(owners.stories)
    passed, found, sent = judge_safes(lines_of(owners), counts, owners.rpc)
    assert (passed, found) == (told, [])
    assert sent >= 5
    assert owners.service.told, "the service was never asked"
    for otherwise in LIES:
        lines = lines_of(owners)
        expected = otherwise(lines)
        passed, found, _ = judge_safes(lines, counts, owners.rpc)
        assert passed < told, otherwise
        assert all(any(text in one for one in found) for text in expected), (otherwise, found)
