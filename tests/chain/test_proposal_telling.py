"""Signers are asked by mail, once, and can read what they are asked to sign."""

from typing import Any

import pytest

from governance.proposals.models import Proposal
from governance.proposals.reminding import REMIND
from integrations.devnet.chain import CAROL, DAN
from ledger import chain, scopes, subscriptions, transition
from ledger.models import Event
from notify.models import Delivery, Message
from tests.chain.conftest import Devnet
from tests.governance_world import World, world
from tests.people import person, wallet_of
from work.models import Work

pytestmark = pytest.mark.django_db


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


def hear() -> None:
    chain.link_once()
    subscriptions.dispatch(["governance.signers"])


def test_each_owner_with_an_account_is_asked_once(helix: World) -> None:
    carol, dan, other = person("carol", "responder"), person("dan", "responder"), person("otto", "responder")
    wallet_of(carol, CAROL), wallet_of(dan, DAN), wallet_of(other)
    subscriptions.ensure_rows()
    proposal = helix.propose()
    hear()
    hear()
    message = Message.objects.get()
    assert proposal.safe_tx_hash in message.body and message.link.endswith(f"/governance/proposals/{proposal.pk}/")
    assert sorted(Delivery.objects.values_list("address", flat=True)) == [carol.email, dan.email]
    assert message.subject_line.startswith("Sign: Pause the vault")


def test_a_signer_of_a_private_incident_may_read_what_to_sign(helix: World, settings: Any) -> None:
    carol, outsider = person("carol", "responder"), person("otto", "responder")
    wallet_of(carol, CAROL)
    scope = scopes.open_scope(kind="incident", title="quiet", actor="user:1", private=True)
    subscriptions.ensure_rows()
    proposal = helix.propose(scope=scope)
    assert not Proposal.objects.visible_to(carol).filter(pk=proposal.pk).exists()
    hear()
    assert Proposal.objects.visible_to(carol).filter(pk=proposal.pk).exists()
    assert not Proposal.objects.visible_to(outsider).filter(pk=proposal.pk).exists()
    assert Event.objects.filter(verb="scope.member.added", subject=carol.actor).exists()


def test_nobody_to_ask_is_no_error(helix: World) -> None:
    subscriptions.ensure_rows()
    helix.propose()
    hear()
    assert not Message.objects.exists()


def test_many_are_asked_for_at_once_each_by_itself(helix: World) -> None:
    carol = person("carol", "responder")
    wallet_of(carol, CAROL)
    hidden = scopes.open_scope(kind="incident", title="quiet", actor="user:1", private=True)
    subscriptions.ensure_rows()
    made = [helix.propose(nonce=number, title=str(number) * 200) for number in range(1, 3)]
    made.append(helix.propose(nonce=3, scope=hidden))
    made.append(helix.propose(nonce=4, safe=helix.safe_of("1.4.1"), title="another Safe's"))
    hear()
    told = {message.key: message for message in Message.objects.all()}
    assert set(told) == {f"{one.subject}:signers" for one in made}
    for one in made:
        message = told[f"{one.subject}:signers"]
        assert one.safe_tx_hash in message.body and message.scope == one.scope and one.title in message.body
        assert [copy.address for copy in Delivery.objects.filter(message=message)] == [carol.email]
        assert Work.objects.filter(kind=REMIND, subject=one.subject).count() == 1
    for one in made:
        Proposal.objects.filter(pk=one.pk).update(status="ready")
        transition(Proposal.objects.get(pk=one.pk), "signing", actor="user:1")
    hear()
    assert Message.objects.count() == len(made), "nobody is asked anew"
