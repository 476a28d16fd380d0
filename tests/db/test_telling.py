"""Words to people outside: letters with blanks, previewed, approved by somebody else, corrected."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.approvals.services import give
from accounts.models import Approval, User
from governance.protocols.models import Contract, Protocol
from incidents.incidents.models import Incident
from incidents.incidents.services import open_incident
from integrations.chain.models import Chain
from ledger import Refused
from notify.letters.catalogue import CATALOGUE, CORRECTION
from notify.letters.services import Filled, drafts
from notify.models import Audience, Message, Promise
from tests.audiences import load_audiences
from tests.drain import settle
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db
VAULT = "0x0000000000000000000000000000000000000001"


@pytest.fixture(autouse=True)
def audiences(db: None) -> None:
    load_audiences("system:test")


@pytest.fixture
def incident() -> Incident:
    helix = Protocol.objects.create(slug="helix", name="Helix")
    chain = Chain.objects.create(chain_id=731, name="Devnet", short_name="dev", kind="devnet")
    Contract.objects.create(protocol=helix, chain=chain, address=VAULT, name="HelixVault", role="vault")
    return open_incident(title="Inner title", severity="SEV1", actor="user:0", protocol=helix, tell=False)


@pytest.fixture
def ana() -> Client:
    return browser_of(person("ana", "responder", "commander"))


@pytest.fixture
def ben() -> User:
    return person("ben", "commander")


def test_every_letter_says_all_that_was_filled_in_to_each_of_its_audiences() -> None:
    everybody = {audience.slug: audience for audience in Audience.objects.filter(kind="outside")}
    due = timezone.now() + timedelta(hours=1)
    for letter in CATALOGUE.values():
        assert set(letter.audiences) <= set(everybody), letter.slug
        values = {blank.name: f"{{{{ {blank.name} }}}} <b>&" for blank in letter.blanks}
        for draft in drafts(Filled(letter, values, due), [everybody[slug] for slug in letter.audiences or everybody]):
            text = f"{draft.subject}\n{draft.body}"
            assert all(value in text for value in values.values()), letter.slug
            assert draft.ways == 1 and "\n\n\n" not in draft.body and "None" not in text
            assert due.strftime("%H:%M UTC") in text or letter.slug == "seal-911"
    calls = {one.slug: one for one in CATALOGUE.values()}
    assert {"seal-911", "freeze-request", "safe-harbor", "pause", "do-not-interact", "restored"} <= set(calls)


def test_each_audience_reads_what_concerns_it() -> None:
    letter = CATALOGUE["pause"]
    values = {blank.name: blank.name for blank in letter.blanks}
    makers, users = Audience.objects.get(slug="market-makers"), Audience.objects.get(slug="users")
    one, other = drafts(Filled(letter, values), [makers, users])
    assert "cancel your open quotes" in one.body and "cancel your open quotes" not in other.body


PAUSE = {
    "audiences": ["users", "market-makers"],
    "protocol": "Helix",
    "paused": "HelixVault",
    "since": "12:00",
    "why": "The price feed is stale.\r\nWe look.",
    "action": "Nothing.",
    "promise": "30",
}


def hidden(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(key|seen|by)" value="([^"]*)"', html))


def test_from_a_letter_to_the_public_page(incident: Incident, ana: Client, ben: User) -> None:
    page = ana.get(f"/incidents/telling/?incident={incident.pk}").content.decode()
    assert "Freeze request" in page and "SEAL 911 intake" in page
    url = f"/incidents/telling/pause/?incident={incident.pk}"
    blank = ana.get(url).content.decode()
    assert 'value="Helix"' in blank and 'value="HelixVault"' in blank, "what the incident knows stands there already"
    assert VAULT in ana.get(f"/incidents/telling/seal-911/?incident={incident.pk}").content.decode()
    body = {**PAUSE, **hidden(blank)}
    first = ana.post(url, {**body, "do": "ask"}).content.decode()
    assert not Message.objects.exists(), "what was not previewed is not asked for"
    assert "cancel your open quotes" in first and "Next update by" in first
    body |= hidden(first)
    other = ana.post(url, {**body, "why": "Something else.", "do": "ask"}).content.decode()
    assert "has changed since the preview" in other and not Message.objects.exists()
    for _ in range(2):
        assert ana.post(url, {**body, "do": "ask"}).status_code == 302, "pressed twice, asked once"
    told = list(Message.objects.order_by("pk"))
    assert [one.status for one in told] == ["awaiting_approval"] * 2 and Approval.objects.count() == 2
    assert "The price feed is stale.\nWe look." in told[0].body
    users = Message.objects.get(audience__slug="users")
    approval = Approval.objects.get(about=users.subject)
    with pytest.raises(Refused, match="yourself"):
        give(approval=approval, user=User.objects.get(username="ana"))
    give(approval=approval, user=ben)
    settle()
    users.refresh_from_db()
    assert users.status == "approved" or users.status == "sent" or users.status == "failed"
    assert users.let_out_at and Promise.objects.get().message == users
    text = Client().get("/status/").content.decode()
    assert "Helix: HelixVault paused" in text and "Next update by" in text and "Inner title" not in text

    assert "Correct it" in ana.get(f"/notify/messages/{users.pk}/").content.decode()
    url = f"/incidents/telling/correction/{users.pk}/"
    form = ana.get(url).content.decode()
    assert 'value="users"' in form and 'value="market-makers"' not in form
    words = {"audiences": "users", "headline": "It was not the feed", "wrong": "The feed.", "right": "The keeper."}
    preview = ana.post(url, {**words, **hidden(form), "do": "preview"}).content.decode()
    assert "This corrects what we told you at" in preview
    assert ana.post(url, {**words, **hidden(preview), "do": "ask"}).status_code == 302
    correction = Message.objects.get(corrects=users)
    give(approval=Approval.objects.get(about=correction.subject), user=ben)
    settle()
    text = Client().get("/status/").content.decode()
    assert "Read the correction of" in text and "Correction: It was not the feed" in text
    assert "It was not the feed" in ana.get(f"/notify/messages/{users.pk}/").content.decode()
    assert Promise.objects.get().status == "kept"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"audiences": []}, "Choose who gets it."),
        ({"audiences": ["responders"]}, "There is no such audience."),
        ({"why": "a\x07b"}, "control character"),
        ({"paused": "a\nb"}, "line break"),
        ({"paused": "x" * 151}, "at most 150"),
        ({"protocol": "x" * 150, "paused": "y" * 150}, "one line of 1 to 200 characters"),
        ({"why": ""}, "This field is required"),
        ({"promise": "7"}, "Select a valid choice"),
        ({"key": "x"}, "Enter a valid UUID"),
    ],
)
def test_bad_input_is_said_and_asks_for_nothing(ana: Client, change: dict[str, Any], said: str) -> None:
    body = {**PAUSE, "key": "6d1c1b9e-0e0c-4a43-8a25-5a1c6d7e8f90", **change}
    answer = ana.post("/incidents/telling/pause/", {**body, "do": "ask"})
    assert answer.status_code == 400 and said in answer.content.decode() and not Message.objects.exists()


def test_the_public_is_not_told_of_what_is_private_but_who_helps_may_be(ana: Client) -> None:
    user = User.objects.get(username="ana")
    inner = open_incident(
        title="Krakatoa", severity="SEV1", actor=user.actor, private=True, members=[user.actor], tell=False
    )
    url = f"/incidents/telling/pause/?incident={inner.pk}"
    body = {**PAUSE, **hidden(ana.get(url).content.decode()), "do": "preview"}
    assert "This incident is private" in ana.post(url, body).content.decode()
    assert ana.post(url, {**body, "audiences": ["exchanges"]}).status_code == 200
    assert ana.post(url, {**body, "audiences": ["exchanges", "lps"]}).status_code == 400
    stranger = browser_of(person("sid", "responder"))
    assert stranger.get(url).status_code == stranger.get("/incidents/telling/none/").status_code == 404
    assert stranger.get("/incidents/telling/pause/?incident=x").status_code == 404
    assert CORRECTION.slug not in CATALOGUE and stranger.get("/incidents/telling/correction/").status_code == 404


def test_a_program_corrects_and_promises_too(ben: User) -> None:
    api, due = caller(ben), timezone.now() + timedelta(hours=1)
    words = {"audience": "users", "subject": "Paused", "body": "We look.", "next_update_by": due.isoformat()}
    made = api.post("/api/v1/messages/", words, format="json", HTTP_IDEMPOTENCY_KEY="a").json()
    assert made["status"] == "awaiting_approval" and made["next_update_by"] is not None
    again = {**words, "corrects": made["id"]}
    assert api.post("/api/v1/messages/", again, format="json", HTTP_IDEMPOTENCY_KEY="b").status_code == 400
    for wrong in ({"next_update_by": "soon"}, {"next_update_by": "2020-01-01T00:00:00Z"}, {"corrects": 10**9}):
        answer = api.post("/api/v1/messages/", {**words, **wrong}, format="json", HTTP_IDEMPOTENCY_KEY=str(wrong))
        assert answer.status_code == 400, wrong
    give(approval=Approval.objects.get(), user=person("cleo", "commander"))
    settle()
    answer = api.post("/api/v1/messages/", again, format="json", HTTP_IDEMPOTENCY_KEY="c")
    assert answer.status_code == 201 and answer.json()["corrects"] == made["id"]
