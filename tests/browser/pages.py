"""Every address that answers GET with a page, and what to show there.

`test_pages.py` walks the URLconf and fails for a route that is neither here nor in `NOT_PAGES`: add a line.
What a route's arguments need is made once a module by `World`, from the rooms' own services.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import signing
from django.utils import timezone

from accounts.approvals.models import Approval
from accounts.approvals.services import request_approval
from accounts.invitations.models import Invitation
from accounts.invitations.services import invite, link_of
from accounts.models import User
from accounts.tokens.services import create_token
from governance.exchange.models import Exchange, Oddity, SafeService
from governance.exchange.services import set_service
from governance.plans.models import Plan
from governance.proposals.links import link_of as signing_link
from governance.proposals.models import Proposal
from governance.proposals.services import confirm
from governance.protocols.models import Protocol
from governance.protocols.services import allow
from governance.safes.models import Safe
from governance.safes.services import register
from incidents.commands.verbs import carry_out
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.inbound.payloads import DOTS
from incidents.inbound.services import create_key
from incidents.incidents.models import Incident
from incidents.incidents.services import move, open_incident, take_command
from incidents.postmortems.services import draft, edit_section
from incidents.status.models import Publication
from incidents.todo.services import open_task
from incidents.updates.models import Update
from incidents.updates.services import edit
from incidents.watch.evaluate import name_of
from incidents.watch.models import Monitor, WatchedBlock
from incidents.watch.services import mute, save_monitor
from incidents.windows.models import Window
from incidents.windows.services import open_window
from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from integrations.devnet import mail
from integrations.devnet.chain import CAROL
from integrations.secrets.models import Secret
from integrations.secrets.services import set_secret
from notify import demo as notify_demo
from notify.audiences.services import add_audience, switch_off
from notify.ladders.services import save_ladder
from notify.models import Destination, Ladder, Message, Rotation, Subscriber
from notify.models import Page as Paged
from notify.pages.links import ack_link
from notify.rotations.services import add_override, save_rotation
from notify.services import open_page, resolve, send
from notify.subscribers import services as subscribing
from notify.ways.services import add_way
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.services import save_version
from runbooks.rehearsals.models import Rehearsal
from runbooks.runs.models import Run
from runbooks.runs.services import start_run
from tests import governance_world, rehearsed
from tests.browser import chain_world
from tests.chain.conftest import Devnet
from tests.drain import settle
from tests.passkeys import add_passkey
from tests.people import person

FEED = "0x" + "fe" * 20
PROCEDURE = """\
playbook: procedure
title: A procedure with everything in it
summary: Looks, asks and acts, so that every kind of line and frame of the graph is drawn.
when: [stale-oracle]
impact: Nothing; it is for looking at.
targets: {detect: 30s, acknowledge: 5m, safe: 15m, restored: 2h}
approval: {required: 2, role: commander, needs: passkey}
inputs:
  vault: {type: text, title: Vault, default: HelixVault}
  size: {type: uint256, title: Size, default: 7}
steps:
  - id: look
    title: Look at ${{ inputs.vault }} before anything is touched by anybody
    text: Compare what the alert says with a second source.
    manual: {instruction: "Look at it.", evidence: text}
    role: responder
    on_failure: agree
  - {id: left, title: Ask the protocol engineer, manual: {instruction: Ask., evidence: none}, needs: look, expect: 5m}
  - {id: right, title: Let it settle, wait: {duration: 1m}, needs: look, on_failure: continue}
  - {id: agree, title: Agree, approve: {question: Shall we go on?, required: 2, role: commander}, needs: [left, right]}
  - id: outwards
    title: Tell everybody at once
    parallel:
      steps:
        - id: exchanges
          title: Ask the exchanges to halt deposits
          manual: {instruction: Telephone., evidence: text}
          rollback: {manual: {instruction: Telephone again., evidence: none}, title: Let them resume}
        - {id: page, title: Put the page up, manual: {instruction: Put it up., evidence: link}}
  - id: large
    title: Is it large
    if:
      that: inputs.size > 5
      then:
        - {id: lawyers, title: Call the lawyers, manual: {instruction: Call., evidence: none}}
        - {id: await, title: Await their answer, wait: {duration: 1m}}
      else:
        - {id: note, title: Note that it is small, manual: {instruction: Note., evidence: none}}
  - {id: way, title: Which way, decide: {question: Which way?, options: [pause, watch]}, on_failure: rollback}
  - id: which
    switch:
      on: steps.way.choice
      cases:
        pause: [{id: halt, title: Stop trading, manual: {instruction: Stop., evidence: none}, marks: contained}]
      default: [{id: watch, title: Watch for an hour, wait: {duration: 1h}}]
  - {id: last, title: Look again, if: inputs.size > 3, manual: {instruction: Look., evidence: none}}
