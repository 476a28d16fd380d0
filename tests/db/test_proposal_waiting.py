"""While a proposal waits: its queue in words, who may end it, its time limit, who has seen it, who is reminded."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from governance.plans.services import create_plan
from governance.proposals import pace, reminding
from governance.proposals.consent import to_wait_for
from governance.proposals.links import link_of
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal, Sight
from governance.proposals.queue import numbers, queue_of
from governance.proposals.services import propose, reject, use_up, withdraw
from governance.safes.models import Safe
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.safe.contracts import FALLBACK_HANDLERS
from ledger import Invalid, transition
from ledger.models import Event
from ledger.scopes import open_scope, set_private
from notify.models import Delivery, Message
from tests.drain import settle
from tests.paper_safe import KEYS, SAFE, offer, paper_safe, sign_row
from tests.people import browser_of, caller, person, program_of, wallet_of
from work.models import Work

pytestmark = pytest.mark.django_db
COUNCIL = "0x" + "00" * 19 + "09"
HANDLER = next(address for address, version in FALLBACK_HANDLERS.items() if version == "1.4.1")


@pytest.fixture
def safe() -> Safe:
    return paper_safe()


def queue(safe: Safe) -> Any:
    answer = caller(person("", "viewer")).get(f"/api/v1/safes/{safe.pk}/queue/")
    assert answer.status_code == 200, answer.content
    return answer.json()


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_queue_says_conflicts_gaps_dead_nonces_and_what_one_execution_does(safe: Safe) -> None:
    dead = offer(safe, 1)
    first, rival = offer(safe, 2, nonce=8), offer(safe, 3, nonce=8)
    behind, far = offer(safe, 4, nonce=9), offer(safe, 5, nonce=12)
    sign_row(rival, 0)
    Safe.objects.update(nonce=8)
    found = queue(safe)
    assert [(place["kind"], place["nonce"], place["last"]) for place in found["places"]] == [
        ("dead", "7", "7"),
        ("next", "8", "8"),
        ("later", "9", "9"),
        ("gap", "10", "11"),
        ("later", "12", "12"),
    ]
    one = found["places"][1]["entries"][0]
    assert (one["proposal"], one["rivals"], one["frees"]) == (first.pk, [rival.pk], [behind.pk])
    assert found["blocked"] == (
        f"#{first.pk}, at nonce 8, has 0 of 2 signatures. #{rival.pk}, at nonce 8, has 1 of 2 signatures. "
        f"#{behind.pk} and #{far.pk} cannot be executed before nonce 8 is used."
    )
    assert not found["places"][0]["entries"][0]["frees"] and dead.pk == found["places"][0]["entries"][0]["proposal"]
    page = browser_of(person("rita", "responder")).get(f"/governance/safes/{safe.pk}/").content.decode()
    assert f"Executing this makes #{rival.pk} dead and lets #{behind.pk} go." in page
    assert "dead: this nonce is used up" in page and "Propose an empty transaction at 10" in page
    for count, said in ((0, ""), (1, "#3"), (3, "#3, #4 and #5")):
        assert numbers(range(3, 3 + count)) == said


@pytest.mark.parametrize(
    ("status", "more", "said"),
    [
        ("ready", {}, "is signed and waits for somebody to execute it"),
        ("ready", {"auto_execute": True}, ""),
        ("ready", {"auto_execute": True, "stopped": {"reason": "no executor"}}, "signed but stopped: no executor"),
        ("executing", {}, ""),
        ("unknown", {}, "may or may not have been executed"),
        ("failed", {"stopped": {"reason": "it would revert"}}, "failed (it would revert)"),
        ("rejected", {}, "Nothing is proposed at nonce 7, where this Safe is."),
    ],
)
def test_what_holds_up_a_queue_is_said_by_its_cause(safe: Safe, status: str, more: dict[str, Any], said: str) -> None:
    first, behind = offer(safe, 1), offer(safe, 2)
    Proposal.objects.filter(pk=first.pk).update(status=status, **more)
    blocked = queue(safe)["blocked"]
    assert said in blocked and bool(said) is bool(blocked)
    assert not said or f"#{behind.pk} cannot be executed before nonce 7" in blocked


def test_a_queue_never_tells_of_what_is_private(safe: Safe) -> None:
    secret = offer(safe, 1, title="Quiet fix")
    offer(safe, 2)
    set_private(scope=secret.scope, private=True, actor="user:1")
    found = queue(safe)
    assert [place["kind"] for place in found["places"]] == ["gap", "later"]
    page = browser_of(person("rita", "responder")).get(f"/governance/safes/{safe.pk}/").content.decode()
    assert "Quiet fix" not in page and "Nothing that you may see is proposed" in page


def test_its_reads_do_not_grow_with_its_length(safe: Safe, django_assert_max_num_queries: Any) -> None:
    for value in range(12):
        offer(safe, value)
    val = person("val", "viewer")
    assert val.level == "viewer"
    with django_assert_max_num_queries(4):
        assert len(queue_of(safe, val).places) == 12


# ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_its_maker_or_a_commander_withdraws_and_any_responder_rejects(safe: Safe) -> None:
    rita, other, ana = person("rita", "responder"), person("otto", "responder"), person("ana", "commander")
    made = [offer(safe, value, actor=rita.actor) for value in range(3)]
    path = "/api/v1/proposals/{}/withdraw/"
    refused = caller(other).post(path.format(made[0].pk), {"reason": "mine"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:breakglass:problem:not-yours")
    browser_of(other).post(f"/governance/proposals/{made[0].pk}/withdraw/", {"reason": "mine"})
    assert Proposal.objects.get(pk=made[0].pk).status == "signing"
    assert caller(rita).post(path.format(made[0].pk), {"reason": ""}).status_code == 400
    for who, one in ((caller(rita), made[0]), (caller(ana), made[1]), (program_of(rita, "proposals:write"), made[2])):
        assert who.post(path.format(one.pk), {"reason": "no longer wanted"}).json()["status"] == "rejected"
    again = caller(rita).post(path.format(made[0].pk), {"reason": "twice"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:breakglass:problem:stale-transition")
    rejected = caller(other).post(f"/api/v1/proposals/{made[0].pk}/reject/")
    assert (rejected.status_code, rejected.json()["fields_signed"]["to"]) == (201, SAFE)
    assert caller(other).post(f"/api/v1/proposals/{made[0].pk}/reject/").json()["id"] == rejected.json()["id"]


@pytest.mark.parametrize("status", ["executing", "executed", "superseded", "unknown"])
def test_what_is_on_its_way_or_over_is_not_rejected(safe: Safe, status: str) -> None:
    proposal = offer(safe)
    Proposal.objects.update(status=status)
    answer = caller(person("rita", "responder")).post(f"/api/v1/proposals/{proposal.pk}/reject/")
    assert (answer.status_code, Proposal.objects.count()) == (409, 1)


def test_a_rejection_below_the_chains_nonce_is_an_error_at_the_nonce(safe: Safe) -> None:
    proposal = offer(safe)
    Safe.objects.update(nonce=8)
    answer = caller(person("rita", "responder")).post(f"/api/v1/proposals/{proposal.pk}/reject/")
    assert answer.json()["errors"][0] == {
        "field": "nonce",
        "message": "Nonce 7 is used up: the Safe is at 8.",
        "hint": "8 or a later one",
    }


def test_a_gap_is_filled_once(safe: Safe) -> None:
    made = [use_up(safe=safe, nonce=9, title="Fill", description="", actor="user:1") for _ in range(2)]
    assert made[0] == made[1] and made[0].auto_execute
    with pytest.raises(Invalid, match="used up"):
        use_up(safe=safe, nonce=6, title="Fill", description="", actor="user:1")


def test_a_private_rejection_is_not_handed_to_others(safe: Safe) -> None:
    secret, plain = offer(safe, 1, nonce=9), offer(safe, 2, nonce=9)
    set_private(scope=secret.scope, private=True, actor="user:1")
    hidden = reject(proposal=secret, actor="user:1")
    assert reject(proposal=secret, actor="user:1") == hidden
    answer = caller(person("rita", "responder")).post(f"/api/v1/proposals/{plain.pk}/reject/")
    assert answer.status_code == 400 and hidden.title not in answer.content.decode()


def expire() -> str:
    Work.objects.filter(kind="governance.expire").update(run_at=timezone.now())
    settle(("governance.expire",))
    return Proposal.objects.get().status


def test_a_time_limit_ends_it_and_no_sooner(safe: Safe) -> None:
    proposal = offer(safe, expires_at=timezone.now() + timedelta(hours=1))
    assert Work.objects.get(kind="governance.expire").run_at == proposal.expires_at
    assert expire() == "signing"
    Proposal.objects.update(expires_at=timezone.now() - timedelta(seconds=1), status="executing")
    assert expire() == "executing"  # handed over: the chain decides now
    Work.objects.filter(kind="governance.expire").update(status="queued", ended_at=None)
    Proposal.objects.update(status="ready")
    assert expire() == "rejected"
    told = Event.objects.get(verb="proposal.rejected")
    assert "its time limit of" in told.reason and told.actor == "system:governance"


def test_no_door_takes_a_signature_for_what_lapsed_or_is_over(safe: Safe) -> None:
    """The same good signature at each of the four doors; nothing is stored until the limit is in the future again."""
    user = person("rita", "responder")
    token, browser, proposal = program_of(user, "proposals:write"), browser_of(user), offer(safe)
    signature = "0x" + bytes(KEYS[0].unsafe_sign_hash(bytes.fromhex(proposal.safe_tx_hash[2:])).signature).hex()
    link = f"/sign/{link_of(proposal).split('/')[-2]}/"
    past, path = timezone.now() - timedelta(seconds=1), f"/governance/proposals/{proposal.pk}"
    lapsed = {"code": "expired", "reason": "its time limit has passed"}
    for changes, code, said in (
        ({"status": "signing", "expires_at": past}, "expired", "its time limit of"),
        ({"status": "ready"}, "expired", "its time limit of"),
        ({"status": "rejected", "stopped": lapsed}, "expired", "its time limit of"),
        ({"stopped": {"code": "withdrawn", "reason": "not ours"}}, "not-signing", "was withdrawn (not ours)"),
        ({"status": "superseded", "stopped": None}, "not-signing", "was superseded"),
    ):
        Proposal.objects.update(**changes)
        by_api = token.post(f"/api/v1/proposals/{proposal.pk}/confirmations/", {"signature": signature})
        assert (by_api.status_code, by_api.json()["type"]) == (409, f"urn:breakglass:problem:{code}")
        by_link = browser.post(link, {"signature": signature}, content_type="application/json")
        assert (by_link.status_code, by_link.json()["detail"]) == (409, by_api.json()["detail"])
        assert said in by_api.json()["detail"]
        by_service = token.post(
            f"/safe-tx-service/731337/api/v1/multisig-transactions/{proposal.safe_tx_hash}/confirmations/",
            {"signature": signature},
        )
        assert by_service.status_code == 400 and said in by_service.json()["signature"][0]
        pasted = browser.post(f"{path}/sign/", {"signature": signature})
        assert pasted.status_code == 400
        if changes.get("status") in ("signing", "ready"):
            page = pasted.content.decode()
            assert 'blocked="over"' in page and "propose it again" in page and "/sign/" + link[6:] not in page
        assert not Confirmation.objects.exists()
    Proposal.objects.update(status="signing", expires_at=None)
    assert token.post(f"/api/v1/proposals/{proposal.pk}/confirmations/", {"signature": signature}).status_code == 201


# ── a plan's nonce ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_which_nonce_a_plan_takes(safe: Safe, monkeypatch: pytest.MonkeyPatch) -> None:
    where = {"chain_id": 731337, "address": SAFE}
    number = iter(range(100, 200))

    def by_plan() -> int:
        call = {"to": KEYS[0].address, "value": str(next(number)), "data": "0x"}
        step = {"id": "a", "type": "safe", "params": {"safe": where, "calls": [call]}}
        document = {"kind": "playbook", "environment": "drill", "chains": [731337], "steps": [step]}
        scope = open_scope(kind="incident", title="drill", actor="user:1")
        plan = create_plan(document=document, scope=scope, actor="user:1")
        return propose(safe=safe, calls=[call], title="x", actor="step:1", plan=plan, step_id="a").nonce

    unsigned = offer(safe, 1)
    assert by_plan() == 7  # nobody signed anything: the present nonce, beside it
    assert by_plan() == 7  # nor behind another plan's that nobody signed and no run waits for
    with monkeypatch.context() as runs:
        runs.setattr(to_wait_for, "_asked", [lambda _proposal: ""])
        assert by_plan() == 8  # two emergencies do not exclude each other
        Proposal.objects.filter(nonce=8).update(status="rejected")
    sign_row(unsigned, 0)
    assert by_plan() == 8  # a signed one keeps its nonce
    Safe.objects.update(owners=[account.address for account in KEYS[1:]])
    safe.refresh_from_db()
    assert by_plan() == 7  # of an owner no more
    Proposal.objects.filter(pk=unsigned.pk).update(status="ready")
    assert by_plan() == 8
    withdraw(proposal=Proposal.objects.get(pk=unsigned.pk), actor="user:1", reason="no")
    assert by_plan() == 7


@pytest.mark.django_db(transaction=True)
def test_two_who_propose_at_once_do_not_exclude_each_other() -> None:
    safe, barrier = paper_safe(), threading.Barrier(3)

    def one(value: int) -> None:
        barrier.wait()
        offer(safe, value)
        connection.close()

    threads = [threading.Thread(target=one, args=(value,)) for value in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Proposal.objects.values_list("nonce", flat=True)) == [7, 8, 9]


# ── seen, reminded, expected ─────────────────────────────────────────────────────────────────────────────────────────


def signers() -> list[Any]:
    people = [person(name, "responder") for name in ("carol", "dan")]
    for number, one in enumerate(people):
        wallet_of(one, KEYS[number])
    return people


def test_a_signer_who_opens_the_page_is_noted_once_and_nobody_else_is(safe: Safe) -> None:
    carol, dan = signers()
    proposal = offer(safe)
    path = f"/governance/proposals/{proposal.pk}/"
    assert "not opened yet" in browser_of(person("frank", "auditor")).get(path).content.decode()
    browser = browser_of(carol)
    for _ in range(3):
        browser.get(path)
    assert list(Sight.objects.values_list("user", flat=True)) == [carol.pk]
    assert [one.actor for one in Event.objects.filter(verb="proposal.seen")] == [carol.actor]
    page = browser_of(person("val", "viewer")).get(path).content.decode()
    assert page.count("not opened yet") == 1 and ">seen <" in page.replace("seen  ", "seen ")
    Proposal.objects.update(status="rejected")
    browser_of(dan).get(path)
    assert Sight.objects.count() == 1


def later(seconds: int) -> None:
    """What the ladder counts from, moved back; its row is woken as its timer would."""
    row = Work.objects.get(kind=reminding.REMIND)
    since = timezone.now() - timedelta(seconds=seconds)
    payload = {**row.payload, "since": since.isoformat()}
    Work.objects.filter(pk=row.pk).update(payload=payload, run_at=timezone.now())
    settle((reminding.REMIND,))


def told() -> list[tuple[str, set[str]]]:
    found = []
    for message in Message.objects.exclude(template="sign").order_by("pk"):
        names = Delivery.objects.filter(message=message).values_list("user__username", flat=True)
        found.append((message.template, {str(name) for name in names}))
    return found


def test_an_emergency_climbs_its_ladder_rung_by_rung_until_it_is_signed(safe: Safe) -> None:
    carol, _dan = signers()
    person("ana", "commander")
    scope = open_scope(kind="incident", title="Stale oracle", actor="user:1")
    proposal = offer(safe, scope=scope)
    settle(())
    assert told() == []
    later(60)
    assert told() == []
    later(125)
    later(130)
    assert told() == [("sign_again", {"carol", "dan"})]
    browser_of(carol).get(f"/governance/proposals/{proposal.pk}/")
    later(305)
    assert told()[1:] == [("sign_nobody", {"ana"})]
    body = Message.objects.get(template="sign_nobody").body
    assert "Carol: saw it at" in body and "Dan: was told, has not opened it" in body and "has no account here" in body
    sign_row(proposal, 0)
    later(3000)  # two rungs were slept through
    assert told()[2:] == [("sign_again", {"dan"}), ("sign_nobody", {"ana"})]
    assert Work.objects.get(kind=reminding.REMIND).status == "done"


def test_owners_of_an_owner_that_is_a_safe_are_told_reminded_and_shown_like_all(safe: Safe) -> None:
    carol, dan = signers()
    erin = person("erin", "viewer")
    wallet_of(erin, KEYS[2])
    person("ana", "commander")
    council = Safe.objects.get(pk=safe.pk)
    council.pk, council.address, council.label = None, COUNCIL, "Council"
    council.owners, council.fallback_handler = [KEYS[1].address, KEYS[2].address], HANDLER
    council.save(force_insert=True)
    Safe.objects.filter(pk=safe.pk).update(owners=[KEYS[0].address, COUNCIL])
    safe.refresh_from_db()
    proposal = offer(safe, scope=open_scope(kind="incident", title="Stale oracle", actor="user:1"))
    settle(())
    first = Message.objects.get(template="sign")
    assert set(first.deliveries.values_list("user__username", flat=True)) == {"carol", "dan", "erin"}
    path = f"/governance/proposals/{proposal.pk}/"
    browser_of(dan).get(path)
    assert list(Sight.objects.values_list("user", flat=True)) == [dan.pk]
    later(125)
    assert told() == [("sign_again", {"carol", "dan", "erin"})]
    given = {"within": COUNCIL, "signature": b"", "kind": "eip712"}
    NestedConfirmation.objects.create(proposal=proposal, owner=KEYS[1].address, **given)
    later(305)
    body = Message.objects.get(template="sign_nobody").body
    assert "Council: a Safe, signed by 1 of the 2 owners that it needs\n  - Erin: was told, has not opened it" in body
    assert "Carol: was told, has not opened it" in body and "Dan" not in body
    page = browser_of(carol).get(path).content.decode()
    assert "its owners: 1 of 2" in page and page.count("not opened yet") == 2  # Carol's own line, and Erin's
    later(610)
    assert told()[2:] == [("sign_again", {"carol", "erin"})]
    Safe.objects.filter(pk=council.pk).update(fallback_handler=ZERO_ADDRESS)  # it cannot answer any more
    later(910)
    assert "which can only approve on the chain: its approval is to be proposed" in Message.objects.last().body


def test_one_that_is_signed_or_over_reminds_nobody(safe: Safe) -> None:
    signers()
    proposal = offer(safe)
    settle(())
    row = Work.objects.get(kind=reminding.REMIND)
    assert row.payload["ladder"][0] == [4 * 3600, "signers"]  # nothing burns: hours, not minutes
    transition(proposal, "ready", actor="user:1")
    later(100 * 3600)
    assert told() == [] and Work.objects.get(kind=reminding.REMIND).status == "done"


def test_a_press_reminds_those_who_are_missing_and_not_twice_at_once(safe: Safe) -> None:
    signers()
    proposal = offer(safe)
    sign_row(proposal, 1)
    browser, path = browser_of(person("rita", "responder")), f"/governance/proposals/{proposal.pk}/remind/"
    for _ in range(2):
        assert browser.post(path).status_code == 302
    assert told() == [("sign_again", {"carol"})]
    Proposal.objects.update(status="ready")
    browser.post(path)
    assert len(told()) == 1


def test_commanders_outside_a_private_incident_hear_nothing_of_it(safe: Safe) -> None:
    signers()
    person("ana", "commander")
    scope = open_scope(kind="incident", title="Quiet", actor="user:1", private=True)
    offer(safe, scope=scope)
    settle(())
    later(3000)
    assert told() == [("sign_again", {"carol", "dan"})]


def test_the_page_says_how_long_it_usually_takes(safe: Safe) -> None:
    signers()
    page = browser_of(person("val", "viewer"))
    for value in (1, 2, 3):
        one = offer(safe, value)
        transition(one, "ready", actor="user:1")
        Proposal.objects.filter(pk=one.pk).update(created_at=timezone.now() - timedelta(minutes=4 * value))
    waiting = offer(safe, 9)
    found = pace.pace_of(waiting)
    assert found is not None and (found.earnest, found.drills) == (3, 0)
    assert found.words == "Enough signatures usually took 8 min here (3 in earnest); the slowest took 12 min."
    html = page.get(f"/governance/proposals/{waiting.pk}/").content.decode()
    assert found.words in html and "Expected" in html
    assert [pace.spelled(timedelta(seconds=size)) for size in (-1, 61, 7300, 200_000)] == [
        "0 s",
        "61 s",
        "2 h",
        "2 days",
    ]
