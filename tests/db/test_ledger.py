"""The ledger: linking in order, refusing to forget, privacy, subscribers."""

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

import ledger
from ledger import chain, scopes, statements, subscriptions
from ledger.access import VISIBLE, ScopeGate, seeing
from ledger.models import Chain, Event, EventLink, Scope, ScopeLink, Subscription


class Person:
    is_active = True

    def __init__(self, *actor_ids: str, sees_all: bool = False) -> None:
        self.actor_ids, self.sees_all = frozenset(actor_ids), sees_all


def say(verb: str = "thing.happened", **kw: Any) -> Event:
    with transaction.atomic():
        return ledger.record(verb, actor="system:test", **kw)


@pytest.mark.django_db(transaction=True)
class TestChain:
    def test_events_are_linked_and_verify(self) -> None:
        for number in range(5):
            say(after={"n": number, "big": 2**255})
        assert chain.link_once() == [1, 2, 3, 4, 5]
        verdict = chain.verify()
        assert verdict.ok and verdict.linked == 5 and verdict.tail == 0
        assert Event.objects.first().after["big"] == str(2**255)

    def test_a_transaction_that_commits_late_is_linked_all_the_same(self) -> None:
        inserted, go = threading.Event(), threading.Event()

        def slow() -> None:
            with transaction.atomic():
                ledger.record("slow.one", actor="system:test")
                inserted.set()
                go.wait(5)
            connection.close()

        thread = threading.Thread(target=slow)
        thread.start()
        inserted.wait(5)
        say("quick.one")
        assert len(chain.link_once()) == 1
        assert chain.link_once() == []
        go.set()
        thread.join()
        assert len(chain.link_once()) == 1
        assert [e.verb for e in Event.objects.order_by("link__seq")] == ["quick.one", "slow.one"]
        assert chain.verify().ok

    def test_two_linkers_take_turns(self) -> None:
        for _ in range(300):
            say()
        counts: list[int] = []

        def work() -> None:
            counts.append(len(chain.link_once()))
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert sum(counts) == 300
        assert chain.verify().ok

    def test_the_database_refuses_to_alter_what_was_recorded(self) -> None:
        event = say()
        chain.link_once()
        for change in (
            lambda: Event.objects.filter(pk=event.pk).update(verb="other"),
            lambda: EventLink.objects.filter(event=event).update(hash=bytes(32)),
            lambda: Event.objects.filter(pk=event.pk)._raw_delete("default"),
        ):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                change()

    def test_what_is_linked_while_somebody_verifies_is_no_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        say()
        chain.link_once()
        look = chain._faults

        def meanwhile(*link: Any) -> Any:
            say()
            chain.link_once()
            return look(*link)

        monkeypatch.setattr(chain, "_faults", meanwhile)
        assert chain.verify().problems == ()
        monkeypatch.undo()
        Chain.objects.update(seq=1, hash=EventLink.objects.get(seq=1).hash)
        assert chain.verify().problems == ("#2 is linked beyond the end of the chain",)

    def test_an_altered_event_is_found(self) -> None:
        say(after={"amount": 1})
        say()
        chain.link_once()
        with connection.cursor() as cursor:  # as an owner of the database could
            cursor.execute("ALTER TABLE ledger_event DISABLE TRIGGER ledger_event_append_only")
            cursor.execute("""UPDATE ledger_event SET after = '{"amount": 2}' WHERE after IS NOT NULL""")
            cursor.execute("ALTER TABLE ledger_event ENABLE TRIGGER ledger_event_append_only")
        verdict = chain.verify()
        assert not verdict.ok and "#1" in verdict.problems[0]

    def test_an_export_with_withheld_events_still_proves(self) -> None:
        events = [say() for _ in range(3)]
        chain.link_once()
        lines = list(chain.export(withhold=frozenset({events[1].pk})))
        assert lines[1]["event"] is None
        prev = chain.GENESIS
        for line in lines:
            assert bytes.fromhex(line["prev"]) == prev
            prev = chain.next_hash(prev, bytes.fromhex(line["digest"]))
            assert prev.hex() == line["hash"]


@pytest.mark.django_db
def test_an_event_needs_the_transaction_of_its_change(settings: Any) -> None:
    with pytest.raises(TypeError, match="float"):
        ledger.record("x.y", actor="system:test", after={"ratio": 0.5})


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="in the transaction"):
        ledger.record("x.y", actor="system:test")


def shown_by_statement(viewer: Any, scope: Scope) -> bool:
    """As a statement asks that is composed once."""
    sees = seeing(viewer)
    asked = f"SELECT 1 FROM ledger_scope s WHERE s.id = %(pk)s AND {VISIBLE.replace('$SCOPE', 's.id')}"
    return sees is not None and bool(statements.say(asked, {**sees, "pk": scope.pk}))


