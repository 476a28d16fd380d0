"""With a Safe Transaction Service that behaves, fails, or lies. The Safe is on paper; signatures are real."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from eth_account import Account

from governance.exchange import exchanging
from governance.exchange.models import Exchange, Given, Oddity, SafeService
from governance.exchange.services import set_service, set_sharing
from governance.proposals.models import Proposal
from governance.proposals.review import review
from governance.proposals.services import confirm, withdraw
from governance.safes.models import Safe
from integrations.safe.hashes import SafeTx
from integrations.safe.service import PAGE, Service, ServiceTrouble
from ledger import Invalid, Refused
from ledger.models import Event
from ledger.scopes import open_scope
from tests.exchanging import KEY, exchange, service_of
from tests.paper_safe import KEYS, VAULT, offer, paper_safe
from tests.people import browser_of, caller, person
from tests.receiver import Behaviour, answer, hang_up, raw
from tests.safe_service import FakeService, entry_of
from work.models import Work

pytestmark = pytest.mark.django_db


@pytest.fixture
def safe() -> Safe:
    return paper_safe()


@pytest.fixture
def there(safe: Safe, settings: Any) -> Iterator[FakeService]:
    with service_of(safe.chain, settings) as made:
        yield made


def tx_of(safe: Safe, **more: Any) -> SafeTx:
    plain = SafeTx(safe.chain.chain_id, safe.address, safe.version, to=VAULT, value=5, nonce=safe.nonce)
    return replace(plain, **more)


def by(tx: SafeTx | Proposal, number: int) -> str:
    """An owner's signature over the hash of the fields."""
    digest = tx.hash if isinstance(tx, SafeTx) else tx.safe_tx_hash
    return "0x" + bytes(KEYS[number].unsafe_sign_hash(bytes.fromhex(digest[2:])).signature).hex()


def given_in(proposal: Proposal, number: int) -> None:
    confirm(proposal=proposal, signature=by(proposal, number), actor="user:1")


def verbs(start: str = "service.") -> list[str]:
    return list(Event.objects.filter(verb__startswith=start).order_by("pk").values_list("verb", flat=True))


def test_all_fields_come_in_as_they_are_and_words_do_not(safe: Safe, there: FakeService) -> None:
    tx = tx_of(safe, safe_tx_gas=7, base_gas=8, gas_price=9, gas_token=VAULT, refund_receiver=VAULT, nonce=2**60)
    there.has(entry_of(tx, by(tx, 1)))
    exchange(safe)
    proposal = Proposal.objects.get()
    assert proposal.safe_tx == tx
    assert "friend" not in f"{proposal.title} {proposal.description}"
    assert [row.owner for row in proposal.confirmations.all()] == []  # a refund of gas is blocked until it is waived
    assert [one.kind for one in Oddity.objects.all()] == ["signature"]
    plain = tx_of(safe)
    there.has(entry_of(plain, by(plain, 1), by(plain, 2)))
    exchange(safe)
    taken = Proposal.objects.get(nonce=7)
    assert [row.via for row in taken.confirmations.all()] == ["service", "service"]
    assert (taken.status, taken.auto_execute, there.posted) == ("ready", False, [])


def test_a_lie_about_a_hash_is_caught_and_told_once(safe: Safe, there: FakeService) -> None:
    tx, other = tx_of(safe), tx_of(safe, value=6)
    there.has(entry_of(tx, by(tx, 0), to=KEYS[0].address))
    there.has(entry_of(other, by(other, 0)))
    exchange(safe)
    exchange(safe)
    assert [one.safe_tx_hash for one in Proposal.objects.all()] == [other.hash]  # the honest one beside it is taken
    assert [one.kind for one in Oddity.objects.all()] == ["hash"]
    event = Event.objects.get(verb="service.hash.refused")
    assert f"The service says {tx.hash}, but its own fields hash to" in event.reason
    page = browser_of(person("val", "viewer")).get(f"/governance/safes/{safe.pk}/").content.decode()
    assert "It said, and was not believed" in page and tx.hash in page