finally:
  - {id: tidy, title: Hand back what was borrowed, manual: {instruction: Tidy up., evidence: none}}
"""
BY_HAND = """\
playbook: by-hand
title: Look, then wait
summary: One thing by hand, then a pause, then the rest.
steps:
  - id: look
    manual: {instruction: Read the feed on a block explorer and note its last answer., evidence: text}
  - id: pause
    wait: {duration: 1h}
  - id: check
    manual: {instruction: Read it again., evidence: text}
"""
LETTER = b"""\
X-To: lps@helix.example
From: Breakglass <breakglass@localhost>
To: lps@helix.example
Subject: The vault is paused
Content-Type: text/plain; charset=utf-8

Trading and withdrawals stopped at block 18204356.
https://127.0.0.1/a/very/long/address/that/has/no/place/to/break/0123456789abcdef0123456789abcdef0123456789abcdef
"""


class World:
    """What the pages show; each thing is made when the first page asks for it."""

    def __init__(self, devnet: Devnet) -> None:
        self._devnet = devnet

    @cached_property
    def governed(self) -> governance_world.World:
        """A protocol, its vault and its Safes, on a real chain."""
        return governance_world.world(self._devnet)

    @cached_property
    def proposal(self) -> Proposal:
        proposal = self.governed.propose(
            scope=self.incident.scope,
            actor=self.admin.actor,
            title="Pause HelixVault",
            description="Stops all trading and withdrawals except exits.",
        )
        confirm(proposal=proposal, signature=governance_world.sign(proposal, CAROL.address), actor="user:1")
        return proposal

    @cached_property
    def owned(self) -> Proposal:
        """Of a Safe that a Safe owns."""
        registered = {
            ref.slug: register(chain=self.governed.chain, address=ref.address, label=f"{ref.slug} Safe", actor="user:1")
            for ref in self._devnet.deployment.safes
            if ref.slug != "guardian"
        }
        send = {"to": CAROL.address, "value": "0", "data": "0x"}
        return self.governed.propose(send, safe=registered["council"], title="Ask the council")

    @property
    def safe(self) -> Safe:
        return self.governed.guardian

    @cached_property
    def protocol(self) -> Protocol:
        """With an allow-list: of a registered contract, and of somebody who is none."""
        protocol, where = self.governed.protocol, {"chain": self.governed.chain, "actor": self.admin.actor}
        functions = ("pause()", "setMode(uint8)", "")
        allow(protocol=protocol, address=self.governed.vault.address, functions=functions, **where)
        allow(protocol=protocol, address=CAROL.address, label="Payroll", **where)
        return protocol

    @cached_property
    def safe_service(self) -> SafeService:
        """It gives no answer any more, and said something odd before."""
        url, past = "https://safe.example.org/tx-service/dev", timezone.now() - timedelta(minutes=2)
        said, found = "0x" + "12" * 32, "0x" + "ab" * 32
        words = f"safeTxHash: The service says {said}, but its own fields hash to {found} (nonce 4)."
        Oddity.objects.create(safe=self.safe, kind="hash", mark=said, words=words, again_at=past)
        Exchange.objects.create(safe=self.safe, done_at=past, failing_since=past, problem="it answers 502", unsigned=1)
        return set_service(chain=self.safe.chain, url=url, key="0123456789", actor=self.admin.actor)

    @property
    def plan(self) -> Plan:
        assert self.run.plan is not None
        return self.run.plan

    @cached_property
    def admin(self) -> User:
        user = person("ana", "admin", "commander", "responder", with_password=True)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    @cached_property
    def secret(self) -> Secret:
        host, note = "api.pager.example", "The pager's API"
        set_secret(name="pager_key", value="Bearer 0123456789", actor=self.admin.actor, note=note, hosts=[host])
        return set_secret(name="status_page", value="token 9876543210", actor=self.admin.actor)

    @cached_property
    def window(self) -> Window:
        soon = timezone.now() + timedelta(hours=2)
        return open_window(title="Feed migration", pattern="oracle_stale:*", ends_at=soon, actor=self.admin.actor)

    @cached_property
    def sender(self) -> InboundKey:
        """Its mapping fits one of two payloads; another sender has fallen silent."""
        create_key(name="Backups", format="heartbeat", config={"period": 10, "grace": 0}, actor=self.admin.actor)
        InboundKey.objects.update(missed_at=timezone.now())
        config = {"title": "${{ name }} on ${{ chain }}", "key": "id", "severity": "level"}
        key, _ = create_key(name="Scripts of the data team", config=config, actor=self.admin.actor)
        for body in ({"id": 7, "name": "Outflow", "chain": "mainnet", "level": "high"}, {"id": 8, "level": "doom"}):
            InboundPayload.objects.create(key=key, digest=str(body["id"]), body={**body, "password": DOTS})
        return key

    @cached_property
    def viewer(self) -> User:
        return person("val", "viewer", with_password=True)

    @cached_property
    def newcomer(self) -> User:
        """Has no password yet, and an address that waits for its confirmation."""
        return person("nora", "viewer")

    @cached_property
    def unreachable(self) -> User:
        """Has no address at all."""
        user = person("una", "responder", with_password=True)
        User.objects.filter(pk=user.pk).update(email="")
        return user

    @cached_property
    def own_way(self) -> Destination:
        """Of somebody who has two; the receiver of one refused for good."""
        made = [
            add_way(user=self.admin, channel="ntfy", config={"topic": topic}, label=label, pause=None)
            for topic, label in (("ana-0123456789abcdef0123456789abcdef0123456789abcdef01234", ""), ("desk", "Desk"))
        ]
        switch_off(destination=made[1], reason="ntfy answered 403: forbidden", actor="system:notify")
        return made[0]

    @cached_property
    def confirmation(self) -> EmailConfirmationHMAC:
        return EmailConfirmationHMAC(EmailAddress.objects.create(user=self.newcomer, email=self.newcomer.email))

    @cached_property
    def careful(self) -> User:
        """Has an authenticator app, recovery codes and a passkey."""
        user = person("cleo", "responder", with_password=True)
        TOTP.activate(user, generate_totp_secret())
        RecoveryCodes.activate(user)
        add_passkey(user, "Key on the desk")
        return user

    @cached_property
    def passkey(self) -> Authenticator:
        return Authenticator.objects.get(user=self.careful, type=Authenticator.Type.WEBAUTHN)

    @cached_property
    def token(self) -> str:
        return create_token(user=self.admin, name="ci", scopes=["read", "runs:write"], actor=self.admin.actor)[1]

    @cached_property
    def invitation(self) -> Invitation:
        return invite(email="new@example.org", levels=["responder"], by=self.admin)

    @cached_property
    def approval(self) -> Approval:
        return request_approval(
            subject="run:1",
            subject_hash="0x" + "9f2c" * 16,
            scope=None,
            required=2,
            role="commander",
            requester="user:99",
            title="Pause the vault: HelixVault on the devnet",
            actor="user:99",
        )

    @cached_property
    def message(self) -> Message:
        notify_demo.load("system:test")
        context = {"subject": "The vault is paused", "body": "Trading has stopped.\nMore in 30 minutes."}
        return send(key="pages", actor=self.admin.actor, audience="lps", context=context)

    @cached_property
    def announced(self) -> Message:
        """On the public page: of an open incident, with a correction and a promise; and one incident that is over."""
        assert self.governed
        words = {"subject": "HelixVault is paused", "body": "Trading has stopped.\n\nWithdrawals go on."}
        tell = {"actor": self.admin.actor, "audience": "users", "scope": self.incident.scope, "authority": "plan:0x1"}
        said = send(key="said", context=words, next_update_by=timezone.now() + timedelta(minutes=30), **tell)
        past = open_incident(title="Slow", severity="SEV2", actor=self.admin.actor, protocol=self.governed.protocol)
        for status in ("contained", "restored", "closed"):
            move(incident=past, to=status, actor=self.admin.actor, reason="the endpoint answers again")
        Publication.objects.create(place="folder", number=3, changed_at=timezone.now(), confirmed_at=timezone.now())
        Publication.objects.create(place="put", error="it answered 503 to index.html")
        words = {
            "subject": "HelixVault is paused, withdrawals too",
            "body": "Nothing can be withdrawn before it reopens.",
        }
        return send(key="corrected", context=words, corrects=said, **tell)

    @cached_property
    def confirming(self) -> str:
        assert self.announced
        subscribing.ask(channel="email", address="reader@example.org")
        return signing.dumps([Subscriber.objects.get().pk, Subscriber.objects.get().turn], salt=subscribing.CONFIRM)

    @cached_property
    def leaving(self) -> str:
        assert self.confirming
        return subscribing.leave_link(Subscriber.objects.get()).split("/")[-2]

    @cached_property
    def paged(self) -> Paged:
        """It climbs: one rung is told, and nobody has it."""
        page = open_page(
            key="pages",
            title="SEV1 Stale oracle: HLX/USD has not answered since block 18204355",
            text="Somebody is needed to lead this incident.",
            severity="SEV1",
            link="/incidents/",
            actor=self.admin.actor,
        )
        settle(("notify.page",))
        return Paged.objects.get(pk=page.pk)

    @cached_property
    def answered(self) -> Paged:
        """The incident's, whose commander has it."""
        return Paged.objects.get(about=self.incident.subject)

    @cached_property
    def unneeded(self) -> Paged:
        page = open_page(key="unneeded", title="Look at the bridge", actor=self.admin.actor)
        return resolve(page=page, actor=self.admin.actor, reason="it was a test of the sender")

    def ack_token(self, page: Paged) -> dict[str, str]:
        return {"token": ack_link(page_id=page.pk, user_id=self.admin.pk).split("/")[-2]}

    @cached_property
    def rotation(self) -> Rotation:
        """By day and by night, with somebody who stands in, a time without anybody and somebody without an address."""
        by_day = {"people": ["ana"], "starts": "2026-11-02", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}
        User.objects.filter(pk=person("bo", "responder").pk).update(email="")
        hours = {"from_time": "08:00", "until_time": "20:00"}
        by_night = {"people": ["bo", "ana"], "starts": "2026-11-02", "unit": "days", "from_time": "20:00"}
        layers = [{**by_day, **hours}, {**by_night, "until_time": "08:00"}]
        made = save_rotation(
            slug="primary", name="Primary", zone="Europe/Berlin", layers=layers, actor=self.admin.actor
        )
        now = timezone.now()
        since, until = now + timedelta(days=1), now + timedelta(days=2)
        add_override(rotation=made, user="bo", since=since, until=until, reason="a wedding", actor=self.admin.actor)
        return made

    @cached_property
    def ladder(self) -> Ladder:
        """One step reaches nobody."""
        steps = [
            {"targets": [self.rotation.target]},
            {"after": 300, "targets": ["person:bo"]},
            {"after": 600, "targets": ["role:commander", "audience:responders"]},
        ]
        add_audience(slug="responders", name="Responders", kind="inside", level="responder", actor="system:test")
        return save_ladder(slug="bridge", name="The bridge", climb={"steps": steps}, actor=self.admin.actor)

    @cached_property
    def monitor(self) -> Monitor:
        """Fires, is muted, and has read something at each of the last blocks."""
        chain = self.governed.chain
        monitor = save_monitor(
            slug="volatile",
            name="HLX/USD moves too much",
            kind="volatility",
            config={"feed": FEED, "name": "HLX/USD", "window": 600, "limit_bps": 500},
            chain=chain,
            protocol=self.governed.protocol,
            failure_mode="stale-oracle",
            actor=self.admin.actor,
        )
        for number in range(40):
            figure = 100 + number * number
            reading = {"volatility_bps": figure, "limit": 500, "price": "1240000000", "samples": number}
            WatchedBlock.objects.create(
                chain=chain,
                number=9_000_000 + number,
                hash=f"0x{number:064x}",
                timestamp=1_800_000_000 + number,
                monitors=1,
                took_ms=4,
                readings={name_of(monitor.pk): ["firing" if figure > 500 else "calm", reading]},
            )
        mute(monitor=monitor, minutes=600, reason="The feed is moved to another contract.", actor=self.admin.actor)
        return monitor

    @cached_property
    def letter(self) -> str:
        mail.folder().mkdir(parents=True, exist_ok=True)
        (mail.folder() / "20261120T031208000000-abcdef.eml").write_bytes(LETTER)
        return mail.letters()[0].name

    @cached_property
    def playbook(self) -> PlaybookVersion:
        return save_version(yaml=BY_HAND, actor=self.admin.actor)

    @cached_property
    def procedure(self) -> PlaybookVersion:
        """A playbook with a version before this one, and every kind of step, line and frame in its graph."""
        save_version(yaml=PROCEDURE, actor=self.admin.actor, note="as it was rehearsed in May")
        later = PROCEDURE.replace("expect: 5m", "expect: 10m").replace("title: Look", "title: Look twice")
        return save_version(yaml=later, actor=self.admin.actor, note="signers are slower at night")

    @cached_property
    def incident(self) -> Incident:
        notify_demo.load("system:test")
        incident = open_incident(
            title="Stale oracle: HLX/USD has not answered since block 18204355",
            severity="SEV1",
            actor="monitor:oracle-stale",
            summary="The price feed has not moved for longer than its heartbeat. Liquidations run on an old price.",
        )
        take_command(incident=incident, user=self.admin)
        return incident

    @cached_property
    def led(self) -> Incident:
        """Something of everything that lies beside a run; some of it waits for the one who looks."""
        incident = open_incident(title="Outflow above its limit", severity="SEV1", actor="monitor:outflow")
        other = person("oscar", "commander")
        for line in (
            f"/role signer-liaison @{self.admin.username}",
            "/role scribe @oscar",
            f"/task Call the exchanges @{self.admin.username}",
            "/task Write the statement",
            "/done 2",
            "/address 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 at-risk chain 1 The thief",
            "/address 0x3E5c63644E683549055b9Be8653de26E0B4CD36E paused chain 1",
            "/funds risk 41.2M",
            "/update 15m Trading is stopped.",
            "/can It holds. | We look for the way in. | A second signer.",
            f"/handover @{self.admin.username} I must sleep.",
        ):
            carry_out(incident, other, line)
        edit(update=Update.objects.filter(kind="update").latest("pk"), words={"text": "It is."}, actor=other.actor)
        Incident.objects.filter(pk=incident.pk).update(next_update_by=timezone.now() - timedelta(minutes=3))
        return incident

    @cached_property
    def learnt(self) -> Incident:
        """Over, with a postmortem that somebody changed, and something left to do."""
        incident = open_incident(title="Explorer shows a wrong balance", severity="SEV3", actor=self.admin.actor)
        for to in ("active", "restored", "closed"):
            move(incident=incident, to=to, actor=self.admin.actor, reason="over")
        written = draft(incident=incident, user=self.admin, actor=self.admin.actor)
        edit_section(postmortem=written, section="causes", text="A cache.\nIt was old.", actor=self.admin.actor)
        day = timezone.now().date() + timedelta(days=9)
        open_task(incident=incident, title="Watch its age", actor=self.admin.actor, assignee=self.admin, due_on=day)
        return incident

    @cached_property
    def run(self) -> Run:
        run = start_run(playbook=self.playbook, inputs={}, scope=self.incident.scope, actor=self.admin.actor)
        settle()
        return run

    @cached_property
    def rehearsal(self) -> Rehearsal:
        """Of a plan that went through on a fork."""
        # not the very transaction that `proposal` holds: a Safe's queue takes it only once
        stricter = 'call: pause()}, {on: "${{ inputs.vault }}", call: setMode(uint8 mode), args: [1]}]'
        steps = rehearsed.PAUSE.replace("call: pause()}]", stricter)
        run = rehearsed.held(self.governed, steps, actor=self.admin.actor, scope=self.incident.scope)
        return rehearsed.taken(run)

    @cached_property
    def stumble(self) -> Rehearsal:
        """Of a plan whose call reverts."""
        run = rehearsed.held(self.governed, rehearsed.FORBIDDEN, slug="forbidden", actor=self.admin.actor)
        return rehearsed.taken(run)

    @cached_property
    def crossroads(self) -> Rehearsal:
        """Of a plan in which people decide."""
        run = rehearsed.held(self.governed, rehearsed.CHOICE, slug="crossroads", actor=self.admin.actor)
        return rehearsed.taken(run)

    @cached_property
    def rehearsed_run(self) -> Run:
        assert self.rehearsal.run is not None
        return self.rehearsal.run

    @cached_property
    def rehearsed_proposal(self) -> Proposal:
        settle()
        return self.rehearsed_run.plan.proposals.get()

    @cached_property
    def draft(self) -> Run:
        """Held, to be read and rehearsed; it differs from no run before it."""
        assert self.run.pk
        return start_run(playbook=self.playbook, inputs={}, scope=None, actor=self.admin.actor, hold=True)

    @cached_property
    def executor(self) -> Executor:
        """One transaction mined, one on its way, one that a foreign one at its nonce stopped."""
        return chain_world.executor()

    @cached_property
    def mined(self) -> Transaction:
        return self.executor.transactions.get(status="mined")

    @cached_property
    def unsure(self) -> Transaction:
        return self.executor.transactions.get(status="unknown")


