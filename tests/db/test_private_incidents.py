"""Nobody outside learns of a private incident: no page, list, count, mail, socket or error message tells."""

import re
from itertools import product
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction

from accounts.approvals.services import give
from accounts.models import Approval, User
from governance.proposals.models import Proposal
from incidents.alerts.models import Alert
from incidents.incidents.models import Incident
from incidents.incidents.selectors import WarRoom
from incidents.incidents.services import make_private, open_incident
from incidents.links.services import merge
from incidents.search.selectors import search
from incidents.telling.facts import facts_of
from ledger import alarm, record
from ledger.access import AnyInsider
from ledger.scopes import open_scope
from notify.models import Delivery, Message
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run
from runbooks.runs.services import start_run
from tests.audiences import load_audiences
from tests.db.test_permission_matrix import IN_API, OTHERS, address
from tests.drain import settle
from tests.matrix_table import API
from tests.people import browser_of, caller, person, program_of
from tests.private_world import SECRET, PrivateWorld, a_proposal, private_world
from tests.whole_world import Whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> PrivateWorld:
    cache.clear()
    return private_world()


LEVELLED = re.compile("/start/|/complete/|/telling/")


@pytest.fixture(params=["viewer", "commander"])
def outsider(request: pytest.FixtureRequest) -> User:
    return person("otto", request.param)


def test_each_page_is_there_for_a_member_and_not_there_for_an_outsider(world: PrivateWorld, outsider: User) -> None:
    inside, outside = browser_of(world.member), browser_of(outsider)
    for path in world.paths:
        assert inside.get(path).status_code in (200, 302), path
        # A level is told before anything is looked for; who has the level learns as little as of what never was.
        answer = outside.get(path)
        assert answer.status_code == (403 if LEVELLED.search(path) and outsider.level == "viewer" else 404), path
        assert SECRET not in answer.content.decode()


def test_no_verb_of_a_page_reaches_it(world: PrivateWorld) -> None:
    outside = browser_of(person("otto", "commander"))
    for path in world.verbs:
        assert outside.post(path, {"reason": "x", "text": "x"}).status_code == 404, path


def test_the_api_answers_an_outsider_as_if_it_never_was(world: PrivateWorld) -> None:
    inside, outside = caller(world.member), caller(person("otto", "commander"))
    for path in world.api_paths:
        assert inside.get(path).status_code == 200, path
        there, never = outside.get(path), outside.get(re.sub(r"/\d+/", "/987654321/", path))
        assert (there.status_code, there.json()) == (404, never.json()), path
    for path, body in world.api_verbs:
        there = outside.post(path, body, format="json")
        assert there.status_code == 404 and SECRET not in there.content.decode(), path


def test_each_verb_of_the_api_is_as_blind_to_it_as_to_what_never_was() -> None:
    """Every route of the API, with everything that an admin finds in its lists and an outsider does not."""
    whole, outsider = Whole(), person("otto", "commander")
    outside, tried = caller(outsider), set()
    for route, verbs in API.items():
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
        if "{" not in path or path.startswith("/api/v1/inbound/"):
            continue
        open_ones = whole.known(path, outsider)
        hidden = [one for one in whole.known(path) if one not in open_ones][:1]
        for one, (verb, level) in product(hidden, verbs.items()):
            if level == "admin":
                continue  # an outsider by their level
            never = {name: "987654321" if isinstance(value, int) else value for name, value in one.items()}
            found, nothing = (getattr(outside, verb)(path.format(**ids), {}, format="json") for ids in (one, never))
            # 400: what is sent is judged first, whatever it is for; `api_verbs` send what is right.
            assert (found.status_code, found.json()) == (nothing.status_code, nothing.json()), (verb, path, one)
            assert found.status_code == 404 or (found.status_code == 400 and verb != "get"), (verb, path, one)
            tried.add((verb, path))
    nouns = {path.split("/")[3] for _, path in tried}
    assert nouns >= {"alerts", "approvals", "deliveries", "evidence", "incidents", "messages", "pages"}
    assert nouns >= {"plans", "proposals", "rehearsals", "runs", "transactions"} and len(tried) > 50


def test_a_token_sees_what_its_owner_sees(world: PrivateWorld) -> None:
    inside = program_of(world.member, "read")
    assert all(inside.get(path).status_code == 200 for path in world.api_paths)
    outside = program_of(person("otto", "commander"), "read")
    assert all(outside.get(path).status_code == 404 for path in world.api_paths)