@pytest.mark.parametrize(
    ("lies", "field"),
    [
        ({"value": 5.0}, "value"),
        ({"value": True}, "value"),
        ({"value": "-5"}, "value"),
        ({"value": None}, "value"),
        ({"operation": True}, "operation"),
        ({"operation": 2}, "operation"),
        ({"operation": "0"}, "operation"),
        ({"data": "0x123"}, "data"),
        ({"data": 5}, "data"),
        ({"data": "0x" + "00" * 110_001}, "data"),
        ({"nonce": "7.0"}, "nonce"),
        ({"nonce": str(2**256)}, "nonce"),
        ({"to": None}, "to"),
        ({"to": VAULT[:-1] + "d"}, "to"),
        ({"safe": VAULT}, "safe"),
        ({"gasToken": []}, "gasToken"),
        ({"safeTxHash": None}, "safeTxHash"),
        ({"confirmations": {"a": 1}}, "confirmations"),
        ({"confirmations": ["x"]}, "confirmations"),
        ({"confirmations": [{"signature": 5}]}, "confirmations"),
        ({"confirmations": [{"signature": "0x" + "00" * 30_000}]}, "confirmations"),
    ],
)
def test_ill_typed_fields_are_refused(lies: dict[str, Any], field: str) -> None:
    from integrations.safe.service_answers import Listing, read_listing

    tx = SafeTx(31337, "0x41675C099F32341bf84BFc5382aF534df5C7461a", "1.4.1", to=VAULT, value=5, nonce=7)
    found = Listing()
    assert read_listing({"results": [entry_of(tx, **lies), 7, None], "next": None}, tx, found) is False
    assert not found.entries
    assert found.odd[0].words.startswith(f"{field}:")


def test_what_nobody_really_signed_is_not_taken_in(safe: Safe, there: FakeService) -> None:
    stranger = Account.from_key(b"\x07" * 32)
    tx, approved = tx_of(safe), tx_of(safe, nonce=8)
    forged = "0x" + bytes(stranger.unsafe_sign_hash(bytes.fromhex(tx.hash[2:])).signature).hex()
    elsewhere = by(tx_of(safe, value=99), 0)
    there.has(entry_of(tx, forged, elsewhere, "0x", "0x" + "11" * 65), entry_of(approved))
    there.has({**entry_of(tx_of(safe, nonce=3), by(tx_of(safe, nonce=3), 0))})  # its nonce is used up
    state = exchange(safe)
    assert (Proposal.objects.count(), state.unsigned, state.problem) == (0, 2, "")
    proposal = offer(safe, 5)  # the same transaction, proposed here: forged signatures count as little
    assert proposal.safe_tx_hash == tx.hash
    exchange(safe)
    exchange(safe)
    assert not proposal.confirmations.exists()
    assert Oddity.objects.filter(kind="signature").count() == 4
    assert verbs("service.signature") == ["service.signature.refused"] * 4


def test_signatures_go_out_as_they_come_and_once(safe: Safe, there: FakeService) -> None:
    proposal = offer(safe, 5)
    exchange(safe)
    assert there.posted == []  # nobody has signed: there is nothing to say
    given_in(proposal, 0)
    given_in(proposal, 1)
    exchange(safe)
    first, second = there.posted
    assert first.path == f"/tx-service/dev/api/v2/safes/{safe.address}/multisig-transactions/"
    body: Any = first.json()
    assert (body["contractTransactionHash"], body["sender"]) == (proposal.safe_tx_hash, KEYS[0].address)
    assert second.path.endswith(f"/api/v1/multisig-transactions/{proposal.safe_tx_hash}/confirmations/")
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert there.signatures_of(proposal.safe_tx_hash) == [by(proposal, 0), by(proposal, 1)]
    exchange(safe)
    assert len(there.posted) == 2
    there.entries.clear()  # it lost its memory: it is given everything again, but not at every look
    exchange(safe)
    assert len(there.posted) == 2
    Given.objects.update(at=timezone.now() - timedelta(hours=2))
    exchange(safe)
    assert there.signatures_of(proposal.safe_tx_hash) == [by(proposal, 0), by(proposal, 1)]


def test_one_that_swallows_what_it_is_given_is_not_fed_on(safe: Safe, there: FakeService) -> None:
    there.keeps = False
    proposal = offer(safe, 5)
    given_in(proposal, 0)
    for _ in range(3):
        exchange(safe)
    assert len(there.posted) == 1
    there.moods[:] = [there.serve, answer(422, {"nonFieldErrors": ["<b>no</b>"]})]
    Given.objects.all().delete()
    state = exchange(safe)
    assert (state.problem, Given.objects.get().refusal) == ("", "it answered 422")
    page = browser_of(person("val", "viewer")).get(f"/governance/safes/{safe.pk}/").content.decode()
    assert "It did not take the signature" in page and "<b>no</b>" not in page


