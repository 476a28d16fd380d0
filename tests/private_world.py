"""A private incident with something of every room in it, and people inside and outside."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import timezone

from accounts.approvals.models import Approval
from accounts.approvals.services import request_approval
from accounts.models import User
from governance.proposals.models import Proposal
from governance.safes.models import Safe
from incidents.addresses.models import BoardAddress
from incidents.addresses.services import put
from incidents.alerts.models import Alert
from incidents.alerts.services import raise_alert
from incidents.incidents.models import Incident
from incidents.incidents.services import open_incident, take_command
from incidents.roles.models import Assignment
from incidents.roles.services import assign
from incidents.todo.models import Task
from incidents.todo.services import open_task
from incidents.updates.models import Update
from incidents.updates.services import add_note, add_update
from integrations.chain.models import Chain
from integrations.chain.transactions.models import Transaction
from integrations.safe.hashes import SafeTx, safe_tx_hash
from ledger.models import Event, Scope
from ledger.scopes import open_scope
from notify.demo import load_outside as load_audiences
from notify.models import Message, Page
from notify.services import send
from runbooks.playbooks.services import save_version
from runbooks.rehearsals.models import Rehearsal
from runbooks.runs.models import Run
from runbooks.runs.services import start_run
from tests.browser import chain_world
from tests.people import person
from tests.rehearsed import taken

SECRET = "Krakatoa"  # in every free text of the private incident, and nowhere else
TARGET = "0x3E5c63644E683549055b9Be8653de26E0B4CD36E"
SAFE = "0x41675C099F32341bf84BFc5382aF534df5C7461a"
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BY_HAND = """\
playbook: by-hand
title: By hand
summary: One thing by hand.
inputs:
  what: {type: text, title: What}
steps:
  - id: first
    manual: {instruction: "Look at ${{ inputs.what }}.", evidence: text}
