"""Signatures in any order, owners coming and going, rows altered: what must hold after every step.

No endpoint is configured, so nothing can be read from a chain: the Safe's row, kept fresh by hand, is its state.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from eth_account import Account
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from governance.proposals.models import Confirmation, Proposal
from governance.proposals.services import confirm, propose, withdraw
from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from integrations.chain.models import Chain
from integrations.safe.hashes import safe_tx_hash
from ledger import Invalid, Refused
from ledger.models import Event
from work.models import Work

ACCOUNTS = [Account.from_key((9_000 + number).to_bytes(32, "big")) for number in range(5)]
TARGET = "0x3E5c63644E683549055b9Be8653de26E0B4CD36E"


class Signing(RuleBasedStateMachine):
    """One proposal of a 2-of-n Safe."""

    @initialize()
    def begin(self) -> None:
        self.point = transaction.atomic()
        self.point.__enter__()
        chain, _ = Chain.objects.get_or_create(
            chain_id=731337, defaults={"name": "Devnet", "short_name": "devnet", "kind": "devnet"}
        )
        protocol, _ = Protocol.objects.get_or_create(slug="helix", defaults={"name": "Helix"})
        abi = [{"type": "function", "name": "pause", "inputs": [], "stateMutability": "nonpayable"}]
        Contract.objects.get_or_create(
            chain=chain, address=TARGET, defaults={"protocol": protocol, "name": "V", "role": "vault", "abi": abi}
        )
        self.owners = [account.address for account in ACCOUNTS[:3]]
        self.safe = Safe.objects.create(
            chain=chain,
            address="0x41675C099F32341bf84BFc5382aF534df5C7461a",
            label="Safe",
            version="1.4.1",
            owners=self.owners,
            threshold=2,
            nonce=0,
            singleton=TARGET,
            code_hash="0x" + "11" * 32,
            proxy_version="1.4.1",
            read_block=1,
            read_at=self.fresh(),
        )
        self.proposal = propose(
            safe=self.safe,
            calls=[{"to": TARGET, "value": "0", "data": "0x8456cb59"}],
            title="Pause",
            actor="user:1",
            auto_execute=True,
        )
        self.data = bytes(self.proposal.data)
        self.altered = self.closed = False

    @staticmethod
    def fresh() -> Any:
        return timezone.now() + timedelta(hours=1)

    def attempt(self, signature: bytes) -> str:
        try:
            confirm(proposal=self.proposal, signature=signature, actor="user:1")
        except (Invalid, Refused) as error:
            return type(error).__name__
        return "taken"

    def signature(self, number: int) -> bytes:
        digest = bytes.fromhex(self.proposal.safe_tx_hash[2:])
        return bytes(ACCOUNTS[number].unsafe_sign_hash(digest).signature)

    @rule(number=st.integers(0, 4))
    def sign(self, number: int) -> None:
        address = ACCOUNTS[number].address
        had = Confirmation.objects.filter(proposal=self.proposal, owner=address).exists()
        may = address in self.owners and not had and not self.altered and not self.closed
        assert (self.attempt(self.signature(number)) == "taken") is may

    @rule(number=st.integers(0, 4), place=st.integers(0, 64))
    def sign_with_a_flipped_bit(self, number: int, place: int) -> None:
        damaged = bytearray(self.signature(number))
        damaged[place] ^= 1
        assert self.attempt(bytes(damaged)) != "taken"

    @rule(number=st.integers(0, 4))
    def an_owner_comes_or_goes(self, number: int) -> None:
        address = ACCOUNTS[number].address
        others = [owner for owner in self.owners if owner != address]
        self.owners = others if address in self.owners and len(others) >= 2 else [*others, address]
        Safe.objects.filter(pk=self.safe.pk).update(owners=self.owners, read_at=self.fresh())

    @rule()
    def somebody_alters_the_row_or_puts_it_back(self) -> None:
        self.altered = not self.altered
        data = b"\x3f\x4b\xa8\x3a" if self.altered else self.data
        Proposal.objects.filter(pk=self.proposal.pk).update(data=data)

    @precondition(lambda self: not self.closed)
    @rule()
    def withdraw_it(self) -> None:
        self.proposal.refresh_from_db()
        withdraw(proposal=self.proposal, actor="user:1", reason="enough")
        self.closed = True

    @invariant()
    def what_is_stored_is_what_was_signed(self) -> None:
        if not hasattr(self, "proposal"):
            return
        self.proposal.refresh_from_db()
        rows = list(Confirmation.objects.filter(proposal=self.proposal))
        assert len({row.owner for row in rows}) == len(rows)
        added = Event.objects.filter(verb="confirmation.added", subject=self.proposal.subject).count()
        assert added == len(rows)
        jobs = Work.objects.filter(kind="governance.execute", subject=self.proposal.subject).count()
        became_ready = Event.objects.filter(verb="proposal.ready", subject=self.proposal.subject).count()
        assert jobs == became_ready <= 1
        if self.proposal.status == "ready":
            assert len(rows) >= 2
        if not self.altered:
            assert safe_tx_hash(self.proposal.safe_tx) == self.proposal.safe_tx_hash

    def teardown(self) -> None:
        if hasattr(self, "point"):
            transaction.set_rollback(True)
            self.point.__exit__(None, None, None)


@pytest.mark.django_db
def test_signatures_in_any_order() -> None:
    run_state_machine_as_test(
        Signing,
        settings=settings(
            max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