def test_a_private_matter_is_not_given_away_unless_somebody_says_so(safe: Safe, there: FakeService) -> None:
    incident = open_scope(kind="incident", title="quiet", private=True, members=["user:1"], actor="user:1")
    proposal = offer(safe, 5, scope=open_scope(kind="proposal", title="x", actor="user:1", parents=[incident]))
    given_in(proposal, 0)
    exchange(safe)
    assert there.posted == []
    set_sharing(safe=safe, sharing="all", actor="user:1")
    exchange(safe)
    assert len(there.posted) == 1
    set_sharing(safe=safe, sharing="none", actor="user:1")
    given_in(offer(safe, 6), 0)
    exchange(safe)
    assert len(there.posted) == 1
    assert Exchange.objects.get().sharing == "none"


LATER = {"Retry-After": "90"}
TROUBLES: list[tuple[Behaviour, str]] = [
    (hang_up, "hung up"),
    (answer(500, b"Traceback (most recent call last)"), "it answers 500"),
    (answer(302, b"", {"Location": "http://169.254.169.254/"}), "it answers 302"),
    (answer(401, {"detail": "no"}), "does not take our API key"),
    (answer(404, b"not here"), "is its address right?"),
    (answer(200, b"<html>sign in</html>"), "not with JSON"),
    (answer(200, b"[" * 100_000), "not with JSON"),
    (answer(200, {"count": 1, "results": {"0": {}}}), "no list"),
    (answer(200, b"x" * 4_000_100), "more than 4,000,000 bytes"),
    (answer(429, {}, LATER), "less often"),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), "hung up"),
    (raw(b"what?\r\n\r\n"), "hung up"),
]


def test_whatever_it_does_instead_of_answering_changes_nothing_here(safe: Safe, there: FakeService) -> None:
    tx = tx_of(safe)
    there.has(entry_of(tx, by(tx, 0)))
    mine = offer(safe, 6, nonce=8)
    for number, (mood, words) in enumerate(TROUBLES, 1):
        there.moods.append(mood)
        state = exchange(safe)
        assert words in state.problem, (words, state.problem)
        assert state.failures == number
    assert Proposal.objects.count() == 1
    given_in(mine, 0)
    given_in(mine, 1)  # collected here without it
    mine.refresh_from_db()
    assert (mine.status, state.done_at, verbs()) == ("ready", None, ["service.set", "service.failing"])
    page = browser_of(person("val", "viewer")).get(f"/governance/safes/{safe.pk}/").content.decode()
    assert "has given no answer that can be used since" in page
    state = exchange(safe)  # it is back: both sides catch up
    assert (state.problem, state.failures, state.failing_since) == ("", 0, None)
    assert Proposal.objects.get(nonce=7).confirmations.get().owner == KEYS[0].address
    assert there.signatures_of(mine.safe_tx_hash) == [by(mine, 0), by(mine, 1)]
    assert verbs()[2:] == ["service.answering", "service.exchanged"]


def test_it_is_left_alone_as_long_as_it_asks(safe: Safe, there: FakeService) -> None:
    there.moods.append(answer(429, {}, LATER))
    exchange(safe)
    service = SafeService.objects.get()
    assert service.paused_until is not None
    assert 80 < (service.paused_until - timezone.now()).total_seconds() <= 90
    asked = there.asked
    Exchange.objects.update(tried_at=None)
    given_in(offer(safe, 5), 0)
    exchanging.hurry(safe)
    exchange(safe, patient=True)
    assert there.asked == asked
    row = Work.objects.get(kind=exchanging.KIND)
    assert (row.status, row.run_at) == ("waiting", service.paused_until)
    SafeService.objects.update(paused_until=timezone.now())
    exchange(safe, patient=True)
    assert len(there.posted) == 1


def test_nobody_silences_us_for_good(safe: Safe, there: FakeService) -> None:
    for text, least, most in (("999999999999", 3500, 3600), ("-1", 50, 60), ("soon", 50, 60), ("0", 4, 5)):
        there.moods.append(answer(429, {}, {"Retry-After": text}))
        with pytest.raises(ServiceTrouble) as caught:
            Service(there.url).pending(tx_of(safe))
        assert caught.value.pause is not None and least <= caught.value.pause <= most


def test_a_slow_one_holds_nobody(safe: Safe, there: FakeService) -> None:
    there.moods.append(there.there.say_nothing)
    begun = time.monotonic()
    with pytest.raises(ServiceTrouble, match="did not answer in time"):
        Service(there.url, each=0.3).pending(tx_of(safe))
    with pytest.raises(ServiceTrouble, match="too slow"):
        Service(there.url, seconds=0.5).pending(tx_of(safe))
    assert time.monotonic() - begun < 3


