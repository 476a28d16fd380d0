"""The http step in the real engine, against a real receiver: never twice, secrets nowhere, every answer told."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pydantic import ValidationError

from integrations.secrets.services import remove_secret, set_secret
from ledger.errors import Invalid
from ledger.models import Event
from runbooks.plans.context import PlanContext
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import begin, retry_step, start_run
from runbooks.steps import STEPS, Asked
from runbooks.steps.http import HttpStep
from tests.drain import settle
from tests.people import person
from tests.receiver import Receiver, answer, hang_up, receiver
from work import hints, leases, runner
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = 'Bearer sk-live-"quoted"-0123456789'


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No broker here: the test itself runs what is due."""
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    monkeypatch.setattr(leases.Heart, "BEAT", 0.05)
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    with receiver() as made:
        settings.OUTGOING_ALLOW = [made.place]
        yield made


def start(there: Receiver, attempts: int = 1, environment: str = "live", **config: Any) -> Run:
    step = {
        "id": "call",
        "http": {"url": f"{there.url}/pages", **config},
        "retry": {"attempts": attempts, "delay": "0s"},
    }
    book = {"playbook": "call", "title": "Call out", "summary": "One request outside.", "steps": [step]}
    version = save_version(yaml=json.dumps(book), actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1", environment=environment)
    settle()
    return run


def step_of(run: Run) -> StepRun:
    return StepRun.objects.get(run=run, step_id="call")


def verbs(run: Run) -> list[str]:
    found = Event.objects.filter(subject=step_of(run).subject).order_by("pk")
    return [verb for verb in found.values_list("verb", flat=True) if verb.startswith("request.")]


def die(monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """The worker ends there once, as if it were killed; its lease runs out."""

    class Died(BaseException):
        pass

    armed = [True]

    def at(name: str) -> None:
        if name == point and armed:
            armed.clear()
            raise Died

    monkeypatch.setattr("work.faults.point", at)
    with pytest.raises(Died):
        runner.run(Work.objects.get(kind="runbooks.step").pk)
    while leases.HEART._thread is not None:  # a dead worker's heart does not beat once more
        threading.Event().wait(0.02)
    Work.objects.filter(status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    settle()


def killed(there: Receiver, point: str, monkeypatch: pytest.MonkeyPatch, **config: Any) -> StepRun:
    with monkeypatch.context() as held:
        held.setattr(runner, "run", lambda _work_id: None)
        with pytest.raises(AssertionError):
            start(there, method="POST", body={}, **config)
    die(monkeypatch, point)
    return StepRun.objects.get()


def test_typed_values_come_out_of_the_answer(there: Receiver) -> None:
    there.otherwise = answer(200, {"data": {"price": 1.5, "ok": True, "id": "p-7", "wei": 2**200}})
    run = start(
        there,
        extract={
            "price": {"path": "data.price", "type": "uint256", "decimals": 8},
            "ok": {"path": "data.ok", "type": "bool"},
            "page": {"path": "data.id", "type": "text"},
            "wei": {"path": "data.wei", "type": "uint256"},
        },
    )
    step = step_of(run)
    assert (step.status, Run.objects.get().status) == ("done", "done")
    wanted = {"code": "200", "price": "150000000", "ok": True, "page": "p-7", "wei": str(2**200)}
    assert {name: step.output[name] for name in wanted} == wanted
    assert there.received[0].headers["breakglass-environment"] == "live" and verbs(run) == []


def test_an_effect_is_sent_once_with_a_key_and_both_ends_are_events(there: Receiver) -> None:
    run = start(there, method="POST", body={"summary": "paused", "list": [1, True, None]}, status=200)
    sent = there.received[0]
    assert (sent.method, sent.json()) == ("POST", {"summary": "paused", "list": [1, True, None]})
    assert sent.key.startswith(step_of(run).key + ":")
    assert verbs(run) == ["request.sending", "request.answered"] and step_of(run).status == "done"


def test_secrets_go_out_and_nowhere_else(there: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=[there.place])
    echo = {"seen": f"you sent {SECRET}", "token": SECRET.removeprefix("Bearer ")}
    there.otherwise = answer(200, echo)
    run = start(
        there,
        method="POST",
        headers={"Authorization": "${{ secrets.pager }}"},
        body={"nested": ["${{ secrets.pager }}"]},
        extract={"seen": {"path": "seen", "type": "text"}, "token": {"path": "token", "type": "text"}},
    )
    assert there.received[0].headers["authorization"] == SECRET
    assert there.received[0].json() == {"nested": [SECRET]}
    there.otherwise = answer(403, f"the token {SECRET} is revoked".encode())
    failed = start(there, method="PUT", headers={"Authorization": "${{ secrets.pager }}"})
    assert "the token •••••• is revoked" in step_of(failed).reason
    assert step_of(run).output["seen"] == "you sent ••••••"
    key = SECRET.removeprefix("Bearer ")
    for held in (*StepRun.objects.all(), *Event.objects.all(), *Work.objects.all(), run.plan):
        assert key not in str(vars(held)) and json.dumps(key)[1:-1] not in str(vars(held))
    assert key not in caplog.text


def test_a_secret_that_is_not_set_stops_it_before_anything_is_sent(there: Receiver) -> None:
    headers = {"Authorization": "${{ secrets.nobody }}"}
    with pytest.raises(Invalid, match="no secret is called nobody"):
        start(there, method="POST", headers=headers)
    set_secret(name="nobody", value=SECRET, actor="user:1", hosts=[there.place])
    call = {"id": "call", "http": {"url": there.url, "method": "POST", "headers": headers}}
    book = {"playbook": "call", "title": "Call out", "summary": "One request outside.", "steps": [call]}
    version = save_version(yaml=json.dumps(book), actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1", hold=True)
    remove_secret(name="nobody", actor="user:1")
    begin(run=run, actor="user:1")
    settle()
    assert step_of(run).reason == "nothing was sent: there is no secret called nobody"
    assert there.connections == 0 and verbs(run) == []


HELD: dict[str, Any] = {"headers": {"Authorization": "${{ secrets.pager }}"}}


@pytest.mark.parametrize(
    "config", [HELD, {"body": {"a": ["${{ secrets.pager }}"]}}, {"body": {"a": {"b": "${{ secrets.pager }}"}}}]
)
@pytest.mark.parametrize(("hosts", "why"), [(["api.example.com"], "may not be sent to"), ([], "may be sent nowhere")])
def test_no_plan_is_made_that_sends_a_secret_elsewhere(
    there: Receiver, config: dict[str, Any], hosts: list[str], why: str
) -> None:
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=hosts)
    with pytest.raises(Invalid, match=f"the secret pager {why}"):
        start(there, method="POST", **config)
    assert there.connections == 0 and not Run.objects.exists()


def test_a_check_sends_no_secret_elsewhere_either(there: Receiver) -> None:
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=["api.example.com"])
    asked = {"http": {"url": there.url, **HELD}, "that": "code == 200"}
    for step in ({"check": asked}, {"http": {"url": there.url}, "before": [asked]}):
        book = {"playbook": "ask", "title": "Ask", "summary": "Asks outside.", "steps": [{"id": "call", **step}]}
        version = save_version(yaml=json.dumps(book), actor="user:1")
        with pytest.raises(Invalid, match="the secret pager may not be sent to"):
            start_run(playbook=version, inputs={}, scope=None, actor="user:1")
    assert there.connections == 0


@pytest.mark.parametrize("kind", ["http", "check"])
def test_hosts_are_looked_at_again_when_it_is_sent(there: Receiver, kind: str) -> None:
    """Between the plan and the request an admin took the host away."""
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=[there.place])
    config: dict[str, Any] = {"url": f"{there.url}/pages", **HELD}
    config = {**config, "method": "POST"} if kind == "http" else {"http": config, "that": "code == 200"}
    steps = [{"id": "call", kind: config}]
    book = {"playbook": "call", "title": "Call out", "summary": "One request outside.", "steps": steps}
    version = save_version(yaml=json.dumps(book), actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1", hold=True)
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=["api.example.com"])
    begin(run=run, actor="user:1")
    settle()
    assert (step_of(run).status, there.connections) == ("failed", 0)
    assert f"the secret pager may not be sent to {there.place}, only to api.example.com" in step_of(run).reason


def test_a_redirect_takes_no_secret_along(there: Receiver, settings: Any) -> None:
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=[there.place])
    with receiver() as other:
        settings.OUTGOING_ALLOW = [there.place, other.place]
        there.otherwise = answer(302, b"", {"Location": f"{other.url}/x"})
        run = start(there, **HELD)
        assert (step_of(run).status, len(there.received), other.connections) == ("failed", 1, 0)