@pytest.mark.django_db
class TestScopes:
    def test_a_private_scope_is_for_its_members_and_for_auditors(self) -> None:
        scope = scopes.open_scope(
            kind="incident", title="quiet", actor="user:1", private=True, members=["user:1", "role:x"]
        )
        ledger.record("a.b", actor="user:1", scope=scope)
        member, by_role, outsider, auditor = (
            Person("user:1"),
            Person("user:3", "role:x"),
            Person("user:2"),
            Person(sees_all=True),
        )
        for viewer, sees in ((member, True), (by_role, True), (outsider, False), (auditor, True), (object(), False)):
            assert Scope.objects.visible_to(viewer).filter(pk=scope.pk).exists() is sees
            assert Event.objects.visible_to(viewer).filter(verb="a.b").exists() is sees
            assert ScopeGate(scope.pk).lets(viewer) is sees
            assert shown_by_statement(viewer, scope) is sees

    def test_what_hangs_below_a_private_scope_is_private_too(self) -> None:
        parent = scopes.open_scope(kind="incident", title="p", actor="user:1", private=True, members=["user:1"])
        child = scopes.open_scope(kind="drill", title="c", actor="user:1", parents=[parent])
        grandchild = scopes.open_scope(kind="run", title="g", actor="user:1", parents=[child])
        assert not Scope.objects.visible_to(Person("user:2")).filter(pk=grandchild.pk).exists()
        assert Scope.objects.visible_to(Person("user:1")).filter(pk=grandchild.pk).exists()
        assert not ScopeGate(grandchild.pk).lets(Person("user:2"))
        assert not shown_by_statement(Person("user:2"), grandchild)
        assert shown_by_statement(Person("user:1"), grandchild)

    def test_a_scope_cannot_be_its_own_ancestor(self) -> None:
        parent = scopes.open_scope(kind="a", title="p", actor="user:1")
        child = scopes.open_scope(kind="b", title="c", actor="user:1", parents=[parent])
        with pytest.raises(ledger.Invalid):
            scopes.link(child=parent, parent=child, actor="user:1")
        assert ScopeLink.objects.count() == 1

    def test_opening_and_closing_the_door_is_recorded(self) -> None:
        scope = scopes.open_scope(kind="a", title="p", actor="user:1")
        scopes.set_private(scope=scope, private=True, actor="user:1", reason="leak")
        scopes.set_private(scope=scope, private=True, actor="user:1")
        assert Event.objects.filter(verb="scope.private.changed").count() == 1


@pytest.mark.django_db(transaction=True)
class TestSubscriptions:
    @pytest.fixture(autouse=True)
    def own_registry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subscriptions, "REGISTRY", {})

    def test_each_matching_event_once_and_in_order(self) -> None:
        seen: list[str] = []
        subscriptions.subscribe("proposal.*", name="t")(lambda event: seen.append(event.verb))
        subscriptions.ensure_rows()
        for verb in ("proposal.signing", "run.started", "proposal.ready"):
            say(verb)
        chain.link_once()
        subscriptions.dispatch()
        subscriptions.dispatch()
        assert seen == ["proposal.signing", "proposal.ready"]
        assert Subscription.objects.get(pk="t").cursor == 3

    def test_a_failed_effect_is_undone_with_its_cursor_and_tried_again(self) -> None:
        tries: list[int] = []

        def handler(event: Event) -> None:
            tries.append(1)
            scopes.open_scope(kind="effect", title="x", actor="system:test")
            if len(tries) == 1:
                raise ValueError("once")

        subscriptions.subscribe("a.b", name="t")(handler)
        subscriptions.ensure_rows()
        say("a.b")
        chain.link_once()
        subscriptions.dispatch()
        row = Subscription.objects.get(pk="t")
        assert row.failures == 1 and "ValueError" in row.error and not Scope.objects.exists()
        Subscription.objects.update(retry_at=None)
        subscriptions.dispatch()
        assert Scope.objects.count() == 1 and Subscription.objects.get(pk="t").failures == 0

    def test_one_that_is_far_behind_holds_up_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subscriptions, "LOOK_AHEAD", 3)
        heard: list[str] = []

        def broken(event: Event) -> None:
            raise ValueError

        subscriptions.subscribe("a.*", name="broken")(broken)
        subscriptions.subscribe("b.*", name="well")(lambda event: heard.append(event.verb))
        subscriptions.subscribe("*", name="alarms", alarms=True)(lambda event: heard.append("alarm"))
        subscriptions.ensure_rows()
        for number in range(8):
            say(f"a.{number}")
        say("b.late", alarm=ledger.alarm("k", "SEV1"))
        chain.link_once()
        subscriptions.dispatch()
        assert heard == ["b.late", "alarm"]
        assert Subscription.objects.get(pk="broken").failures == 1

    def test_a_question_that_cannot_be_answered_is_a_failure_of_its_asker_alone(self) -> None:
        heard: list[str] = []
        asks = subscriptions.subscribe("a.*", name="asks", when=lambda event: event.after["missing"])
        asks(lambda event: heard.append("asks"))
        subscriptions.subscribe("a.*", name="well")(lambda event: heard.append(event.verb))
        subscriptions.ensure_rows()
        say("a.1", after={"n": 1})
        chain.link_once()
        subscriptions.dispatch()
        assert heard == ["a.1"] and "KeyError" in Subscription.objects.get(pk="asks").error
        say("a.2", after={"missing": True})
        chain.link_once()
        subscriptions.dispatch()
        assert heard == ["a.1", "a.2"], "it waits after a failure, and keeps its place"
        assert Subscription.objects.get(pk="asks").cursor == 0

    def test_what_concerns_nobody_costs_a_few_reads(self, django_assert_max_num_queries: Any) -> None:
        for number in range(20):
            subscriptions.subscribe("b.*", name=f"n{number}")(lambda event: None)
        subscriptions.subscribe("a.*", name="asks", when=lambda event: False)(lambda event: None)
        subscriptions.ensure_rows()
        chain.link_once()  # the first one writes the chain's row
        for number in range(10):
            say(f"a.{number}")
        with django_assert_max_num_queries(5):  # of which two are the transaction's
            chain.link_once()
        with django_assert_max_num_queries(3):
            subscriptions.dispatch()
