"""Work: claims, fences, waking, patience, sweeping."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

import work
from config.celery import app
from ledger.models import Event
from work import hints, leases, registry, runner, services, settling, tasks
from work.models import Attempt, Work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    sent: list[int] = []
    monkeypatch.setattr(leases.Heart, "BEAT", 0.05)
    monkeypatch.setattr(registry, "HANDLERS", handlers := {})
    monkeypatch.setattr(services, "HANDLERS", handlers)
    monkeypatch.setattr(runner, "HANDLERS", handlers)
    monkeypatch.setattr(settling, "HANDLERS", handlers)
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: sent.append(work_id) or True)
    yield sent
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


def put(kind: str = "t", key: str = "1", **kw: Any) -> Work:
    with transaction.atomic():
        return work.enqueue(kind, key=key, actor="system:test", **kw)


def expire(row: Work) -> None:
    Work.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_the_same_key_is_one_row_and_a_rollback_leaves_none(own_registry: list[int]) -> None:
    work.handler("t")(lambda lease: work.Done())
    assert put() == put()
    assert own_registry == [Work.objects.get().pk]
    with pytest.raises(RuntimeError), transaction.atomic():
        work.enqueue("t", key="2", actor="system:test")
        raise RuntimeError
    assert Work.objects.count() == 1


def test_only_one_of_many_workers_gets_a_row() -> None:
    ran: list[int] = []

    @work.handler("t")
    def handle(lease: work.Lease) -> work.Outcome:
        ran.append(lease.fence)
        return work.Done({"n": 1})

    row = put()
    gate = threading.Barrier(6)

    def go() -> None:
        gate.wait()
        runner.run(row.pk)
        connection.close()

    threads = [threading.Thread(target=go) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    row.refresh_from_db()
    assert ran == [1] and row.status == "done" and row.result == {"n": 1}
    assert [a.outcome for a in Attempt.objects.all()] == ["done"]


def test_a_worker_that_lost_its_lease_writes_nothing() -> None:
    @work.handler("t")
    def handle(lease: work.Lease) -> work.Outcome:
        if lease.fence == 1:
            expire(lease.work)
            assert services.claim(lease.work.pk, "thief") is not None
            with lease.commit(work.Done()):
                services.record("thing.done", actor="system:slow")
        return work.Done()

    row = put()
    assert runner.run(row.pk) is None
    row.refresh_from_db()
    assert row.status == "running" and row.fence == 2
    assert not Event.objects.filter(verb="thing.done").exists()
    assert [a.outcome for a in Attempt.objects.order_by("fence")] == ["lost", ""]


def test_effect_and_end_are_one_transaction() -> None:
    @work.handler("t")
    def handle(lease: work.Lease) -> work.Outcome:
        outcome = work.Done()
        with lease.commit(outcome):
            services.record("thing.done", actor="system:test")
        raise AssertionError("dies after its commit")

    row = put()
    assert isinstance(runner.run(row.pk), work.Done)
    row.refresh_from_db()
    assert row.status == "done" and Event.objects.filter(verb="thing.done").count() == 1


def test_failures_back_off_and_end_after_the_last_try() -> None:
    ended: list[str] = []

    @work.handler("t", max_attempts=3, backoff=work.Backoff(base=60), on_end=lambda row, out: ended.append(row.status))
    def handle(lease: work.Lease) -> work.Outcome:
        raise ConnectionError("peer hung up")

    row = put()
    runner.run(row.pk)
    row.refresh_from_db()
    assert row.status == "queued" and row.failures == 1 and row.run_at > timezone.now() + timedelta(seconds=50)
    assert runner.run(row.pk) is None, "not due yet"
    for _ in range(2):
        Work.objects.update(run_at=timezone.now() - timedelta(seconds=1))
        runner.run(row.pk)
    row.refresh_from_db()
    assert row.status == "failed" and "gave up after 3 tries" in row.error and ended == ["failed"]
    assert Event.objects.filter(verb="work.failed").count() == 1
    assert services.revive("t", "1", actor="user:1") and Work.objects.get().status == "queued"


def test_waiting_costs_nothing_until_woken_even_while_running() -> None:
    turns: list[int] = []

    @work.handler("t")
    def handle(lease: work.Lease) -> work.Outcome:
        turns.append(1)
        if len(turns) == 2:
            work.wake("t", "1")
        return work.Wait(None, "for a signature") if len(turns) < 3 else work.Done()

    row = put()
    runner.run(row.pk)
    assert services.sweep() == 0 and runner.run(row.pk) is None
    assert work.wake("t", "1")
    runner.run(row.pk)  # woken during this turn
    runner.run(row.pk)
    row.refresh_from_db()
    assert len(turns) == 3 and row.status == "done" and row.failures == 0
    assert not work.wake("t", "1"), "what has ended is not woken"


def test_a_deadline_ends_what_waits() -> None:
    work.handler("t")(lambda lease: work.Wait(None, "for ever"))
    row = put(deadline=timezone.now() + timedelta(hours=1))
    runner.run(row.pk)
    row.refresh_from_db()
    assert row.run_at == row.deadline, "the sweeper will find it at its deadline"
    Work.objects.update(deadline=timezone.now() - timedelta(seconds=1), run_at=timezone.now() - timedelta(seconds=1))
    runner.run(row.pk)
    row.refresh_from_db()
    assert row.status == "failed" and "deadline" in row.error


def test_the_sweeper_hints_what_is_due_or_abandoned_and_not_again_at_once(own_registry: list[int]) -> None:
    work.handler("t")(lambda lease: work.Done())
    late, abandoned = put(key="late"), put(key="abandoned")
    future = put(key="future", run_at=timezone.now() + timedelta(1))
    Work.objects.filter(pk=late.pk).update(hinted_at=None)
    services.claim(abandoned.pk, "dead")
    expire(abandoned)
    own_registry.clear()
    assert services.sweep() == 2 and set(own_registry) == {late.pk, abandoned.pk}
    assert services.sweep() == 0
    assert runner.run(abandoned.pk) == work.Done()
    assert runner.run(future.pk) is None


def test_a_row_whose_workers_keep_dying_fails() -> None:
    work.handler("t", max_attempts=2)(lambda lease: work.Done())
    row = put()
    for _ in range(3):
        services.claim(row.pk, "dies")
        expire(row)
    runner.run(row.pk)
    row.refresh_from_db()
    assert row.status == "failed" and "died" in row.error


def test_the_heart_keeps_a_lease_alive() -> None:
    @work.handler("t", lease=0.3)
    def handle(lease: work.Lease) -> work.Outcome:
        threading.Event().wait(0.8)
        lease.check()
        return work.Done()

    row = put()
    assert isinstance(runner.run(row.pk), work.Done)


def test_cancelled_work_is_fenced_off() -> None:
    @work.handler("t")
    def handle(lease: work.Lease) -> work.Outcome:
        work.cancel("t", "1")
        return work.Done()

    row = put()
    assert runner.run(row.pk) is None
    row.refresh_from_db()
    assert row.status == "cancelled"


def test_a_worker_goes_on_with_what_its_turn_made_due_and_hints_the_rest(own_registry: list[int]) -> None:
    """No message for a row that is next anyway; one for each row that somebody else may do meanwhile."""
    seen: list[str] = []

    @work.handler("test.chain", lease=2)
    def chain(lease: Any) -> Any:
        seen.append(lease.work.key)
        number = int(lease.work.key)
        with lease.commit(work.Done()):
            for key in (number + 1, number + 100) if number < 3 else ():
                work.enqueue("test.chain", key=str(key), actor="system:test")
        return work.Done()

    with transaction.atomic():
        first = work.enqueue("test.chain", key="1", actor="system:test")
    own_registry.clear()
    tasks.run(first.pk)
    assert seen == ["1", "2", "3"]
    beside = Work.objects.filter(key__in=("101", "102")).values_list("pk", flat=True)
    assert sorted(own_registry) == sorted(beside)


def test_a_long_chain_lets_others_have_their_turn(own_registry: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TURNS", 3)
    seen: list[int] = []

    @work.handler("test.chain", lease=2)
    def chain(lease: Any) -> Any:
        seen.append(number := int(lease.work.key))
        with lease.commit(work.Done()):
            work.enqueue("test.chain", key=str(number + 1), actor="system:test")
        return work.Done()

    with transaction.atomic():
        first = work.enqueue("test.chain", key="1", actor="system:test")
    own_registry.clear()
    tasks.run(first.pk)
    assert seen == [1, 2, 3]
    assert own_registry == [Work.objects.get(key="4").pk]


def test_of_a_crowd_a_few_are_hinted_and_whoever_comes_goes_on(
    own_registry: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    @work.handler("t", crowd=True)
    def handle(lease: work.Lease) -> work.Outcome:
        ran.append(lease.work.key)
        return work.Done()

    monkeypatch.setattr(services, "HINTED", 2)
    monkeypatch.setattr(tasks, "CROWD_SECONDS", 60)
    with transaction.atomic():
        items = [work.Item("t", str(number), f"t:{number}", {"n": number}, None, "system:test") for number in range(60)]
        work.enqueue_many(items)
        work.enqueue_many(items)  # the same keys are the same rows
    first, second = Work.objects.order_by("pk")[:2]
    assert own_registry == [first.pk, second.pk] and Work.objects.count() == 60
    tasks.run(first.pk)
    assert len(ran) == tasks.TURNS and "1" not in ran, "what was hinted is left to its hint"
    assert len(own_registry) == 3, "and somebody else is asked to go on"
    Work.objects.filter(pk__in=own_registry).update(hinted_at=timezone.now() - timedelta(minutes=2))
    with connection.cursor() as cursor:  # the plan that statistics of a table that has just grown may lead to
        others = ("hashjoin", "mergejoin", "material", "hashagg", "sort", "indexscan", "bitmapscan")
        cursor.execute("ANALYZE work_work; " + "; ".join(f"SET enable_{way} = off" for way in others))
        try:
            assert services.sweep() == 2 and services.sweep() == 2, "a sweep adds a few, not hundreds"
        finally:
            cursor.execute("; ".join(f"RESET enable_{way}" for way in others))
    for pk in list(Work.objects.filter(status="queued").values_list("pk", flat=True)):
        tasks.run(pk)
    assert sorted(ran, key=int) == [str(number) for number in range(60)]


def test_of_a_crowd_those_whose_hints_were_lost_are_gone_on_with_too(
    own_registry: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis or a worker died with them: the sweep's few must not be all that comes back."""
    ran: list[str] = []
    monkeypatch.setattr(tasks, "CROWD_SECONDS", 60)

    @work.handler("t", crowd=True)
    def handle(lease: work.Lease) -> work.Outcome:
        ran.append(lease.work.key)
        return work.Done()

    with transaction.atomic():
        work.enqueue_many([work.Item("t", str(n), "", {}, None, "system:test") for n in range(3)])
    Work.objects.update(hinted_at=timezone.now() - timedelta(seconds=20))
    tasks.run(own_registry[0])
    assert ran == ["0", "1", "2"]


