"""Who may follow what: every topic that a room registers, every level, for what is private and for what is not."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.conf import settings
from django.db import connections, transaction
from django.test import Client

from accounts.tokens.services import create_token
from config.sockets import routes
from incidents.incidents.services import open_incident
from ledger import record
from ledger.chain import link_once
from ledger.live import hub as hubs
from ledger.live import topics as live
from ledger.live.consumer import LiveConsumer
from ledger.models import Scope
from ledger.selectors import last_seq
from notify.models import Page
from tests import loops
from tests.people import LEVELS, browser_of, person
from tests.private_world import SECRET, PrivateWorld, private_world
from tests.sockets import SocketClient

pytestmark = pytest.mark.django_db(transaction=True)

INSIDERS = ("member", "auditor", "admin")
GUARDED = {"incident", "run", "rehearsals", "proposal", "message", "page", "transaction"}
FOR_ALL = {"desk", "queue", "executor"}
"""Anybody signed in may follow these; of what happens in private they hear nothing."""


@pytest.fixture(autouse=True)
def fresh_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "_hubs", {})


def keys_of(world: PrivateWorld) -> dict[str, str]:
    """What can be followed of the private incident: the topic, and the subject whose events touch it."""
    page = Page.objects.get(about=world.incident.subject)
    return {
        f"incident:{world.incident.pk}": world.incident.subject,
        f"run:{world.run.pk}": world.run.subject,
        f"rehearsals:{world.run.plan_id}": f"rehearsal:{world.rehearsal.pk}",
        f"proposal:{world.proposal.pk}": world.proposal.subject,
        f"message:{world.message.pk}": f"message:{world.message.pk}",
        f"page:{page.pk}": page.subject,
        f"transaction:{world.transaction.pk}": world.transaction.subject,
    }


def happen(scope: Scope, *subjects: str, reason: str = "") -> None:
    with transaction.atomic():
        for subject in subjects:
            record(f"{subject.partition(':')[0]}.touched", actor="user:1", scope=scope, subject=subject, reason=reason)
    while link_once():
        pass


async def all_of(socket: SocketClient) -> list[dict[str, Any]]:
    """What it has been told by the time that it answers something asked now."""
    await socket.send_json({"subscribe": ["nothing:1"]})
    heard: list[dict[str, Any]] = []
    while {"refused": "nothing:1"} not in heard:
        heard += await socket.hear()
    return heard[:-1]


def named(heard: list[dict[str, Any]], word: str) -> set[str]:
    return {key for one in heard if word in one for key in (one[word] if word == "subscribed" else [one[word]])}


def test_every_topic_for_every_level() -> None:
    assert set(live.TOPICS) == GUARDED | FOR_ALL, "who registers a topic says here whom it is for"
    world = private_world()
    public = open_incident(title="Open", severity="SEV3", actor="user:1", tell=False)
    private = keys_of(world)
    for_all = {"desk:0", f"queue:{world.safe.pk}", f"executor:{world.transaction.executor_id}", f"incident:{public.pk}"}
    assert {key.partition(":")[0] for key in private} == GUARDED
    people = {level: person("", *granted) for level, granted in LEVELS.items()} | {"member": world.member}
    while link_once():
        pass
    start = last_seq()

    async def scene() -> dict[str, list[dict[str, Any]]]:
        sockets = {}
        for level, user in people.items():
            after = start if level in INSIDERS else 0  # nothing that happened before is replayed to anybody outside
            sockets[level] = SocketClient(LiveConsumer.as_asgi(), f"/ws/?after={after}", user)
            await sockets[level].connect()
            await sockets[level].send_json({"subscribe": [*private, *for_all]})
        heard = {level: await all_of(socket) for level, socket in sockets.items()}
        await sync_to_async(happen)(world.incident.scope, *private.values(), reason=SECRET)
        await sync_to_async(happen)(public.scope, public.subject)
        for level, socket in sockets.items():
            new: list[dict[str, Any]] = []
            while not any(one.get("topic") == f"incident:{public.pk}" for one in new):
                new += await socket.hear()
            heard[level] += new
            heard[level] += await all_of(socket)
            await socket.leave()
        return heard

    async def whole() -> dict[str, list[dict[str, Any]]]:
        try:
            return await asyncio.wait_for(scene(), 60)
        finally:
            await sync_to_async(connections.close_all)()

    for level, heard in loops.run(whole()).items():
        may = for_all | (set(private) if level in INSIDERS else set())
        assert named(heard, "subscribed") == may, level
        assert named(heard, "refused") == set(private) - may, level
        touched = {one["topic"] for one in heard if str(one.get("verb", "")).endswith(".touched")}
        assert touched == (may if level in INSIDERS else {"desk:0", f"incident:{public.pk}"}), level
        assert level in INSIDERS or SECRET not in json.dumps(heard), level


def test_only_a_session_opens_a_socket_and_its_end_closes_it() -> None:
    """Over the stack that is served: a token is no session, whatever its scopes."""
    served: Any = AuthMiddlewareStack(URLRouter(routes()))
    ana = person("ana", "commander")
    browser: Client = browser_of(ana)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    secret = create_token(user=ana, name="all", scopes=["read"], actor=ana.actor)[1]
    cookies = {"mine": cookie, "forged": "0" * 32, "nul": "%00"}
    while link_once():
        pass

    def open_one(*headers: tuple[bytes, bytes], path: str = "/ws/") -> SocketClient:
        return SocketClient(served, path, headers=headers)

    def by_cookie(name: str) -> SocketClient:
        return open_one((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookies[name]}".encode()))

    async def refused(socket: SocketClient) -> int:
        await socket.connect()
        return int((await socket.receive_output(timeout=5))["code"])

    async def scene() -> None:
        bearer = (b"authorization", f"Bearer {secret}".encode())
        assert await refused(open_one(bearer)) == await refused(open_one(path=f"/ws/?token={secret}")) == 4401
        assert await refused(by_cookie("forged")) == await refused(by_cookie("nul")) == 4401
        for frame in HOSTILE:
            socket = by_cookie("mine")
            await socket.connect()
            await socket.send_text(frame)
            answer = await socket.receive_output(timeout=5)
            assert answer.get("code") == 4400 or "refused" in answer["text"], frame[:40]
            await socket.leave()
        socket = by_cookie("mine")
        await socket.connect()
        await socket.send_json({"subscribe": ["desk:0"]})
        assert (await socket.hear())[0]["subscribed"] == ["desk:0"]
        await sync_to_async(browser.post)("/accounts/logout/")
        await sync_to_async(link_once)()
        while (answer := await socket.receive_output(timeout=5))["type"] != "websocket.close":
            assert "desk:0" not in answer.get("text", ""), "nothing more is told"
        assert answer["code"] == 4409
        assert await refused(by_cookie("mine")) == 4401

    async def whole() -> None:
        try:
            await asyncio.wait_for(scene(), 60)
        finally:
            await sync_to_async(connections.close_all)()

    loops.run(whole())


HOSTILE = (
    "",
    "{",
    "[" * 4_000,
    '{"a":' * 800,
    "x" * 5_000,
    "null",
    '{"subscribe": "desk:0"}',
    '{"subscribe": [1]}',
    '{"subscribe": [null]}',
    '{"subscribe": {"desk:0": 1}}',
    '{"subscribe": ["' + "x" * 64 + '"]}',
    '{"subscribe": ["incident:\\u0000"]}',
    '{"subscribe": ["incident:\\ud800"]}',
    '{"subscribe": ["incident:-1"]}',
    '{"subscribe": ["incident:1e3"]}',
    '{"subscribe": ["incident:99999999999999999999"]}',
    '{"subscribe": ["incident:999999999999999999"]}',
    '{"subscribe": ["incident:\\u0663"]}',
    '{"subscribe": ["<script>:1"]}',
    '{"subscribe": ' + "9" * 4_000 + "}",
    json.dumps({"subscribe": [f"desk:{n}" for n in range(41)]}),
)
