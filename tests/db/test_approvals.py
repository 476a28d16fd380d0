"""Approvals: N of M by role over a hash, never the requester, and judged afresh whenever they are used."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from accounts.approvals import give, is_satisfied, refuse, request_approval, take_back, waiting_for, withdraw
from accounts.approvals.models import Approval, Decision
from accounts.approvals.proofs import WalletSignature, typed_data
from accounts.grants.models import RoleGrant
from accounts.grants.services import revoke_grant
from accounts.models import User, Wallet
from accounts.wallets.chains import DEVNET_CHAIN_ID
from ledger.errors import Invalid, Refused, StaleTransition
from ledger.models import Event
from ledger.scopes import open_scope
from tests.people import caller, person, program_of, wallet_of

pytestmark = pytest.mark.django_db
HASH = "0x" + "ab" * 32
OTHER = "0x" + "cd" * 32


def asked(asker: User, /, **changes: Any) -> Approval:
    fields: dict[str, Any] = {
        "subject": "run:3",
        "subject_hash": HASH,
        "scope": None,
        "required": 1,
        "role": "commander",
        "requester": asker,
        "title": "Run 3 as planned",
        "actor": asker.actor,
    }
    return request_approval(**(fields | changes))


def signed(
    approval: Approval,
    account: LocalAccount,
    verdict: str = "given",
    chain_id: int = DEVNET_CHAIN_ID,
    seconds: int = 600,
) -> WalletSignature:
    deadline = int(time.time()) + seconds
    message = encode_typed_data(
        full_message=typed_data(approval, verdict=verdict, chain_id=chain_id, deadline=deadline)
    )
    return WalletSignature("0x" + account.sign_message(message).signature.hex(), chain_id, deadline)


def verbs(approval: Approval) -> list[str]:
    return list(Event.objects.filter(subject=approval.subject).order_by("id").values_list("verb", flat=True))


def test_two_of_three_satisfy_the_hash_and_no_other() -> None:
    asker, ana, ben = person("", "commander"), person("", "commander"), person("", "admin")
    approval = asked(asker, required=2)
    assert not is_satisfied("run:3", HASH)
    give(approval=approval, user=ana)
    assert not is_satisfied("run:3", HASH) and approval.status == "open"
    give(approval=approval, user=ben)
    assert is_satisfied("run:3", HASH) and approval.status == "satisfied"
    assert not is_satisfied("run:3", OTHER) and not is_satisfied("run:4", HASH)
    assert verbs(approval) == ["approval.requested", "approval.given", "approval.given", "approval.satisfied"]


def test_what_nobody_asked_for_is_not_satisfied() -> None:
    assert not is_satisfied("run:99", HASH)


def test_the_requester_never_counts_whatever_name_they_asked_under() -> None:
    ana = person("", "commander")
    program_of(ana, "runs:write")
    token = ana.api_tokens.get()
    for number, requester in enumerate((ana, ana.actor, token.actor)):
        approval = asked(ana, requester=requester, subject=f"run:{number}")
        with pytest.raises(Refused, match="yourself"):
            give(approval=approval, user=ana)
        assert approval not in waiting_for(ana)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("levels", [(), ("auditor",), ("responder",)])
def test_a_lower_level_cannot_decide(levels: tuple[str, ...]) -> None:
    approval, user = asked(person("", "commander")), person("", *levels)
    for verb in (give, refuse):
        with pytest.raises(Refused, match="commander or above"):
            verb(approval=approval, user=user, reason="because")
    assert not waiting_for(user).exists()


def test_one_word_a_person() -> None:
    approval, ana = asked(person("", "commander"), required=2), person("", "commander")
    give(approval=approval, user=ana)
    with pytest.raises(Refused, match="decided already"):
        give(approval=approval, user=ana)
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(approval=approval, user=ana, verdict="given")
    assert not is_satisfied("run:3", HASH)


def test_one_no_ends_it_and_needs_a_reason() -> None:
    asker, ana, ben = person("", "commander"), person("", "commander"), person("", "commander")
    approval = asked(asker)
    with pytest.raises(Invalid) as caught:
        refuse(approval=approval, user=ana, reason="  ")
    assert caught.value.field == "reason"
    refuse(approval=approval, user=ana, reason="the feed is back")
    assert approval.status == "refused" and not is_satisfied("run:3", HASH)
    with pytest.raises(Refused, match="is refused"):
        give(approval=approval, user=ben)
    again = asked(asker)
    assert again.pk != approval.pk
    give(approval=again, user=ben)
    assert is_satisfied("run:3", HASH)


def test_a_late_no_stops_what_was_satisfied() -> None:
    ana, ben = person("", "commander"), person("", "commander")
    approval = asked(person("", "commander"))
    give(approval=approval, user=ana)
    refuse(approval=approval, user=ben, reason="stop")
    assert not is_satisfied("run:3", HASH)


def test_a_yes_falls_with_its_role_and_its_account() -> None:
    admin, ana = person("", "admin"), person("", "commander")
    approval = asked(person("", "commander"))
    give(approval=approval, user=ana)
    assert is_satisfied("run:3", HASH)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert not is_satisfied("run:3", HASH)
    User.objects.filter(pk=ana.pk).update(is_active=True)
    revoke_grant(grant=RoleGrant.objects.get(user=ana), by=admin)
    assert not is_satisfied("run:3", HASH)
    give(approval=approval, user=admin)  # the gap can be filled by somebody else
    assert is_satisfied("run:3", HASH) and approval.status == "satisfied"


def test_a_yes_can_be_taken_back_and_given_again() -> None:
    ana, approval = person("", "commander"), asked(person("", "commander"))
    give(approval=approval, user=ana)
    take_back(approval=approval, user=ana, reason="wrong window")
    assert not is_satisfied("run:3", HASH) and approval.status == "open"
    give(approval=approval, user=ana)
    assert is_satisfied("run:3", HASH)
    with pytest.raises(Refused, match="no yes of yours"):
        take_back(approval=approval, user=person("", "commander"))


def test_it_expires_even_after_it_was_satisfied() -> None:
    ana, ben = person("", "commander"), person("", "commander")
    approval = asked(person("", "commander"), expires_at=timezone.now() + timedelta(minutes=5))
    give(approval=approval, user=ana)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not is_satisfied("run:3", HASH)
    with pytest.raises(Refused, match="expired"):
        give(approval=approval, user=ben)
    assert not waiting_for(ben).exists()


def test_withdrawn_is_over() -> None:
    ana, approval = person("", "commander"), asked(person("", "commander"))
    give(approval=approval, user=ana)
    withdraw(approval=approval, actor="system:runs", reason="aborted")
    assert not is_satisfied("run:3", HASH)
    with pytest.raises(StaleTransition):
        withdraw(approval=approval, actor="system:runs")


def test_asking_twice_is_one_question_and_a_new_hash_ends_the_old_one() -> None:
    asker, ana = person("", "commander"), person("", "commander")
    first = asked(asker)
    assert asked(asker).pk == first.pk
    with pytest.raises(Refused, match="already waits"):
        asked(asker, required=2)
    second = asked(asker, subject_hash=OTHER)
    first.refresh_from_db()
    assert first.status == "superseded" and list(waiting_for(ana)) == [second]


def test_two_questions_about_one_hash_must_both_be_satisfied() -> None:
    asker, ana, ben = person("", "commander"), person("", "commander"), person("", "responder")
    commanders, responders = asked(asker), asked(asker, role="responder")
    give(approval=commanders, user=ana)
    assert not is_satisfied("run:3", HASH)
    give(approval=responders, user=ben)
    assert is_satisfied("run:3", HASH)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject_hash": "0x12"}, "subject_hash"),
        ({"subject_hash": "zz" * 33}, "subject_hash"),
        ({"required": 0}, "required"),
        ({"role": "king"}, "role"),
        ({"needs": "luck"}, "needs"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at"),
    ],
)
def test_a_bad_question_names_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        asked(person("", "commander"), **changes)
    assert caught.value.field == field and not Approval.objects.exists()


def test_a_private_scope_hides_it_and_outsiders_cannot_decide() -> None:
    asker, inside, outside = person("", "commander"), person("", "commander"), person("", "commander")
    members = [asker.actor, inside.actor]
    scope = open_scope(kind="incident", title="quiet", private=True, members=members, actor=asker.actor)
    approval = asked(asker, scope=scope)
    assert list(waiting_for(inside)) == [approval] and not waiting_for(outside).exists()
    assert caller(outside).get(f"/api/v1/approvals/{approval.pk}/").status_code == 404
    assert caller(inside).get(f"/api/v1/approvals/{approval.pk}/").status_code == 200
    with pytest.raises(Refused):
        give(approval=approval, user=outside)
    give(approval=approval, user=inside)
    assert is_satisfied("run:3", HASH)


# --- a wallet's signature -------------------------------------------------------------------------------------------


def test_a_linked_wallet_signs_and_the_signature_is_checked_again_later() -> None:
    ana = person("", "commander")
    account, approval = wallet_of(ana), asked(person("", "commander"), needs="wallet")
    decision = give(approval=approval, user=ana, signature=signed(approval, account))
    assert decision.wallet == account.address and is_satisfied("run:3", HASH)
    Wallet.objects.filter(user=ana).delete()
    assert not is_satisfied("run:3", HASH)  # no longer linked
    wallet_of(ana, account)
    assert is_satisfied("run:3", HASH)
    Approval.objects.update(title="Something else")
    assert not is_satisfied("run:3", HASH)  # what was signed is not what is stored


def test_what_a_wallet_cannot_do() -> None:
    ana, ben = person("", "commander"), person("", "commander")
    mine, foreign = wallet_of(ana), wallet_of(ben)
    approval = asked(person("", "commander"), needs="wallet")
    other = asked(person("", "commander"), needs="wallet", subject="run:4")
    good = signed(approval, mine)
    wrong: list[tuple[WalletSignature | None, str]] = [
        (None, "signature"),
        (signed(approval, foreign), "not a wallet of yours"),
        (signed(approval, Account.create()), "not a wallet of yours"),
        (signed(other, mine), "not a wallet of yours"),  # signed for another approval
        (signed(approval, mine, verdict="refused"), "not a wallet of yours"),  # signed a no
        (signed(approval, mine, chain_id=424242), "chain"),
        (signed(approval, mine, seconds=-1), "deadline"),
        (signed(approval, mine, seconds=86400), "deadline"),
        (WalletSignature(good.signature, good.chain_id, good.deadline - 1), "not a wallet of yours"),
        (WalletSignature("0x1234", good.chain_id, good.deadline), "signature"),
        (WalletSignature("0x" + "00" * 65, good.chain_id, good.deadline), "signature"),
        (WalletSignature("0x" + "ff" * 65, good.chain_id, good.deadline), "signature"),
    ]
    for signature, said in wrong:
        with pytest.raises((Invalid, Refused), match=said):
            give(approval=approval, user=ana, signature=signature)
    assert not Decision.objects.exists()
    give(approval=approval, user=ana, signature=good)
    assert is_satisfied("run:3", HASH)


def test_two_wallets_of_one_person_are_one_person() -> None:
    ana = person("", "commander")
    first, second = wallet_of(ana), wallet_of(ana)
    approval = asked(person("", "commander"), needs="wallet", required=2)
    give(approval=approval, user=ana, signature=signed(approval, first))
    with pytest.raises(Refused, match="decided already"):
        give(approval=approval, user=ana, signature=signed(approval, second))
    assert not is_satisfied("run:3", HASH)


def test_one_wallet_handed_on_is_still_one_signature() -> None:
    ana, ben = person("", "commander"), person("", "commander")
    account = wallet_of(ana)
    approval = asked(person("", "commander"), needs="wallet", required=2)
    give(approval=approval, user=ana, signature=signed(approval, account))
    Wallet.objects.filter(user=ana).delete()
    wallet_of(ben, account)
    with pytest.raises(Refused, match="somebody else already"):
        give(approval=approval, user=ben, signature=signed(approval, account))


def test_an_approval_bound_to_a_chain_takes_no_other_chain() -> None:
    ana = person("", "commander")
    account = wallet_of(ana)
    approval = asked(person("", "commander"), needs="wallet", chain_id=1)
    with pytest.raises(Invalid, match="chain"):
        give(approval=approval, user=ana, signature=signed(approval, account))
    give(approval=approval, user=ana, signature=signed(approval, account, chain_id=1))
    assert is_satisfied("run:3", HASH)


# --- a fresh passkey ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [None, timedelta(minutes=6), timedelta(minutes=-1)])
def test_a_passkey_must_be_fresh(age: timedelta | None) -> None:
    ana, approval = person("", "commander"), asked(person("", "commander"), needs="passkey")
    with pytest.raises(Refused, match="fresh passkey"):
        give(approval=approval, user=ana, passkey_at=timezone.now() - age if age is not None else None)
    shown = timezone.now() - timedelta(minutes=1)
    assert give(approval=approval, user=ana, passkey_at=shown).passkey_at == shown
    assert is_satisfied("run:3", HASH)
    event = Event.objects.get(verb="approval.given")
    assert event.after["passkey_at"] == shown.isoformat()


# --- at once --------------------------------------------------------------------------------------------------------


def at_once(*calls: Any) -> list[BaseException]:
    gate, errors = threading.Barrier(len(calls)), []

    def run(call: Any) -> None:
        try:
            gate.wait(10)
            call()
        except (Refused, IntegrityError) as exc:
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return errors


@pytest.mark.django_db(transaction=True)
def test_two_last_yeses_at_once_satisfy_exactly_once() -> None:
    people = [person("", "commander") for _ in range(4)]
    approval = asked(person("", "commander"), required=3)
    give(approval=approval, user=people[0])
    give(approval=approval, user=people[1])
    errors = at_once(
        *(lambda u=user: give(approval=Approval.objects.get(pk=approval.pk), user=u) for user in people[2:])
    )
    assert Event.objects.filter(verb="approval.satisfied").count() == 1
    assert len(errors) == 1 and "satisfied already" in str(errors[0])
    assert is_satisfied("run:3", HASH)


@pytest.mark.django_db(transaction=True)
def test_one_person_pressing_twice_at_once_counts_once() -> None:
    ana = person("", "commander")
    approval = asked(person("", "commander"), required=2)
    errors = at_once(
        *[lambda: give(approval=Approval.objects.get(pk=approval.pk), user=User.objects.get(pk=ana.pk))] * 4
    )
    assert len(errors) == 3 and Decision.objects.count() == 1
    assert Event.objects.filter(verb="approval.given").count() == 1 and not is_satisfied("run:3", HASH)


@pytest.mark.django_db(transaction=True)
def test_a_yes_and_a_no_at_once_never_leave_it_satisfied() -> None:
    ana, ben = person("", "commander"), person("", "commander")
    approval = asked(person("", "commander"))
    at_once(
        lambda: give(approval=Approval.objects.get(pk=approval.pk), user=ana),
        lambda: refuse(approval=Approval.objects.get(pk=approval.pk), user=ben, reason="no"),
    )
    assert not is_satisfied("run:3", HASH) and Approval.objects.get().status == "refused"


@pytest.mark.django_db(transaction=True)
def test_asking_at_once_makes_one_question() -> None:
    asker = person("", "commander")
    at_once(*[lambda: asked(asker)] * 6)
    assert Approval.objects.count() == 1
    assert Event.objects.filter(verb="approval.requested").count() == 1


# --- the API --------------------------------------------------------------------------------------------------------


def test_the_api_lists_gives_and_refuses() -> None:
    ana, approval = person("", "commander"), asked(person("", "commander"))
    other = asked(person("", "commander"), subject="run:4")
    client = caller(ana)
    rows = client.get("/api/v1/approvals/?status=open&subject=run:3").json()["results"]
    assert [(row["id"], row["mine_to_decide"]) for row in rows] == [(approval.pk, True)]
    answer = client.post(f"/api/v1/approvals/{approval.pk}/give/", {"reason": "looks right"})
    assert answer.status_code == 200 and answer.json()["status"] == "satisfied"
    assert answer.json()["decisions"][0]["by"] == ana.actor
    assert client.post(f"/api/v1/approvals/{approval.pk}/give/", {}).status_code == 409
    bad = client.post(f"/api/v1/approvals/{other.pk}/refuse/", {})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "reason")
    assert client.post(f"/api/v1/approvals/{other.pk}/refuse/", {"reason": "no"}).json()["status"] == "refused"


def test_a_token_gives_no_approval() -> None:
    ana, approval = person("", "admin"), asked(person("", "commander"))
    client = program_of(ana, "admin")
    assert client.get(f"/api/v1/approvals/{approval.pk}/").status_code == 200
    answer = client.post(f"/api/v1/approvals/{approval.pk}/give/", {})
    assert answer.status_code == 403 and "person" in answer.json()["detail"]
    assert not Decision.objects.exists()


def test_the_api_takes_a_wallets_signature_and_refuses_half_of_one() -> None:
    ana = person("", "commander")
    account, approval = wallet_of(ana), asked(person("", "commander"), needs="wallet")
    good, client = signed(approval, account), caller(ana)
    half = client.post(f"/api/v1/approvals/{approval.pk}/give/", {"signature": good.signature})
    assert half.status_code == 400 and half.json()["errors"][0]["field"] == "signature"
    body = {"signature": good.signature, "chain_id": good.chain_id, "deadline": good.deadline}
    assert client.post(f"/api/v1/approvals/{approval.pk}/give/", body).json()["status"] == "satisfied"