def test_a_lost_answer_is_unknown_and_the_retry_carries_the_same_key(there: Receiver) -> None:
    there.script = [hang_up]
    run = start(there, attempts=3, method="POST", body={})
    step = step_of(run)
    assert (step.status, Run.objects.get().status, len(there.received)) == ("unknown", "paused", 1)
    assert "hung up before its answer was whole" in step.reason and there.received[0].key in step.reason
    retry_step(step=step, actor="system:test", reason="the receiver has nothing")
    settle()
    assert step_of(run).status == "done" and Run.objects.get().status == "done"
    assert len(there.received) == 2 and there.received[1].key == there.received[0].key


def test_a_receiver_that_honours_the_key_is_asked_again_by_itself(there: Receiver) -> None:
    there.script = [hang_up, answer(503, b"busy"), answer(201, {"id": "p-1"})]
    extract = {"page": {"path": "id", "type": "text"}}
    run = start(there, attempts=3, method="POST", body={}, repeat="safe", extract=extract)
    assert (step_of(run).status, step_of(run).output["page"]) == ("done", "p-1")
    assert len({one.key for one in there.received}) == 1 and len(there.received) == 3


def test_reads_are_repeated_until_the_tries_are_used_up(there: Receiver) -> None:
    there.otherwise = answer(404, b"not yet")
    run = start(there, attempts=3)
    assert (step_of(run).status, len(there.received)) == ("failed", 3)
    assert step_of(run).reason.endswith("answered 404: not yet")


