"""`kill -9` of a real worker process while a step calls another system or sends: the other side counts what it got."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from governance.protocols.models import Contract, Protocol
from integrations.chain.models import Chain
from integrations.chain.transactions.models import Transaction
from integrations.devnet.anvil import Anvil
from runbooks.playbooks.services import save_version
from runbooks.runs.models import StepRun
from runbooks.runs.services import start_run
from tests.chain.transactions import COUNTER, count, drive, make_chain, make_executor, put_counter
from tests.crash.worker import start_worker
from tests.drain import settle
from tests.receiver import Receiver, answer, receiver
from work import hints
from work.models import Work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
# Where it dies, whether the receiver honours the key, what the step becomes, and how many requests arrive.
DEATHS = (
    ("step.begun", "never", "done", 1),
    ("http.sending", "never", "unknown", 0),
    ("http.answered", "never", "unknown", 1),
    ("http.noted", "never", "done", 1),
    ("http.sending", "safe", "done", 1),
    ("http.answered", "safe", "done", 2),
)


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as made:
        made.otherwise = answer(201, {"id": "p-1"})
        monkeypatch.setitem(os.environ, "OUTGOING_ALLOW", made.place)  # the worker reads its own settings
        yield made


def started(step: dict[str, object], inputs: dict[str, object], given: dict[str, str]) -> StepRun:
    book = {
        "playbook": "one",
        "title": "One step",
        "summary": "One step and a death.",
        "inputs": inputs,
        "steps": [step],
    }
    version = save_version(yaml=json.dumps(book), actor="user:1")
    run = start_run(playbook=version, inputs=given, scope=None, actor="user:1")
    return run.steps.get()


def row_of(step: StepRun) -> Work:
    return Work.objects.get(kind="runbooks.step", subject=step.subject)


def killed_at(point: str, step: StepRun) -> None:
    assert start_worker(row_of(step).pk, point).wait(120) == -signal.SIGKILL, f"did not reach {point}"
    Work.objects.filter(pk=row_of(step).pk, status="running").update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(("point", "repeat", "becomes", "arrived"), DEATHS)
def test_a_request_is_sent_once_or_a_person_is_asked(
    there: Receiver, point: str, repeat: str, becomes: str, arrived: int, settings: object
) -> None:
    settings.OUTGOING_ALLOW = [there.place]  # type: ignore[attr-defined]  # pytest-django's own object
    http = {"method": "POST", "url": f"{there.url}/pages", "body": {"a": 1}, "repeat": repeat}
    step = started({"id": "call", "http": http}, {}, {})
    killed_at(point, step)
    settle()
    step.refresh_from_db()
    assert (step.status, len(there.received)) == (becomes, arrived)
    assert len({one.key for one in there.received}) == min(arrived, 1), "a repetition carries the same key"


def test_a_transaction_is_handed_over_once(there: Receiver) -> None:
    with Anvil(mining="interval", block_seconds=1) as node:
        put_counter(node.rpc)
        chain: Chain = make_chain(node.url, finality_depth=2)
        make_executor(chain, node.rpc)
        protocol = Protocol.objects.create(slug="p", name="P")
        Contract.objects.create(protocol=protocol, chain=chain, address=COUNTER, name="Counter", role="vault")
        call = {"executor": "first", "on": "${{ inputs.counter }}", "call": "count()"}
        step = started({"id": "send", "send": call}, {"counter": {"type": "contract"}}, {"counter": COUNTER})
        killed_at("send.submitted", step)
        assert start_worker(row_of(step).pk, "step.acted").wait(120) == -signal.SIGKILL
        sent = Transaction.objects.get()
        drive(sent, "final", seconds=60)
        Work.objects.filter(status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
        settle()
        step.refresh_from_db()
        assert (step.status, Transaction.objects.count(), count(node.rpc)) == ("done", 1, 1)
        assert node.rpc.nonce(sent.executor.address) == 1