Arguments = Callable[[World], Mapping[str, object]]


def nothing(_world: World) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True)
class Page:
    """`route` as the URLconf writes it; `who` is an attribute of World, or None for somebody not logged in."""

    route: str
    arguments: Arguments = nothing
    who: str | None = "admin"
    query: str = ""
    status: int = 200
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"{self.route}{self.query}" or "front"


def pk(name: str) -> Arguments:
    """The primary key of a thing of the world."""
    return lambda world: {"pk": getattr(world, name).pk}


def with_(name: str) -> Arguments:
    """No arguments, but a page with something on it."""

    def make(world: World) -> Mapping[str, object]:
        getattr(world, name)
        return {}

    return make


ERRORS = (400, 403, 404, 409, 429, 500)


def error(status: int) -> Page:
    return Page(
        "devnet/style/error/<int:status>/",
        lambda _world: {"status": status},
        who=None,
        status=status,
        name=f"error {status}",
    )


PAGES: list[Page] = [
    Page("", with_("run"), name="front"),
    Page("api/docs/"),
    # incidents
    Page("incidents/", with_("run")),
    Page("incidents/open/"),
    Page("incidents/inbound/", with_("sender")),
    Page("incidents/windows/", with_("window")),
    Page("incidents/inbound/<int:pk>/", lambda world: {"pk": world.sender.pk}),
    Page("incidents/monitors/", with_("monitor")),
    Page("incidents/monitors/new/"),
    Page("incidents/monitors/new/<slug:kind>/", lambda world: {"kind": "stress_score"} if world.governed else {}),
    Page("incidents/monitors/<slug:slug>/", lambda world: {"slug": world.monitor.slug}),
    Page("incidents/monitors/<slug:slug>/edit/", lambda world: {"slug": world.monitor.slug}),
    Page("incidents/<int:pk>/", lambda world: (world.run, {"pk": world.incident.pk})[1]),
    Page("incidents/<int:pk>/", pk("led"), name="war room in use"),
    Page("incidents/<int:pk>/postmortem/", pk("learnt")),
    Page("incidents/metrics/", with_("learnt"), query="?show=restore"),
    Page("incidents/search/", with_("learnt"), query="?q=wrong+balance"),
    Page(
        "incidents/<int:pk>/start/<slug:slug>/",
        lambda world: {"pk": world.incident.pk, "slug": world.playbook.playbook.slug},
    ),
    Page("incidents/status/", with_("announced")),
    Page("incidents/telling/", with_("announced")),
    Page("incidents/telling/<slug:slug>/", lambda w: (w.announced, {"slug": "freeze-request"})[1], name="letter"),
    Page("incidents/telling/correction/<int:pk>/", pk("announced")),
    Page("status/", with_("announced"), who=None),
    Page("status/subscribe/", with_("announced"), who=None),
    Page("status/confirm/<str:token>/", lambda world: {"token": world.confirming}, who=None),
    Page("status/leave/<str:token>/", lambda world: {"token": world.leaving}, who=None),
    Page("status/leave/<str:token>/", lambda _w: {"token": "x"}, who=None, status=410, name="leaving, an old link"),
    # logging in
    Page("accounts/login/", who=None),
    Page("accounts/signup/", who=None),
    Page("accounts/password/reset/", who=None),
    Page("accounts/password/reset/done/", who=None),
    Page("accounts/password/reset/key/done/", who=None),
    Page("accounts/password/reset/key/<uidb36>-<key>/", lambda _world: {"uidb36": "1", "key": "stale"}, who=None),
    Page("accounts/inactive/", who=None),
    Page("accounts/confirm-email/", who=None),
    Page("accounts/confirm-email/<key>/", lambda world: {"key": world.confirmation.key}, who=None),
    Page("accounts/3rdparty/login/cancelled/", who=None),
    Page("accounts/3rdparty/login/error/", who=None, status=401),
    # one's own account
    Page("accounts/logout/"),
    Page("accounts/email/"),
    Page("accounts/password/change/"),
    Page("accounts/password/set/", who="newcomer"),
    Page("accounts/reauthenticate/"),
    Page("accounts/3rdparty/"),
    Page("accounts/sessions/"),
    Page("accounts/2fa/"),
    Page("accounts/2fa/", who="careful", name="2fa in use"),
    Page("accounts/2fa/reauthenticate/", who="careful"),
    Page("accounts/2fa/totp/activate/"),
    Page("accounts/2fa/totp/deactivate/", who="careful"),
    Page("accounts/2fa/recovery-codes/", who="careful"),
    Page("accounts/2fa/recovery-codes/generate/", who="careful"),
    Page("accounts/2fa/webauthn/", who="careful"),
    Page("accounts/2fa/webauthn/add/"),
    Page("accounts/2fa/webauthn/reauthenticate/", who="careful"),
    Page("accounts/2fa/webauthn/keys/<int:pk>/edit/", pk("passkey"), who="careful"),
    Page("accounts/2fa/webauthn/keys/<int:pk>/remove/", pk("passkey"), who="careful"),
    Page("accounts/me/"),
    Page("accounts/me/ways/", with_("own_way")),
    Page("accounts/me/ways/", who="unreachable", query="?channel=twilio", name="no way"),
    Page("accounts/me/ways/<int:pk>/", pk("own_way")),
    Page("accounts/tokens/", with_("token")),
    Page("accounts/tokens/", who="newcomer", name="no tokens"),
    Page("accounts/wallets/"),
    # people
    Page("accounts/people/", with_("invitation")),
    Page("accounts/people/<int:pk>/", pk("viewer")),
    Page("accounts/invitation/<str:token>/", lambda w: {"token": link_of(w.invitation).split("/")[-2]}, who=None),
    Page("accounts/invitation/<str:token>/", lambda _w: {"token": "x"}, who=None, status=410, name="invitation gone"),
    Page("approvals/", with_("approval")),
    Page("approvals/", who="newcomer", name="no approvals"),
    Page("approvals/<int:pk>/", pk("approval")),
    Page("ledger/", with_("approval")),
    # telling people
    Page("notify/", with_("message")),
    Page("notify/messages/<int:pk>/", pk("message")),
    Page("notify/pages/", with_("paged")),
    Page("notify/pages/<int:pk>/", pk("paged")),
    Page("notify/pages/<int:pk>/", pk("answered"), name="page in hand"),
    Page("ack/<str:token>/", lambda w: w.ack_token(w.paged), who=None),
    Page("ack/<str:token>/", lambda w: w.ack_token(w.answered), who=None, name="ack link, in hand"),
    Page("ack/<str:token>/", lambda w: w.ack_token(w.unneeded), who=None, name="ack link, over"),
    Page("ack/<str:token>/", lambda _w: {"token": "x"}, who=None, status=410, name="ack link gone"),
    Page("notify/on-call/", with_("rotation")),
    Page("notify/on-call/new/", with_("rotation")),
    Page("notify/on-call/<slug:slug>/", lambda w: {"slug": w.rotation.slug}),
    Page("notify/on-call/<slug:slug>/edit/", lambda w: {"slug": w.rotation.slug}),
    Page("notify/ladders/", with_("ladder")),
    Page("notify/ladders/new/", with_("ladder")),
    Page("notify/ladders/<slug:slug>/", lambda w: {"slug": w.ladder.slug}),
    Page("notify/ladders/<slug:slug>/edit/", lambda w: {"slug": w.ladder.slug}),
    Page("notify/audiences/", with_("message")),
    Page("notify/audiences/<slug:slug>/", lambda world: {"slug": world.message.audience.slug}),
    Page("notify/destinations/<int:pk>/", lambda world: {"pk": world.message.audience.destinations.get().pk}),
    # governance
    Page("governance/", with_("proposal")),
    Page("governance/proposals/", with_("proposal")),
    Page("governance/proposals/new/", with_("proposal")),
    Page("governance/proposals/new/file/", with_("proposal")),
    Page("governance/proposals/<int:pk>/", pk("proposal")),
    Page("governance/safes/", with_("proposal")),
    Page("governance/safes/new/", with_("proposal")),
    Page("governance/safes/<int:pk>/", pk("safe")),
    Page("governance/safe-services/", with_("safe_service")),
    Page("governance/safes/<int:pk>/", lambda w: {"pk": w.safe_service and w.safe.pk}, name="Safe, its service fails"),
    Page("governance/safe-services/", with_("safe_service"), who="viewer", name="services, only read"),
    Page("governance/protocols/<slug:slug>/", lambda world: {"slug": world.protocol.slug}),
    Page("governance/protocols/<slug:slug>/allow/", lambda world: {"slug": world.protocol.slug}),
    Page("governance/protocols/<slug:slug>/contracts/new/", lambda world: {"slug": world.protocol.slug}),
    Page("governance/protocols/new/"),
    Page("governance/contracts/<int:pk>/", lambda world: {"pk": world.governed.vault.pk}),
    Page("governance/plans/", with_("run")),
    Page("governance/plans/<int:pk>/", pk("plan")),
    Page("governance/plans/<int:pk>/diff/<int:other>/", lambda world: {"pk": world.plan.pk, "other": world.plan.pk}),
    # runbooks
    Page("runbooks/", with_("run")),
    Page("runbooks/", with_("run"), query="?q=nothing-like-this", name="no playbook found"),
    Page("runbooks/new/", with_("playbook")),
    Page("runbooks/playbooks/<slug:slug>/", lambda world: {"slug": world.playbook.playbook.slug}),
    Page("runbooks/playbooks/<slug:slug>/", lambda world: {"slug": world.procedure.playbook.slug}, name="procedure"),
    Page("runbooks/playbooks/<slug:slug>/edit/", lambda world: {"slug": world.procedure.playbook.slug}),
    Page("runbooks/playbooks/<slug:slug>/diff/", lambda world: {"slug": world.procedure.playbook.slug}),
    Page(
        "runbooks/playbooks/<slug:slug>/versions/<int:number>/",
        lambda world: {"slug": world.procedure.playbook.slug, "number": 1},
    ),
    Page("runbooks/runs/<int:pk>/", pk("run")),
    Page("runbooks/runs/<int:pk>/", pk("draft"), name="draft"),
    Page("runbooks/runs/<int:pk>/", pk("rehearsed_run"), name="rehearsed run"),
    Page("runbooks/rehearsals/<int:pk>/", pk("rehearsal")),
    Page("runbooks/rehearsals/<int:pk>/", pk("stumble"), name="rehearsal failed"),
    Page("runbooks/rehearsals/<int:pk>/", pk("crossroads"), name="rehearsal of a decision"),
    Page("governance/proposals/<int:pk>/", pk("rehearsed_proposal"), name="rehearsed proposal"),
    # executors and what they send
    Page("chain/executors/", with_("executor")),
    Page("chain/executors/<int:pk>/", pk("executor")),
    Page("chain/transactions/<int:pk>/", pk("mined")),
    Page("chain/transactions/<int:pk>/", pk("unsure"), name="unknown transaction"),
    Page("chain/transactions/<int:pk>/", pk("unsure"), who="viewer", name="unknown transaction, only read"),
    Page("secrets/", with_("secret")),
    Page("secrets/", with_("secret"), who="viewer", name="secrets, only read"),
    # last, since its Safes are registered then: a playbook that asks for one would have to choose
    Page("governance/proposals/<int:pk>/", pk("owned"), name="proposal of a Safe that a Safe owns"),
    Page("sign/<str:token>/", lambda w: {"token": signing_link(w.owned).split("/")[-2]}, who=None),
    Page("sign/<str:token>/", lambda _w: {"token": "x"}, who=None, status=410, name="signing link gone"),
    # the devnet's
    Page("devnet/interface/", with_("letter"), who=None),
    Page("devnet/mail/", with_("letter")),
    Page("devnet/mail/<slug:name>/", lambda world: {"name": world.letter}),
    Page("devnet/style/", who=None, query="?toast=1", name="style"),
    *map(error, ERRORS),
]