def test_no_list_page_or_count_tells(world: PrivateWorld, outsider: User) -> None:
    """Every address that takes no argument, and those of public things."""
    outside, program = browser_of(outsider), caller(outsider)
    links = tuple(path for path in world.paths if re.search(r"/\d+/$", path))
    lists = [address(route) for route in OTHERS if "<" not in route and "(?P" not in route and "logout" not in route]
    lists += [f"/governance/safes/{world.safe.pk}/", "/runbooks/playbooks/by-hand/", "/accounts/people/1/"]
    for path in lists:
        text = outside.get(path).content.decode()
        assert SECRET not in text, path
        assert not [link for link in links if f'"{link}"' in text], path
    for path in (address(route) for route, actions in IN_API.items() if "<" not in route and "get" in (actions or ())):
        assert SECRET not in program.get(path).content.decode(), path
    for name in ("incidents", "alerts", "runs", "plans", "approvals", "messages", "deliveries", "proposals"):
        assert program.get(f"/api/v1/{name}/").json()["results"] == [], name
    assert ">1 open<" not in outside.get("/governance/safes/").content.decode()


def test_a_search_finds_all_of_it_for_a_member_and_none_for_an_outsider(world: PrivateWorld, outsider: User) -> None:
    words = f'{SECRET} OR "{world.run.title}" OR {world.proposal.safe_tx_hash}'
    assert {"incident", "alert", "message", "run", "proposal"} <= {hit.noun for hit in search(world.member, words)}
    assert search(outsider, words) == []


def test_auditors_see_it(world: PrivateWorld) -> None:
    reader = caller(person("frank", "auditor"))
    assert all(reader.get(path).status_code == 200 for path in world.api_paths)


