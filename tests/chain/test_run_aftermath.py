"""What happens to a run when its transaction's fate is not known, or a reorg takes what was proved."""

import time
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from governance.proposals.models import Proposal
from governance.proposals.services import confirm
from incidents.incidents.models import Incident
from incidents.incidents.services import open_incident, start_playbook
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import KIND, resolve
from integrations.chain.transactions.turns import ended_badly
from integrations.devnet.chain import CAROL, ERIN
from ledger.models import Event
from notify.models import Message
from runbooks.playbooks.models import Playbook
from runbooks.runs.models import Run, StepRun
from tests.chain.test_runbooks_slice import executor, helix, inputs, quiet_heart, stale, step, work_on
from tests.drain import settle
from tests.governance_world import World, sign
from tests.people import person
from work import Fail
from work.models import Work

__all__ = ["executor", "helix", "quiet_heart"]  # fixtures
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def started(helix: World) -> Run:
    """A commander's run, up to the moment before the last signature is executed."""
    ana = person("ana", "commander")
    stale(helix)
    incident = open_incident(title="Stale", severity="SEV1", actor=ana.actor, protocol=helix.protocol)
    book = Playbook.objects.get(slug="pause-on-stale-oracle")
    run = start_playbook(incident=incident, playbook=book, inputs=inputs(helix), actor=ana.actor)
    settle()
    proposal = Proposal.objects.get()
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:9")
    return run


def finished(helix: World, run: Run, seconds: float = 30) -> Run:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        work_on(helix, rounds=1)
        run.refresh_from_db()
        if run.status == "done":
            return run
        time.sleep(0.1)
    said = [(one.step_id, one.status, one.reason) for one in run.steps.all()]
    raise AssertionError(f"{run.status}: {said}")


@pytest.fixture(autouse=True)
def mining(helix: World) -> Iterator[None]:
    yield
    helix.devnet.rpc("evm_setAutomine", True)


def waiting_to_be_mined(helix: World) -> Transaction:
    """Sent, and no block comes."""
    helix.devnet.rpc("evm_setAutomine", False)
    settle()
    sent = Transaction.objects.get()
    assert sent.status == "broadcast"
    return sent


def told() -> int:
    return Message.objects.filter(audience__slug="stakeholders").count()


def test_a_foreign_transaction_at_our_nonce_is_told_everywhere_and_a_person_decides(
    helix: World, executor: Executor
) -> None:
    """Somebody else uses the executor's key, faster than we do."""
    run = started(helix)
    rpc = helix.devnet.rpc
    sent = waiting_to_be_mined(helix)
    for hash_ in [attempt.hash for attempt in sent.attempts.all()]:
        rpc("anvil_dropTransaction", hash_)
    rpc("anvil_impersonateAccount", executor.address)
    rpc("eth_sendTransaction", {"from": executor.address, "to": CAROL.address, "value": "0x1"})
    rpc("evm_mine")
    end = time.monotonic() + 30
    while time.monotonic() < end and not Proposal.objects.filter(status="unknown").exists():
        work_on(helix, rounds=1)
        time.sleep(0.2)
    work_on(helix, rounds=1)
    run.refresh_from_db()
    proposal, pause = Proposal.objects.get(), step(run, "pause")
    assert (proposal.status, pause.status, run.status) == ("unknown", "unknown", "paused")
    assert "another transaction was mined at our nonce" in pause.reason
    assert pause.output["choices"] == ["look-again", "give-up", "skip", "abort"]
    assert Transaction.objects.count() == 1, "never another nonce by itself"

    client = Client()
    client.force_login(person("ben", "commander"))
    decide = reverse("integrations:transaction", args=[sent.pk])
    incident = Incident.objects.filter(scope__in=run.scope.parent_links.values("parent")).get()
    for page in (
        reverse("runbooks:run", args=[run.pk]),
        reverse("incidents:incident", args=[incident.pk]),
        reverse("governance:proposal", args=[proposal.pk]),
    ):
        body = client.get(page).content.decode()
        assert decide in body, page
        assert "another transaction was mined at our nonce" in body, page
    api = client.get(f"/api/v1/proposals/{proposal.pk}/").json()
    assert (api["status"], api["stopped"]["code"]) == ("unknown", "transaction-unknown")

    sent.refresh_from_db()
    resolve(transaction=sent, choice="give-up", actor="user:1", reason="it was the intern")
    work_on(helix, rounds=2)
    run.refresh_from_db()
    assert (Proposal.objects.get().status, step(run, "pause").status, run.status) == ("failed", "failed", "failed")
    assert "it was the intern" in step(run, "pause").reason
    assert Proposal.objects.count() == 1, "only a person proposes anew"


def test_an_unknown_that_is_looked_at_again_lets_the_run_finish(helix: World, executor: Executor) -> None:
    run = started(helix)
    sent = waiting_to_be_mined(helix)

    row = Work.objects.get(kind=KIND)
    with transaction.atomic():
        Work.objects.filter(pk=row.pk).update(status="failed")
        ended_badly(row, Fail("its worker died 8 times"))
    settle()
    assert (step(run, "pause").status, Run.objects.get(pk=run.pk).status) == ("unknown", "paused")
    resolve(transaction=sent, choice="look-again", actor="user:1", reason="looked: it is there")
    finished(helix, run)
    assert Transaction.objects.count() == Proposal.objects.count() == 1
    assert StepRun.objects.filter(run=run).exclude(status="done").count() == 0
    assert told() == 1


def test_a_reorg_takes_the_proof_and_the_run_proves_it_again_but_tells_nobody_twice(
    helix: World, executor: Executor
) -> None:
    Chain.objects.update(finality_depth=500)
    run = finished(helix, started(helix))
    incident = Incident.objects.filter(scope__in=run.scope.parent_links.values("parent")).get()
    first = {name: step(run, name).proof for name in ("pause", "verify")}
    assert incident.status == "contained"
    rpc = helix.devnet.rpc
    sent = Transaction.objects.get()
    assert sent.block_number is not None
    rpc("anvil_reorg", rpc.block_number() - sent.block_number + 1, [])
    rpc("anvil_setBalance", executor.address, hex(10**19))
    stale(helix)
    finished_at = run.ended_at
    end = time.monotonic() + 30
    while time.monotonic() < end and not Event.objects.filter(verb="run.running", subject=run.subject)[1:]:
        work_on(helix, rounds=1)
        time.sleep(0.1)
    assert Event.objects.filter(verb="incident.active", subject=incident.subject).exists()
    finished(helix, run)
    incident.refresh_from_db()
    assert incident.status == "contained"
    assert run.ended_at != finished_at
    assert {name: step(run, name).attempt for name in ("confirm", "pause", "verify", "tell")} == {
        "confirm": 1,
        "pause": 2,
        "verify": 2,
        "tell": 1,
    }
    assert step(run, "verify").proof.startswith("paused is true at block")
    assert step(run, "pause").proof != first["pause"]
    assert (Transaction.objects.count(), Proposal.objects.count(), told()) == (1, 1, 1)