def test_of_what_comes_one_by_one_but_many_a_second_a_few_are_hinted(
    own_registry: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    work.handler("t", crowd=True)(lambda lease: work.Done())
    monkeypatch.setattr(hints, "SPARING", hints.Sparing())
    monkeypatch.setattr(hints.Sparing, "SECONDS", 600.0)
    rows = [put(key=str(number), sparing=True) for number in range(3)]
    assert own_registry == [rows[0].pk]
    put("other", sparing=True)
    assert len(own_registry) == 2, "each kind by itself"
    tasks.run(rows[0].pk)
    assert set(Work.objects.filter(kind="t").values_list("status", flat=True)) == {"done"}
    late = put(key="late", sparing=True)
    assert services.sweep() == 1 and own_registry[-1] == late.pk, "nobody came for it: the sweeper sends somebody"


def test_what_beat_says_waits_behind_no_hints() -> None:
    """A sweep that has to wait expires, and then nobody makes up for what was lost."""
    queues = app.amqp.queues.consume_from
    assert set(queues) == {queue.routing_key for queue in queues.values()} == {"beat", "urgent", "default"}
    assert {entry["options"]["queue"] for entry in app.conf.beat_schedule.values()} == {"beat"}
    assert app.conf.beat_schedule["work.sweep"]["options"]["expires"] <= 2


def test_what_is_prepared_outlives_a_column_that_a_migration_adds() -> None:
    """A worker of the last release goes on while the next one migrates."""
    work.handler("t")(lambda lease: work.Done())
    for number in range(3):
        assert runner.run(put(key=str(number)).pk) == work.Done()
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0] >= 3
        cursor.execute("ALTER TABLE work_work ADD COLUMN brand_new int")
    try:
        assert runner.run(put(key="after").pk) == work.Done()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE work_work DROP COLUMN brand_new")


