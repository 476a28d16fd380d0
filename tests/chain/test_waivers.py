"""Signing past a blocking finding takes a second role and a written reason, and is asked again when it is executed."""

import pytest
from django.db import transaction

from accounts.approvals.models import Approval
from accounts.approvals.services import give, take_back
from accounts.levels import Level
from accounts.models import Wallet
from governance.proposals.counting import BLOCKED, RECOUNT, add_confirmation, given, locked
from governance.proposals.models import Proposal
from governance.proposals.review import review
from governance.proposals.services import confirm, execute
from governance.waivers.models import Waiver
from governance.waivers.services import request_waiver, standings
from integrations.chain.models import Executor
from integrations.devnet.chain import CAROL, DAN, ERIN
from integrations.devnet.safes import calldata
from integrations.safe.signatures import parse
from ledger import Invalid, Refused
from ledger.models import Event
from tests.chain.conftest import Devnet
from tests.chain.test_proposal_execution import run
from tests.chain.transactions import make_executor
from tests.drain import settle
from tests.governance_world import World, sign, world
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "Mallory is our new signer; her address was read out on the call of this morning."


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def executor(helix: World) -> Executor:
    return make_executor(helix.chain, helix.devnet.rpc)


def risky(helix: World) -> Proposal:
    """An owner whom nobody knows here: blocking, and now and then right."""
    stranger = "0x" + "ab" * 20
    data = calldata("addOwnerWithThreshold(address,uint256)", stranger, 2)
    call = {"to": helix.guardian.address, "value": "0", "data": "0x" + data.hex()}
    return helix.propose(call, title="A new signer")


def test_with_a_second_role_and_a_reason_it_is_signed_and_executed(helix: World, executor: Executor) -> None:
    proposal = risky(helix)
    responder, commander = person("rita", Level.RESPONDER), person("cora", Level.COMMANDER)
    with pytest.raises(Refused, match="not known here"):
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    waiver = request_waiver(proposal=proposal, findings=review(proposal).blocking, reason=REASON, actor=responder.actor)
    with pytest.raises(Refused, match="may not be signed"):  # asking is not having
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    approval = Approval.objects.get(about=waiver.subject)
    with pytest.raises(Refused, match="yourself"):
        give(approval=approval, user=responder)
    give(approval=approval, user=commander, reason="I heard it too")
    assert review(proposal).signable
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:1")
    proposal.refresh_from_db()
    execute(proposal=proposal, actor="user:1")
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped
    told = Event.objects.get(verb="waiver.requested")
    assert (told.reason, told.subject) == (REASON, waiver.subject)
    assert Event.objects.get(verb="proposal.executing").after["waivers"] == [waiver.subject]


def test_what_has_its_signatures_and_was_held_back_is_ready_once_it_is_let_pass(helix: World) -> None:
    proposal = risky(helix)
    with transaction.atomic():  # as they come through the service's API, before anything was simulated
        held = locked(proposal)
        there = given(held)
        for owner in (CAROL, ERIN):
            signature = parse(sign(proposal, owner.address), proposal.safe_tx_hash)
            add_confirmation(held, signature, helix.guardian, there, actor="user:1", user=None, via="api", judged=False)
    settle((RECOUNT,))
    proposal.refresh_from_db()
    assert (proposal.status, proposal.counted, (proposal.stopped or {})["code"]) == ("signing", 2, BLOCKED)
    responder, commander = person("rita", Level.RESPONDER), person("cora", Level.COMMANDER)
    waiver = request_waiver(proposal=proposal, findings=review(proposal).blocking, reason=REASON, actor=responder.actor)
    give(approval=Approval.objects.get(about=waiver.subject), user=commander)
    settle((RECOUNT,))
    proposal.refresh_from_db()
    assert (proposal.status, proposal.stopped) == ("ready", None)


def test_a_yes_that_was_taken_back_stops_the_execution(helix: World, executor: Executor) -> None:
    proposal = risky(helix)
    responder, commander = person("rita", Level.RESPONDER), person("cora", Level.COMMANDER)
    waiver = request_waiver(proposal=proposal, findings=review(proposal).blocking, reason=REASON, actor=responder.actor)
    approval = Approval.objects.get(about=waiver.subject)
    give(approval=approval, user=commander)
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:1")
    take_back(approval=approval, user=commander)
    proposal.refresh_from_db()
    execute(proposal=proposal, actor="user:1")
    run(helix, 3)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("failed", None)
    assert proposal.stopped is not None and proposal.stopped["code"] == "blocking-finding"


def test_it_counts_for_these_findings_of_this_transaction_only(helix: World) -> None:
    proposal, responder = risky(helix), person("rita", Level.RESPONDER)
    commander = person("cora", Level.COMMANDER)
    blocking = review(proposal).blocking
    with pytest.raises(Invalid, match="Too short"):
        request_waiver(proposal=proposal, findings=blocking, reason="trust me", actor=responder.actor)
    waiver = request_waiver(proposal=proposal, findings=blocking, reason=REASON, actor=responder.actor)
    assert request_waiver(proposal=proposal, findings=blocking, reason=REASON, actor=responder.actor) == waiver
    give(approval=Approval.objects.get(about=waiver.subject), user=commander)
    assert not review(proposal).blocking
    Wallet.objects.create(user=commander, address=DAN.address)
    with pytest.raises(Refused, match="may not sign past it as well"):
        confirm(proposal=proposal, signature=sign(proposal, DAN.address), actor=commander.actor)
    type(commander).objects.filter(pk=commander.pk).update(is_active=False)  # judged with the roles of today
    assert review(proposal).blocking
    type(commander).objects.filter(pk=commander.pk).update(is_active=True)
    assert not review(proposal).blocking
    other = {**waiver.findings[0], "key": "delegatecall:0:0000000000000000"}
    Waiver.objects.filter(pk=waiver.pk).update(findings=[*waiver.findings, other])
    assert not standings(proposal)[0].holds  # altered in the database
    assert review(proposal).blocking


def test_some_things_nobody_lets_pass(helix: World) -> None:
    proposal, responder = helix.propose({"to": helix.vault.address, "value": "0", "data": "0x3f4ba83a"}), "user:1"
    blocking = review(proposal).blocking
    assert {one.finding for one in blocking} == {"failing_call"}  # the guardian may not unpause
    with pytest.raises(Refused, match="never be signed past"):
        request_waiver(proposal=proposal, findings=blocking, reason=REASON, actor=responder)
