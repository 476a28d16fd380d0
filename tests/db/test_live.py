"""Live updates: permission at subscription and for every event, replay after a gap, nothing lost without hints."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction

import ledger
from ledger import chain, scopes
from ledger.live import hub as hubs
from ledger.live import topics
from ledger.live.consumer import LiveConsumer
from ledger.live.viewers import ENDS_SESSIONS
from ledger.models import Event, Scope
from tests import loops
from tests.sockets import SocketClient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def thing_topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """`thing:<scope id>` shows whatever happens in a scope; `drawn` counts how often it is drawn."""
    drawn: list[str] = []
    monkeypatch.setattr(topics, "TOPICS", registry := {})
    monkeypatch.setattr(hubs, "TOPICS", registry)
    monkeypatch.setattr(hubs, "_hubs", {})

    def scope_of(pk: int) -> int:
        if not Scope.objects.filter(pk=pk).exists():
            raise LookupError(pk)
        return pk

    def render(event: Event, pk: int, audience: str) -> str:
        drawn.append(audience)
        return f"<p id=e{event.pk} hx-swap-oob='beforeend:#t'>{event.verb}</p>"

    topics.topic("thing", scope_of=scope_of, matches=lambda e: [e.scope_id] if e.scope_id else [], render=render)
    yield drawn


def person(name: str) -> Any:
    return get_user_model().objects.create_user(username=name)


def happen(scope: Scope, verb: str) -> int:
    with transaction.atomic():
        ledger.record(verb, actor="system:test", scope=scope)
    return chain.link_once()[-1]


async def connect(user: Any, after: int = 0) -> SocketClient:
    socket = SocketClient(LiveConsumer.as_asgi(), f"/ws/?after={after}", user)
    await socket.connect()
    return socket


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it, and close the database connection of its worker thread."""

    async def whole() -> None:
        try:
            await scene()
        finally:
            await sync_to_async(connections.close_all)()

    loops.run(whole())


@pytest.fixture
def scope() -> Scope:
    return scopes.open_scope(kind="t", title="t", actor="system:test")


def test_events_arrive_in_order_drawn_once_for_all_of_an_audience(scope: Scope, thing_topic: list[str]) -> None:
    people = [person(f"p{n}") for n in range(3)]

    async def scene() -> None:
        sockets = [await connect(user) for user in people]
        for socket in sockets:
            await socket.send_json({"subscribe": [f"thing:{scope.pk}"]})
            assert (await socket.hear(2))[1]["subscribed"] == [f"thing:{scope.pk}"]
        thing_topic.clear()
        seqs = [await sync_to_async(happen)(scope, f"a.{n}") for n in range(2)]
        for socket in sockets:
            heard = await socket.hear(2)
            assert [m["seq"] for m in heard] == seqs and [m["verb"] for m in heard] == ["a.0", "a.1"]
        assert len(thing_topic) == 2
        for socket in sockets:
            await socket.leave()

    chain.link_once()
    play(scene)


def test_what_was_missed_is_replayed(scope: Scope) -> None:
    user = person("p")
    chain.link_once()
    seen = happen(scope, "a.seen")
    missed = happen(scope, "a.missed")

    async def scene() -> None:
        socket = await connect(user, after=seen)
        await socket.send_json({"subscribe": [f"thing:{scope.pk}"]})
        first, second = await socket.hear(2)
        assert first["seq"] == missed and first["verb"] == "a.missed" and second["subscribed"]
        await socket.leave()

    play(scene)


def test_a_gap_too_long_to_replay_asks_for_a_reload(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "LONGEST_REPLAY", 2)
    user = person("p")
    for n in range(4):
        happen(scope, f"a.{n}")

    async def scene() -> None:
        socket = await connect(user)
        await socket.send_json({"subscribe": [f"thing:{scope.pk}"]})
        assert await socket.hear() == [{"reload": True}]
        await socket.leave()

    play(scene)


def test_a_scope_that_becomes_private_falls_silent_for_outsiders_at_once(scope: Scope) -> None:
    insider, outsider = person("in"), person("out")
    scopes.add_member(scope=scope, who=f"user:{insider.pk}", actor="system:test")
    after = chain.link_once()[-1]

    def close() -> None:
        scopes.set_private(scope=scope, private=True, actor="system:test")
        chain.link_once()

    async def scene() -> None:
        sockets = [await connect(user, after) for user in (insider, outsider)]
        for socket in sockets:
            await socket.send_json({"subscribe": [f"thing:{scope.pk}"]})
            await socket.hear()
        await sync_to_async(close)()
        await sync_to_async(happen)(scope, "a.secret")
        verbs = [message["verb"] for message in await sockets[0].hear(2)]
        assert verbs == ["scope.private.changed", "a.secret"]
        assert await sockets[1].receive_nothing(timeout=1.5)
        for socket in sockets:
            await socket.leave()

    play(scene)


def test_strangers_unknown_topics_and_nonsense_are_refused(scope: Scope) -> None:
    user = person("p")
    hidden = scopes.open_scope(kind="t", title="t", actor="system:test", private=True)
    chain.link_once()

    async def scene() -> None:
        stranger = await connect(AnonymousUser())
        assert (await stranger.receive_output(timeout=5))["code"] == 4401
        socket = await connect(user)
        await socket.send_json({"subscribe": [f"thing:{hidden.pk}", "thing:999999", "nothing:1"]})
        refused = {message["refused"] for message in await socket.hear(3)}
        assert refused == {f"thing:{hidden.pk}", "thing:999999", "nothing:1"}
        await socket.send_text("{]")
        assert (await socket.receive_output(timeout=5))["code"] == 4400

    play(scene)


@pytest.mark.parametrize("verb", ENDS_SESSIONS)
def test_a_socket_does_not_outlive_its_session(verb: str) -> None:
    """It is closed, not only silent: a browser that is still logged in opens another, the other is sent away."""
    ana, ben = person("ana"), person("ben")
    scope = scopes.open_scope(kind="incident", title="Stale", actor="system:test")

    def over() -> None:
        with transaction.atomic():
            ledger.record(verb, actor=f"user:{ana.pk}", subject=f"user:{ana.pk}")
        chain.link_once()

    async def scene() -> None:
        mine, other = await connect(ana), await connect(ben)
        for socket in (mine, other):
            await socket.send_json({"subscribe": [f"thing:{scope.pk}"]})
            await socket.hear()
        await sync_to_async(over)()
        while (await mine.hear())[0] != {"over": True}:
            pass  # the replay of what came before
        assert (await mine.receive_output(timeout=5))["code"] == 4409
        while not await other.receive_nothing(timeout=0.3):
            assert "over" not in (await other.hear())[0]
        await other.leave()

    play(scene)