@pytest.mark.parametrize(("status", "becomes"), [(400, "failed"), (429, "failed"), (302, "failed"), (502, "unknown")])
def test_another_answer_than_the_expected_one(there: Receiver, status: int, becomes: str) -> None:
    there.otherwise = answer(status, b"no", {"Location": "https://elsewhere.example/"})
    run = start(there, attempts=3, method="POST", body={})
    assert (step_of(run).status, len(there.received)) == (becomes, 1)
    first = there.received[0].key
    there.otherwise = answer(200)
    retry_step(step=step_of(run), actor="system:test")
    settle()
    assert step_of(run).status == "done"
    assert (there.received[1].key == first) is (becomes == "unknown"), "a definite no ends what the key stands for"


def test_a_refused_connection_is_tried_again_since_nothing_left(there: Receiver, settings: Any) -> None:
    settings.OUTGOING_ALLOW = [there.place, "127.0.0.1:1"]
    run = start(there, attempts=2, method="POST", url="http://127.0.0.1:1/")
    assert (step_of(run).status, step_of(run).tries) == ("failed", 2)
    assert step_of(run).reason.startswith("nothing was sent: no connection to 127.0.0.1:1")
    assert verbs(run) == []


def test_private_addresses_fail_for_good(there: Receiver, settings: Any) -> None:
    settings.OUTGOING_ALLOW = []
    run = start(there, attempts=3, method="POST", url=there.url.replace("http:", "https:"))
    assert (step_of(run).status, step_of(run).tries, there.connections) == ("failed", 0, 0)
    assert "which is not a public address" in step_of(run).reason


@pytest.mark.parametrize("spec", [{"path": "id", "type": "text"}, {"path": "n", "type": "uint256", "maximum": "5"}])
def test_a_value_that_is_missing_or_out_of_bounds_fails_and_was_still_an_effect(
    there: Receiver, spec: dict[str, str]
) -> None:
    there.otherwise = answer(200, {"n": 6})
    run = start(there, attempts=3, method="POST", body={}, repeat="safe", extract={"value": spec})
    assert (step_of(run).status, len(there.received)) == ("failed", 1)
    assert "answered 200, but value" in step_of(run).reason
    there.otherwise = answer(200, {"id": "x", "n": 5})
    retry_step(step=step_of(run), actor="system:test")
    settle()
    assert step_of(run).status == "done" and there.received[1].key == there.received[0].key


@pytest.mark.parametrize("environment", ["drill", "rehearsal"])
def test_exercises_move_nothing_outside_unless_the_playbook_says_so(there: Receiver, environment: str) -> None:
    run = start(there, environment=environment, method="POST", body={})
    assert step_of(run).proof == f"not sent in a {environment}: POST {there.url}/pages" and not there.received
    start(there, environment=environment)
    assert [one.method for one in there.received] == ["GET"]
    start(there, environment=environment, method="POST", body={}, in_drills=True)
    assert there.received[-1].headers["breakglass-environment"] == environment
    run = start(there, environment=environment, method="POST", extract={"a": {"path": "a", "type": "text"}})
    assert step_of(run).status == "failed" and len(there.received) == 2