# Routes (or beginnings of routes, ending in *) that are no pages, and why. Those that refuse GET need no line.
NOT_PAGES: dict[str, str] = {
    "healthz": "JSON",
    "readyz": "JSON",
    "metrics": "Prometheus text",
    "governance/proposals/<int:pk>/bundle.json": "JSON",
    "governance/tools/<str:name>": "a file to be saved",
    "governance/proposals/new/call/": "a part of the page that proposes",
    "governance/safes/<int:pk>/queue/": "a part of the Safe's page",
    "safe-tx-service/*": "JSON, by token only",
    "governance/plans/<int:pk>/plan.json": "JSON",
    "runbooks/playbooks/<slug:slug>/versions/<int:number>/cacao/": "JSON",
    "runbooks/playbooks/<slug:slug>/versions/<int:number>/yaml/": "a text file",
    "runbooks/questions/<int:pk>/": "a part of the run's page",
    "runbooks/evidence/<int:pk>/": "a file to be saved",
    "runbooks/rehearsals/<int:pk>/report.json": "JSON",
    "incidents/of/<int:scope>/": "leads on to the incident",
    "v2/enqueue": "JSON, PagerDuty's",
    "incidents/<int:pk>/complete/": "JSON for the command box",
    "incidents/<int:pk>/timeline/": "a part of the war room",
    "incidents/<int:pk>/postmortem.<str:form>": "a file to be saved",
    "status/status.json": "JSON",
    "status/feed.atom": "an Atom feed",
    "desk/": "a part of the front page, fetched by it",
    "devnet/wallet*": "ES modules",
    "api/schema/": "OpenAPI",
    "api/v1/*": "JSON",
    "api/<path>": "problem JSON for what is no address of the API",
    "accounts/login/code/confirm/": "only in the middle of logging in by a mailed code, which is off",
    "accounts/2fa/authenticate/": "only in the middle of logging in; tests of accounts go through it",
    "accounts/2fa/recovery-codes/download/": "a text file",
    "accounts/2fa/webauthn/login/": "JSON",
    "accounts/3rdparty/signup/": "only in the middle of logging in through a provider",
    "accounts/wallet-login/message/": "JSON",
    "accounts/wallets/message/": "JSON",
    "approvals/<int:pk>/signing-data/": "JSON",
    "chain/executors/<int:pk>/account/": "a part of the executor's page",
    "chain/executors/<int:pk>/in-flight/": "a part of the executor's page",
    "chain/executors/<int:pk>/numbers/": "a part of the executors' page",
    "chain/executors/<int:pk>/transactions/": "a part of the executors' page",
    "chain/transactions/<int:pk>/state/": "a part of the transaction's page",
    "accounts/social/*": "redirects of allauth's old addresses",
    "accounts/oidc/*": "redirects to the provider",
}


def reason_not_to_visit(route: str) -> str:
    """Why this route is no page, or an empty text."""
    for pattern, reason in NOT_PAGES.items():
        if route == pattern or (pattern.endswith("*") and route.startswith(pattern[:-1])):
            return reason
    return ""
