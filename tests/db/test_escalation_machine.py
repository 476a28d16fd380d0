"""One page under everything that can happen to it, in any order: time passes, it is acknowledged, worked on, resolved,
asked for again, and its worker is killed in the middle of a step. After every move: nobody was told twice or left out,
and nobody is told once somebody has it.
"""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ledger import Refused, record
from ledger.models import Event
from ledger.scopes import open_scope
from notify.deliveries.models import Delivery
from notify.models import Message, Notice, Page
from notify.pages.services import ack, open_page, resolve
from tests.clock import moved_clock
from tests.people import person
from work import faults, runner
from work.models import Work

STEPS = [{"after": 0, "targets": ["person:ana"]}, {"after": 60, "targets": ["person:ben", "person:mute"]}]
LADDER = {"ladder": "", "name": "L", "steps": STEPS, "repeats": 1, "pause": 120, "lapse": 600}
TOLD = {0: {"ana"}, 1: {"ben"}}
POINTS = ("work.claimed", "page.climbed", "page.told")


class Killed(BaseException):
    """The worker's process is gone."""


class Climbing(RuleBasedStateMachine):
    """The machine keeps its own book of what must be so, from the rules alone."""

    @initialize()
    def begin(self) -> None:
        self.point = transaction.atomic()
        self.point.__enter__()
        self.moved = moved_clock()
        self.clock = self.moved.__enter__()
        self.ana, self.ben, mute = person("ana", "commander"), person("ben", "commander"), person("mute", "responder")
        type(mute).objects.filter(pk=mute.pk).update(email="")
        self.scope = open_scope(kind="test", title="Something burns", actor="system:test")
        self.frozen: dict[int, int] = {}
        self.ask()

    def ask(self) -> None:
        self.page = open_page(
            key="x", title="Burns", actor="system:test", scope=self.scope, about="test:1", ladder=LADDER
        )

    def fresh(self) -> Page:
        return Page.objects.order_by("-pk")[0]

    def work_off(self) -> None:
        """A worker takes whatever is due, as often as something is."""
        for _ in range(10):
            rows = Work.objects.filter(kind="notify.page", status__in=Work.OPEN).order_by("pk")
            if not [pk for pk in rows.values_list("pk", flat=True) if runner.run(pk) is not None]:
                return
        raise AssertionError("it does not come to rest")

    @rule(seconds=st.sampled_from([1, 30, 61, 121, 599, 601, 5000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        self.work_off()

    @rule(seconds=st.sampled_from([61, 121, 601]), where=st.sampled_from(POINTS))
    def the_worker_is_killed(self, seconds: int, where: str) -> None:
        """Nothing of its turn is kept; another one does it once the lease has run out."""
        self.clock.move(seconds=seconds)
        before = self.book()
        killed = False
        point = faults.point

        def kill(name: str) -> None:
            nonlocal killed
            if name == where and not killed:
                killed = True
                raise Killed

        faults.point = kill
        try:
            for pk in Work.objects.filter(kind="notify.page", status__in=Work.OPEN).values_list("pk", flat=True):
                runner.run(pk)
        except Killed:
            assert self.book() == before
        finally:
            faults.point = point
        self.clock.move(seconds=6)
        self.work_off()

    def book(self) -> tuple[int, ...]:
        rows = (Notice, Message, Delivery, Page, Event)
        return tuple(model.objects.count() for model in rows)

    @rule(who=st.sampled_from(["ana", "ben"]))
    def somebody_presses(self, who: str) -> None:
        user, page = getattr(self, who), self.fresh()
        live = page.is_live
        try:
            after = ack(page=page, user=user, actor=user.actor, how="page")
        except Refused:
            assert not live
            return
        assert live and after.status == "acked"
        self.frozen[page.pk] = page.notices.count()
        self.work_off()

    @rule()
    def somebody_does_something(self) -> None:
        record("test.done", actor=self.ben.actor, scope=self.scope)

    @rule()
    def it_is_resolved(self) -> None:
        page = self.fresh()
        try:
            resolve(page=page, actor=self.ana.actor, reason="it is gone")
        except Refused:
            assert not page.is_live
            return
        self.frozen[page.pk] = page.notices.count()
        self.work_off()

    @rule()
    def the_same_is_asked_for(self) -> None:
        live = self.fresh() if self.fresh().is_live else None
        self.ask()
        assert live is None or self.page.pk == live.pk, "the same key is the same page while it lives"

    @invariant()
    def nobody_is_told_after_the_ack_or_the_end(self) -> None:
        for pk, count in getattr(self, "frozen", {}).items():
            assert Notice.objects.filter(page=pk).count() == count

    @invariant()
    def every_rung_is_told_once_and_whole(self) -> None:
        if not hasattr(self, "page"):
            return
        for page in Page.objects.all():
            rung, told = (0, 0), {}
            for notice in page.notices.filter(reachable=True).select_related("user"):
                told.setdefault(notice.rung, []).append(notice.user.username)
            while rung != (page.round, page.step):
                wanted = TOLD[rung[1]] if rung[0] <= 1 else {"ana", "ben"}
                assert sorted(told.pop(rung)) == sorted(wanted), (page.pk, rung)
                assert Message.objects.filter(key=f"page:{page.pk}:{rung[0]}:{rung[1]}").count() == 1
                rung = page.climb.after(*rung)[:2]
            assert not told, "a rung that it has not reached"
        assert Page.objects.live().count() <= 1

    @invariant()
    def nothing_is_late(self) -> None:
        """Between two moves of time everything that is due has been done, and what waits has its timer."""
        if not hasattr(self, "page"):
            return
        for page in Page.objects.live():
            work = Work.objects.get(kind="notify.page", key=page.work_key)
            assert work.status in Work.OPEN and work.run_at is not None
            assert page.due_at is not None and work.run_at <= page.due_at + timedelta(seconds=1)

    @invariant()
    def an_ack_lapses_when_nothing_was_done_and_not_before(self) -> None:
        if not hasattr(self, "page"):
            return
        for page in Page.objects.exclude(acked_at=None):
            last = max(page.active_at, page.acked_at)
            if page.status == "acked":
                assert page.due_at == last + timedelta(seconds=600)
            if page.status == "lapsed":
                assert page.ended_at >= last + timedelta(seconds=600)
                assert Page.objects.filter(follows=page).count() == 1
        assert Page.objects.filter(status="lapsed").count() == Page.objects.exclude(follows=None).count()

    def teardown(self) -> None:
        if hasattr(self, "point"):
            self.moved.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.point.__exit__(None, None, None)


@pytest.mark.django_db
def test_a_page_under_everything() -> None:
    run_state_machine_as_test(
        Climbing,
        settings=settings(
            max_examples=7, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