@pytest.mark.parametrize(
    ("resource", "name"),
    [("alerts", "incident"), ("runs", "scope"), ("messages", "scope"), ("deliveries", "message"), ("events", "scope")],
)
def test_a_filter_does_not_tell_whether_there_is_such_a_thing(world: PrivateWorld, resource: str, name: str) -> None:
    outside = caller(person("otto", "viewer"))
    real = {"incident": world.incident.pk, "scope": world.incident.scope_id, "message": world.message.pk}[name]
    answers = [outside.get(f"/api/v1/{resource}/?{name}={number}") for number in (real, 987654321)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["results"] == answers[1].json()["results"] == []
    for nonsense in ("-1", "1.5", "x", "9" * 40, "1e9"):
        assert outside.get(f"/api/v1/{resource}/?{name}={nonsense}").status_code == 400, nonsense


def test_a_proposal_at_the_same_nonce_is_named_to_insiders_alone(world: PrivateWorld) -> None:
    scope = open_scope(kind="proposal", title="Open", actor="user:1")
    public = a_proposal(world.safe, scope, "Something open", data="8456cb5900")
    said = caller(person("otto", "viewer")).get(f"/api/v1/proposals/{public.pk}/review/").json()
    assert f"#{world.proposal.pk}" not in str(said["findings"])
    inside = caller(world.member).get(f"/api/v1/proposals/{world.proposal.pk}/review/").json()
    assert f"#{public.pk}" in str(inside["findings"]), "who may see less is known to who may see more"


def _alarm(scope: Any, key: str = "proposal-stopped:7") -> None:
    with transaction.atomic():
        record(
            "proposal.failed",
            actor="system:governance",
            scope=scope,
            subject="proposal:7",
            alarm=alarm(key, "SEV2", title=f"{SECRET} stopped"),
        )


@pytest.mark.django_db(transaction=True)
def test_what_goes_wrong_inside_is_told_inside() -> None:
    """The alarm of a private proposal joins its incident; it opens none beside it, and mails nobody outside."""
    world = private_world()
    person("otto", "commander")
    settle(kinds=("none",))
    _alarm(world.proposal.scope)
    settle(kinds=("none",))
    found = Alert.objects.get(key="proposal-stopped:7")
    assert (found.incident, found.scope) == (world.incident, world.incident.scope)
    assert Incident.objects.count() == 1
    outsiders = [copy.address for message in Message.objects.all() for copy in message.deliveries.all()]
    assert set(outsiders) == {world.member.email}


@pytest.mark.django_db(transaction=True)
def test_an_alarm_of_a_private_scope_without_an_incident_opens_a_private_one() -> None:
    insider, outsider = person("mia", "responder"), person("otto", "commander")
    scope = open_scope(kind="drill", title=SECRET, private=True, members=[insider.actor], actor="system:test")
    # One of the same cause that everybody sees must not take it in.
    settle()
    _alarm(scope)
    settle(kinds=("none",))
    incident = Incident.objects.get()
    assert incident.scope.private
    assert Incident.objects.visible_to(insider).exists() and not Incident.objects.visible_to(outsider).exists()
    assert not Alert.objects.visible_to(outsider).exists()


@pytest.mark.django_db(transaction=True)
def test_an_alarm_of_an_open_incident_joins_it() -> None:
    incident = open_incident(title="Stale", severity="SEV3", actor="user:1")
    settle()
    _alarm(incident.scope)
    settle(kinds=("none",))
    assert Alert.objects.get(key="proposal-stopped:7").incident == incident
    incident.refresh_from_db()
    assert incident.severity == "SEV2", "the graver alert raises it"


# --- the public is not told, by whatever door


TELLING = """\
playbook: tell
title: Tell everybody
summary: Those outside, then those inside.
steps:
  - id: out
    on_failure: continue
    notify: {audience: stakeholders, subject: Krakatoa smokes, text: Stop deposits.}
  - id: in
    notify: {audience: responders, subject: Krakatoa smokes, text: Come and help.}
"""


@pytest.mark.django_db(transaction=True)
def test_a_private_incident_is_told_to_no_public_by_any_door() -> None:
    """By the API, by a plan, by an approval that comes too late, by what still waits in the outbox."""
    world, outsider = private_world(), person("otto", "responder")
    load_audiences("system:test")
    number, api = world.incident.scope_id, caller(world.member)
    words: dict[str, object] = {"subject": SECRET, "body": SECRET}
    for audience in ("users", "lps", "stakeholders"):
        answer = api.post("/api/v1/messages/", {**words, "audience": audience, "scope": number}, format="json")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:breakglass:problem:private"), audience
    book = save_version(yaml=TELLING, actor="system:test")
    told = start_run(playbook=book, inputs={}, scope=world.incident.scope, actor=world.member.actor)
    settle(kinds=("runbooks.step",))
    out, inside = told.steps.order_by("position")
    assert out.status == "failed" and "private" in out.reason and inside.status == "done"
    words |= {"audience": "responders", "scope": number}
    assert api.post("/api/v1/messages/", words, format="json").status_code == 201
    heard = {copy.address for copy in Delivery.objects.filter(message__subject_line__contains=SECRET)}
    assert heard == {world.member.email} and outsider.email not in heard, "of those inside, the ones who may see it"
    assert not Message.objects.filter(audience__kind="outside").exists()
    asked = api.post("/api/v1/messages/", {**words, "audience": "exchanges"}, format="json")
    assert asked.status_code == 201 and asked.json()["status"] == "awaiting_approval", (
        "who helps may hear, once approved"
    )


@pytest.mark.django_db(transaction=True)
def test_what_was_on_its_way_to_the_public_is_taken_back_when_it_becomes_private() -> None:
    load_audiences("system:test")
    ana, ben = person("ana", "commander"), person("ben", "commander")
    incident = open_incident(title="Stale", severity="SEV3", actor=ana.actor, tell=False)
    api = caller(ana)
    asked = [
        api.post(
            "/api/v1/messages/",
            {"audience": "lps", "subject": text, "body": text, "scope": incident.scope_id},
            format="json",
        ).json()["id"]
        for text in ("one", "two")
    ]
    give(approval=Approval.objects.get(about=f"message:{asked[0]}"), user=ben)
    settle(kinds=("none",))
    copy = Delivery.objects.get(message=asked[0])
    assert copy.status == "queued"
    make_private(incident=incident, private=True, user=ana)
    settle(kinds=("none",))
    copy.refresh_from_db()
    assert copy.status == "withdrawn"
    give(approval=Approval.objects.get(about=f"message:{asked[1]}"), user=person("cleo", "admin", "commander"))
    settle(kinds=("none",))
    late = Message.objects.get(pk=asked[1])
    assert late.status == "rejected" and not late.deliveries.exists()
    Delivery.objects.filter(pk=copy.pk).update(status="failed")
    assert api.post(f"/api/v1/deliveries/{copy.pk}/resend/").status_code == 409


def test_what_was_merged_and_stayed_private_is_not_drawn_for_those_who_see_the_rest(world: PrivateWorld) -> None:
    """Two private ones became one, which was opened since: the part that nobody opened stays with its members."""
    scope = world.incident.scope
    main = open_incident(title="Main", severity="SEV3", actor=world.member.actor, private=True, tell=False)
    merge(incident=world.incident, into=main, actor=world.member.actor)
    make_private(incident=main, private=False, user=world.member)
    Proposal.objects.filter(pk=world.proposal.pk).update(status="executed")
    Run.objects.filter(pk=world.run.pk).update(status="running")
    stranger = person("otto", "commander")
    main.refresh_from_db()
    for viewer, sees in ((stranger, False), (world.member, True), (AnyInsider.of(main.scope_id), False)):
        known = f"{WarRoom(main, viewer).runs}{facts_of(main, viewer)['done']}"
        assert (world.run.title in known, SECRET in known) == (sees, sees), viewer
    assert AnyInsider.of(scope.pk).inside == {scope.pk}
    html = browser_of(stranger).get(f"/incidents/{main.pk}/").content.decode()
    assert SECRET not in html