def test_pages_are_asked_for_at_our_own_address_and_not_without_end(safe: Safe, there: FakeService) -> None:
    for number in range(PAGE * 6):
        there.has(entry_of(tx_of(safe, nonce=7 + number)))
    found = Service(there.url).pending(tx_of(safe))
    assert (len(found.entries), found.cut, there.asked) == (100, True, 5)


def test_what_was_withdrawn_here_does_not_come_back(safe: Safe, there: FakeService) -> None:
    tx = tx_of(safe)
    there.has(entry_of(tx, by(tx, 0)))
    exchange(safe)
    withdraw(proposal=Proposal.objects.get(), actor="user:1", reason="not this one")
    exchange(safe)
    assert [one.status for one in Proposal.objects.all()] == ["rejected"]


def test_a_hostile_transaction_is_shown_and_not_signed(safe: Safe, there: FakeService) -> None:
    tx = tx_of(safe, operation=1, data=b"\xde\xad\xbe\xef")
    there.has(entry_of(tx, by(tx, 0), by(tx, 1)))
    exchange(safe)
    proposal = Proposal.objects.get()
    assert (proposal.status, proposal.calls, proposal.confirmations.count()) == ("signing", [], 0)
    assert "delegatecall" in {one.finding for one in review(proposal).blocking}
    with pytest.raises(Refused, match="may not be signed"):
        confirm(proposal=proposal, signature=by(tx, 2), actor="user:1")


def test_a_new_signature_hurries_and_work_that_died_is_made_anew(safe: Safe, there: FakeService) -> None:
    from tests.drain import settle

    exchange(safe)
    row = Work.objects.get(kind=exchanging.KIND)
    assert row.status == "waiting" and row.run_at is not None and row.run_at > timezone.now()
    given_in(offer(safe, 5), 0)
    settle()
    assert len(there.posted) == 1
    Work.objects.filter(kind=exchanging.KIND).update(status="failed", ended_at=timezone.now())
    assert (exchanging.ensure_all(), exchanging.ensure_all()) == (1, 0)
    SafeService.objects.all().delete()
    settle()
    assert {one.status for one in Work.objects.filter(kind=exchanging.KIND)} == {"failed", "done"}


def test_an_admin_sets_it_and_nobody_reads_its_key(safe: Safe, settings: Any) -> None:
    boss, other = caller(person("ana", "admin")), caller(person("val", "viewer"))
    body = {"chain_id": safe.chain.chain_id, "url": "https://safe.example.org/tx-service/dev/", "key": KEY}
    assert other.post("/api/v1/safe-services/", body).status_code == 403
    made = boss.post("/api/v1/safe-services/", body)
    assert (made.status_code, made.json()["has_key"], made.json()["url"]) == (201, True, body["url"][:-1])
    assert KEY not in other.get("/api/v1/safe-services/").content.decode()
    page = browser_of(person("bo", "admin")).get(f"/governance/safe-services/?chain={safe.chain.pk}")
    assert "safe.example.org" in page.content.decode() and KEY not in page.content.decode()
    assert not Event.objects.filter(after__icontains=KEY).exists()
    for wrong, field in (
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "https://a@b.example"}, "url"),
        ({"url": "https://b.example/api/v1/"}, "url"),
        ({"key": "short"}, "key"),
        ({"key": "Bearer 0123456789"}, "key"),
        ({"chain_id": 5}, "chain_id"),
    ):
        refused = boss.post("/api/v1/safe-services/", {**body, **wrong})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    with pytest.raises(Invalid, match="given for another host"):
        set_service(chain=safe.chain, url="https://thief.example", actor="user:1")
    shared = boss.post(f"/api/v1/safes/{safe.pk}/exchange/", {"sharing": "all"})
    assert (shared.status_code, shared.json()["sharing"], shared.json()["place"]) == (200, "all", "safe.example.org")
    assert boss.delete(f"/api/v1/safe-services/{made.json()['id']}/").status_code == 204
    assert other.get(f"/api/v1/safes/{safe.pk}/exchange/").json()["place"] == ""


def test_a_private_address_is_not_called(safe: Safe, settings: Any) -> None:
    settings.OUTGOING_ALLOW = []
    set_service(chain=safe.chain, url="https://127.0.0.1:1/tx-service", actor="user:1")
    assert "not a public address" in exchange(safe).problem
