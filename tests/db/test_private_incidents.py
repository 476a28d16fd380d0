"""Nobody outside learns of a private incident: no page, list, count, mail, socket or error message tells."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import connections, transaction

from accounts.models import User
from incidents.alerts.models import Alert
from incidents.incidents.models import Incident
from incidents.incidents.services import open_incident
from incidents.search.selectors import search
from ledger import alarm, record
from ledger.chain import link_once
from ledger.live import hub as hubs
from ledger.live import topics as live
from ledger.live.consumer import LiveConsumer
from ledger.models import Event
from ledger.scopes import open_scope
from notify.models import Message
from tests.db.test_permission_matrix import IN_API, OTHERS, address
from tests.drain import settle
from tests.people import browser_of, caller, person, program_of
from tests.private_world import SECRET, PrivateWorld, a_proposal, private_world
from tests.sockets import SocketClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> PrivateWorld:
    cache.clear()
    return private_world()


LEVELLED = re.compile("/start/|/complete/")


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


# --- sockets


def run(story: Coroutine[Any, Any, Any]) -> Any:
    async def told() -> Any:
        try:
            return await asyncio.wait_for(story, 30)
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(told())


@pytest.mark.django_db(transaction=True)
def test_no_topic_of_it_can_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "_hubs", {})
    assert live.TOPICS, "the rooms have registered theirs"
    world, outsider = private_world(), person("otto", "commander")
    topics = [
        f"incident:{world.incident.pk}",
        f"run:{world.run.pk}",
        f"proposal:{world.proposal.pk}",
        f"message:{world.message.pk}",
        f"transaction:{world.transaction.pk}",
        "desk:0",
    ]
    while link_once():
        pass
    last = Event.objects.count()

    async def story() -> list[Any]:
        heard = []
        for user in (outsider, AnonymousUser()):
            socket = SocketClient(LiveConsumer.as_asgi(), "/ws/?after=0", user)
            await socket.connect()
            if isinstance(user, AnonymousUser):
                heard.append((await socket.receive_output(timeout=5))["code"])
                continue
            await socket.send_json({"subscribe": topics})
            await asyncio.sleep(1)
            while not socket.output_queue.empty():
                heard.append(await socket.receive_output(timeout=1))
            await socket.leave()
        return heard

    heard = run(story())
    assert last and heard.pop() == 4401
    said = "".join(str(one) for one in heard)
    assert SECRET not in said
    for key in topics[:-1]:
        assert f'"topic": "{key}"' not in said, key
