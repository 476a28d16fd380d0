"""Proposals and signatures go both ways between us and a Safe Transaction Service, and a bad one changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from governance.exchange import exchanging
from governance.exchange.models import Exchange, SafeService
from governance.proposals.models import Proposal
from integrations.devnet.chain import CAROL, DAN
from integrations.safe.hashes import SafeTx
from tests.chain.conftest import Devnet
from tests.drain import settle
from tests.governance_world import KEYS, World, world
from tests.safe_service import FakeService, entry_of, fake_service
from work.models import Work

pytestmark = pytest.mark.django_db


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def there(helix: World, settings: Any) -> Iterator[FakeService]:
    """The chain's service; it is let through although it stands on loopback and speaks http."""
    with fake_service() as made:
        settings.OUTGOING_ALLOW = [made.there.place]
        SafeService.objects.create(chain=helix.chain, url=made.url, key="a-long-key", set_by="user:1", set_at=NOW)
        yield made


NOW = timezone.now()


def exchange() -> Exchange:
    """One turn of everything that is due, also of what waits for later."""
    exchanging.ensure_all()
    Work.objects.filter(kind=exchanging.KIND).update(run_at=timezone.now())
    settle((exchanging.KIND,))
    return Exchange.objects.get()


def signed(tx: SafeTx, *owners: str) -> list[str]:
    from eth_account import Account

    digest = bytes.fromhex(tx.hash[2:])
    return ["0x" + bytes(Account.unsafe_sign_hash(digest, KEYS[owner]).signature).hex() for owner in owners]


def pause_of(helix: World, **more: Any) -> SafeTx:
    safe = helix.guardian
    plain = SafeTx(safe.chain.chain_id, safe.address, safe.version, to=helix.vault.address, data=b"\x84\x56\xcb\x59")
    return replace(plain, **more)


def test_a_transaction_of_the_service_with_one_signature_is_taken_in(helix: World, there: FakeService) -> None:
    tx = pause_of(helix)
    there.has(entry_of(tx, *signed(tx, CAROL.address)))
    state = exchange()
    assert (state.problem, state.done_at is not None) == ("", True)
    proposal = Proposal.objects.get()
    assert (proposal.safe_tx_hash, proposal.status, proposal.auto_execute) == (tx.hash, "signing", False)
    assert [(one.owner, one.via) for one in proposal.confirmations.all()] == [(CAROL.address, "service")]
    assert "friend" not in proposal.title + proposal.description
    assert there.there.received[0].headers["authorization"] == "Bearer a-long-key"
    there.entries[tx.hash] = entry_of(tx, *signed(tx, CAROL.address, DAN.address))
    exchange()
    proposal.refresh_from_db()
    assert (proposal.status, Proposal.objects.count()) == ("ready", 1)
    assert there.posted == []
