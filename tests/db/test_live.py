"""Live updates: permission at subscription and for every event, replay after a gap, nothing lost without hints."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction

import ledger
from ledger import chain, scopes
from ledger.live import hub as hubs
from ledger.live import presence, topics
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


def test_those_who_follow_a_topic_are_told_who_else_does(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of other processes; whoever may not follow it any more is not here, and is not told who is."""
    monkeypatch.setattr(hubs, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(presence, "REPEATED", 0.2)
    topics.topic("room", scope_of=lambda pk: pk, matches=lambda _event: [], render=lambda *_: "", here=True)
    ana, ben, cleo = (person(name) for name in ("ana", "ben", "cleo"))
    key = f"room:{scope.pk}"
    chain.link_once()

    async def told(socket: SocketClient) -> list[str]:
        while "here" not in (message := (await socket.hear())[0]):
            pass
        assert message["here"] == key
        return [one["name"] for one in message["people"]]

    def close() -> None:
        scopes.add_member(scope=scope, who=f"user:{ana.pk}", actor="system:test")
        scopes.set_private(scope=scope, private=True, actor="system:test")
        chain.link_once()

    async def scene() -> None:
        first, second = await connect(ana), await connect(ben)
        await first.send_json({"subscribe": [key]})
        assert await told(first) == ["ana"]
        await second.send_json({"subscribe": [key]})
        assert await told(first) == await told(second) == ["ana", "ben"]
        elsewhere = {"type": presence.TYPE, "process": "another", "here": {key: [cleo.pk], "room:999": [cleo.pk]}}
        await get_channel_layer().group_send(presence.GROUP, elsewhere)
        assert await told(first) == await told(second) == ["ana", "ben", "cleo"]
        await sync_to_async(close)()
        assert await told(first) == ["ana"] and await told(second) == []
        monkeypatch.setattr(presence, "FORGOTTEN", 0.0)
        await second.leave()
        await first.leave()

    play(scene)


def test_what_another_process_said_is_forgotten_when_it_says_it_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = presence.Presence(), presence.Presence()
    said = other.to_tell({"room:1": frozenset({7})})
    assert said is not None and other.to_tell({"room:1": frozenset({7})}) is None, "not again so soon"
    mine.hear(said)
    mine.hear({**said, "process": mine.name, "here": {"room:1": [8]}})
    assert mine.everybody({"room:1": frozenset({1})}) == {"room:1": frozenset({1, 7})}
    assert other.to_tell({}, last=True) is not None, "who leaves says so"
    monkeypatch.setattr(presence, "FORGOTTEN", -1.0)
    assert mine.everybody({"room:1": frozenset({1})}) == {"room:1": frozenset({1})}