@pytest.mark.parametrize(
    ("point", "repeat", "becomes", "requests"),
    [
        ("step.begun", "never", "done", 1),
        ("http.sending", "never", "unknown", 0),
        ("http.answered", "never", "unknown", 1),
        ("http.noted", "never", "done", 1),
        ("step.acted", "never", "done", 1),
        ("http.sending", "safe", "done", 1),
        ("http.answered", "safe", "done", 2),
        ("http.noted", "safe", "done", 1),
    ],
)
def test_a_worker_that_dies_there_sends_nothing_twice(
    there: Receiver, point: str, repeat: str, becomes: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = killed(there, point, monkeypatch, repeat=repeat)
    assert (step.status, len(there.received)) == (becomes, requests)
    assert len({one.key for one in there.received}) <= 1


def test_the_plan_holds_the_request_and_the_secret_by_name() -> None:
    config = HttpStep.Config.model_validate(
        {"method": "POST", "url": "https://a.example/", "headers": {"Authorization": {"$secret": "pager"}}}
    )
    params = STEPS["http"].resolve(Asked(config=config, inputs={}, context=PlanContext()))
    assert params["headers"] == {"Authorization": {"$secret": "pager"}}
    assert STEPS["http"].describe(params) == "POST https://a.example/"


@pytest.mark.parametrize("url", ["https://\ue000a.b\ue001/", "https://x.example\ue000a\ue001", "\ue000secret:a\ue001"])
def test_where_a_request_goes_is_known_when_the_plan_is_made(url: str) -> None:
    with pytest.raises(ValidationError, match=r"host must be known|begins with https"):
        HttpStep.Config.model_validate({"url": url})


def test_what_was_about_to_leave_and_did_not_is_tried_again(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was slow while it was noted that the request is being sent; then no time was left to send it."""
    slow = [True]

    def at(name: str) -> None:
        if name == "http.sending" and slow:
            slow.clear()
            threading.Event().wait(3.1)

    monkeypatch.setattr("work.faults.point", at)
    run = start(there, attempts=2, method="POST", body={}, within="3s")
    assert (step_of(run).status, len(there.received), step_of(run).tries) == ("done", 1, 1)


def test_what_always_runs_is_no_repetition_to_the_receiver(there: Receiver) -> None:
    """The run went on after its end, so it is asked anew: with another key, or the receiver would do nothing."""
    there.script = [answer(404), answer(200), answer(404), answer(200)]
    url = f"{there.url}/pages"
    book = {"playbook": "call", "title": "Call out", "summary": "Requests outside.", "steps": [], "finally": []}
    for place, name in (("steps", "call"), ("finally", "last")):
        book[place] = [{"id": name, "http": {"url": url, "method": "POST", "body": {}}}]
    version = save_version(yaml=json.dumps(book), actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1")
    settle()
    retry_step(step=step_of(run), actor="system:test")
    settle()
    keys = [one.key for one in there.received]
    last = StepRun.objects.get(run=run, step_id="last")
    assert len(set(keys)) == 4 and keys[3].startswith(f"{last.subject}:2:")
    assert (last.status, last.since) == ("done", 2)


def test_a_rehearsal_sends_nothing_and_says_what_is_missing(there: Receiver) -> None:
    def rehearsed(**config: Any) -> Any:
        parsed = HttpStep.Config.model_validate({"method": "POST", **config})
        params = HttpStep.resolve(Asked(config=parsed, inputs={}, context=PlanContext()))
        return HttpStep.rehearse(None, params)  # type: ignore[arg-type]  # nothing is done on any fork

    passed = rehearsed(url=there.url)
    assert (passed.result, passed.said) == ("outside", f"nothing was sent: it would be a POST to {there.url}")
    missing = rehearsed(url=there.url, body={"a": [{"$secret": "pager"}]}, headers={"X": {"$secret": "other"}})
    assert (missing.result, missing.said) == ("failed", "there is no secret called other, pager; an admin sets it")
    set_secret(name="pager", value=SECRET, actor="user:1", hosts=["api.example.com"])
    astray = rehearsed(url=there.url, headers={"X": {"$secret": "pager"}})
    assert astray.said == f"the secret pager may not be sent to {there.place}, only to api.example.com"
    assert astray.result == "failed"
    assert rehearsed(url="http://plain.example/").result == "failed" and there.connections == 0


def test_the_runs_page_tells_what_is_known_of_a_lost_answer(there: Receiver, client: Client) -> None:
    there.script = [hang_up]
    run = start(there, method="POST", body={})
    client.force_login(person("ana", "commander"))
    page = client.get(reverse("runbooks:run", args=[run.pk]))
    assert page.status_code == 200
    shown = page.content.decode()
    assert "hung up before its answer was whole" in shown and there.received[0].key in shown
    assert "Look at the receiver" in shown and "It did not happen: try again" in shown and "Skip this step" in shown