"""


@dataclass(frozen=True)
class PrivateWorld:
    """`member` is inside; everybody else is not."""

    member: User
    incident: Incident
    alert: Alert
    run: Run
    rehearsal: Rehearsal
    approval: Approval
    message: Message
    safe: Safe
    proposal: Proposal
    transaction: Transaction

    @property
    def scopes(self) -> list[Scope]:
        return [self.incident.scope, self.run.scope, self.proposal.scope]

    @property
    def paths(self) -> Iterator[str]:
        """Every page of these things."""
        number = self.incident.pk
        yield from (f"/incidents/{number}/", f"/incidents/of/{self.incident.scope_id}/")
        yield f"/incidents/{number}/start/by-hand/"
        yield from (f"/incidents/{number}/postmortem/", f"/incidents/{number}/postmortem.jsonl?show=people")
        yield from (f"/incidents/{number}/timeline/", f"/incidents/{number}/complete/?line=/done+")
        yield f"/runbooks/runs/{self.run.pk}/"
        yield f"/runbooks/rehearsals/{self.rehearsal.pk}/"
        yield f"/runbooks/rehearsals/{self.rehearsal.pk}/report.json"
        yield from (f"/governance/plans/{self.run.plan_id}/", f"/governance/plans/{self.run.plan_id}/plan.json")
        yield f"/governance/plans/{self.run.plan_id}/diff/{self.run.plan_id}/"
        yield from (
            f"/governance/proposals/{self.proposal.pk}/",
            f"/governance/proposals/{self.proposal.pk}/bundle.json",
        )
        yield from (f"/approvals/{self.approval.pk}/", f"/approvals/{self.approval.pk}/signing-data/?chain_id=731337")
        yield f"/notify/messages/{self.message.pk}/"
        yield f"/chain/transactions/{self.transaction.pk}/"
        yield f"/chain/transactions/{self.transaction.pk}/state/"
        yield f"/notify/pages/{Page.objects.get(about=self.incident.subject).pk}/"
        for letter in ("", "pause/"):
            yield f"/incidents/telling/{letter}?incident={number}"

    @property
    def verbs(self) -> Iterator[str]:
        """Every page that changes them, by POST."""
        for verb in ("take", "severity", "command", "move", "privacy", "start/by-hand"):
            yield f"/incidents/{self.incident.pk}/{verb}/"
        yield from (f"/incidents/{self.incident.pk}/postmortem/{verb}/" for verb in ("draft", "items", "summary"))
        yield f"/incidents/{self.incident.pk}/updates/{self.incident.updates.latest('pk').pk}/"
        yield f"/runbooks/runs/{self.run.pk}/abort/"
        yield f"/runbooks/runs/{self.run.pk}/rehearse/"
        for verb in ("complete", "retry", "skip"):
            yield f"/runbooks/steps/{self.run.steps.get().pk}/{verb}/"
        for verb in ("sign", "withdraw", "reject", "execute"):
            yield f"/governance/proposals/{self.proposal.pk}/{verb}/"
        for verb in ("give", "refuse", "take-back"):
            yield f"/approvals/{self.approval.pk}/{verb}/"
        for verb in ("resolve", "cancel"):
            yield f"/chain/transactions/{self.transaction.pk}/{verb}/"
        yield f"/notify/deliveries/{self.message.deliveries.get().pk}/resend/"

    @property
    def api_paths(self) -> Iterator[str]:
        yield f"/api/v1/incidents/{self.incident.pk}/"
        yield f"/api/v1/incidents/{self.incident.pk}/timeline/"
        for noun, pk in self.beside.items():
            yield f"/api/v1/incidents/{self.incident.pk}/{noun}/"
            yield f"/api/v1/incidents/{self.incident.pk}/{noun}/{pk}/"
        yield f"/api/v1/alerts/{self.alert.pk}/"
        yield f"/api/v1/runs/{self.run.pk}/"
        yield f"/api/v1/rehearsals/{self.rehearsal.pk}/"
        yield f"/api/v1/plans/{self.run.plan_id}/"
        yield f"/api/v1/approvals/{self.approval.pk}/"
        yield f"/api/v1/messages/{self.message.pk}/"
        yield f"/api/v1/deliveries/{self.message.deliveries.get().pk}/"
        yield f"/api/v1/proposals/{self.proposal.pk}/"
        yield f"/api/v1/proposals/{self.proposal.pk}/review/"
        event = Event.objects.filter(scope=self.incident.scope).first()
        assert event is not None
        yield f"/api/v1/events/{event.pk}/"

    @property
    def beside(self) -> dict[str, int]:
        """One of each thing that hangs on the incident."""
        number = {"incident": self.incident}
        return {
            "roles": Assignment.objects.get(**number).pk,
            "tasks": Task.objects.get(**number).pk,
            "addresses": BoardAddress.objects.get(**number).pk,
            "updates": Update.objects.filter(**number).latest("pk").pk,
        }

    @property
    def api_verbs(self) -> Iterator[tuple[str, dict[str, object]]]:
        number = f"/api/v1/incidents/{self.incident.pk}"
        yield from ((f"{number}/take/", {}), (f"{number}/severity/", {"severity": "SEV1"}))
        yield from ((f"{number}/updates/", {"text": "x"}), (f"{number}/notes/", {"text": "x"}))
        yield from ((f"{number}/move/", {"status": "contained"}), (f"{number}/private/", {"private": False}))
        yield from ((f"{number}/funds/", {"kind": "moved", "amount": 1}), (f"{number}/seen/", {}))
        yield from ((f"{number}/handover/", {"user": "otto"}), (f"{number}/merge/", {"incident": 1}))
        yield from ((f"{number}/links/", {"incident": 1}), (f"{number}/roles/", {"role": "web", "user": "otto"}))
        yield (f"{number}/tasks/", {"title": "x"})
        yield (f"{number}/addresses/", {"address": OWNER, "chain_id": 1})
        yield (f"{number}/runs/", {"playbook": "by-hand", "inputs": {"what": "x"}})
        yield (f"/api/v1/alerts/{self.alert.pk}/clear/", {"reason": "x"})
        yield (f"/api/v1/runs/{self.run.pk}/abort/", {"reason": "x"})
        yield (f"/api/v1/runs/{self.run.pk}/rehearse/", {})
        for verb in ("complete", "retry", "skip"):
            yield (f"/api/v1/runs/{self.run.pk}/steps/first/{verb}/", {})
        for verb in ("give", "refuse"):
            yield (f"/api/v1/approvals/{self.approval.pk}/{verb}/", {"reason": "x"})
        yield (f"/api/v1/proposals/{self.proposal.pk}/confirmations/", {"signature": "0x" + "11" * 65})
        yield (f"/api/v1/deliveries/{self.message.deliveries.get().pk}/resend/", {})


def a_safe() -> Safe:
    return Safe.objects.create(
        chain=Chain.objects.get(),
        address=SAFE,
        label="Guardian Safe",
        version="1.4.1",
        owners=[OWNER],
        threshold=1,
        nonce=5,
        singleton=TARGET,
        code_hash="0x" + "11" * 32,
        read_block=7,
        read_at=timezone.now(),
    )


def a_proposal(safe: Safe, scope: Scope, title: str, *, data: str = "8456cb59") -> Proposal:
    """One at the Safe's next nonce, written down as `propose` does, without a chain."""
    tx = SafeTx(safe.chain.chain_id, SAFE, "1.4.1", TARGET, data=bytes.fromhex(data), nonce=5)
    return Proposal.objects.create(
        safe=safe,
        scope=scope,
        status="signing",
        title=title,
        calls=[{"to": TARGET, "value": "0", "data": f"0x{data}"}],
        chain_id=safe.chain.chain_id,
        version="1.4.1",
        to=TARGET,
        data=tx.data,
        nonce=tx.nonce,
        safe_tx_hash=safe_tx_hash(tx),
        created_by="user:1",
        simulated_at=timezone.now(),
        simulation={"block": 7, "ok": True, "changes": [], "meanings": [], "targets": {TARGET: "0x11"}},
    )