def test_of_what_is_gathered_one_hint_a_moment_brings_somebody_who_does_all_of_it(
    own_registry: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    called: list[int] = []
    committed: list[int] = []

    def together(leases: Any) -> None:
        ran.append(len(leases))
        with work.commit_all(leases) as turns:
            for lease in turns.ours:
                turns.end(lease, work.Done())

    work.handler("t", crowd=True, gathered=True, together=together)(lambda lease: work.Done())
    monkeypatch.setattr(hints, "call", lambda kind: called.append(len(committed)) or True)
    monkeypatch.setattr(hints, "GATHERING", hints.Gathering())
    monkeypatch.setattr(tasks, "CROWD_SECONDS", 60)
    for number in range(20):
        put("t", str(number))
        committed.append(number)
    if gathering := hints.GATHERING._thread:
        gathering.join(10)
    assert called[0] == 0 and called[-1] >= 19 and own_registry == [], (
        "the first at once; whatever follows, a hint does"
    )
    tasks.gathered("t")
    assert ran == [16, 4] and not Work.objects.exclude(status="done").exists()
    monkeypatch.setattr(hints.GATHERING, "ask", lambda kind: None)  # what follows is about lost hints
    put("t", "alone")
    lost = put("t", "lost")
    assert services.claim(lost.pk, "a worker that dies") is not None
    expire(lost)
    Work.objects.filter(key="alone").update(hinted_at=None)
    called.clear()
    assert services.sweep() == 2 and own_registry == [lost.pk] and called == [20], "what a dead worker had, by its own"
    tasks.run(lost.pk)
    assert Work.objects.get(key="lost").status == "done"
    tasks.gathered("t")
    assert ran == [16, 4, 1], "also of one alone"