def private_world() -> PrivateWorld:
    load_audiences("system:test")
    chain_world.executor()
    member = person("mia", "commander")
    incident = open_incident(title=f"{SECRET} smokes", severity="SEV2", private=True, actor=member.actor)
    take_command(incident=incident, user=member)
    add_note(incident=incident, text=f"{SECRET} is a volcano", actor=member.actor)
    add_update(incident=incident, text=f"{SECRET} smokes still", actor=member.actor)
    assign(incident=incident, role="scribe", user=member, actor=member.actor)
    open_task(incident=incident, title=f"Watch {SECRET}", actor=member.actor)
    put(incident=incident, address=TARGET, chain_id=1, label=SECRET, actor=member.actor)
    alert = raise_alert(key=f"x:{SECRET}", severity="SEV2", title=SECRET, source="system:test", about=incident.scope)
    book = save_version(yaml=BY_HAND, actor="system:test")
    run = start_run(playbook=book, inputs={"what": SECRET}, scope=incident.scope, actor=member.actor)
    rehearsal = taken(run)
    approval = request_approval(
        subject=run.subject,
        subject_hash=run.plan_hash,
        scope=run.scope,
        required=1,
        role="responder",
        requester="user:999",
        title=f"Go on with {SECRET}?",
        actor=member.actor,
    )
    message = send(
        key="quiet",
        actor=member.actor,
        users=[member],
        context={"subject": SECRET, "body": f"{SECRET} smokes"},
        scope=incident.scope,
    )
    scope = open_scope(kind="proposal", title=SECRET, actor=member.actor, parents=[incident.scope])
    safe = a_safe()
    proposal = a_proposal(safe, scope, f"Cap {SECRET}")
    sent = Transaction.objects.filter(about="proposal:7").first()
    assert sent is not None
    Transaction.objects.filter(pk=sent.pk).update(scope=scope, about=proposal.subject)
    return PrivateWorld(member, incident, alert, run, rehearsal, approval, message, safe, proposal, sent)
