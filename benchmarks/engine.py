"""What `benchmarks.runs` asks of the instance under measurement; each call is a process of its own and says JSON.

python -m benchmarks.engine start 60 50     60 runs of 50 steps that do nothing: the first and last run's number
python -m benchmarks.engine left 1 60       how many of them are not over
"""

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  (Django comes first)

from governance.plans.canonical import hash_of  # noqa: E402
from runbooks.plans.compile import compile_plan  # noqa: E402
from runbooks.plans.context import KnownContract, PlanContext  # noqa: E402
from runbooks.playbooks.services import parse, save_version  # noqa: E402
from runbooks.runs.engine import KIND  # noqa: E402
from runbooks.runs.models import Run, StepRun  # noqa: E402
from runbooks.runs.services import start_run  # noqa: E402
from work.models import Attempt, Work  # noqa: E402
from work.services import sweep  # noqa: E402

ACTOR = "system:bench"
HEAD = "playbook: {slug}\ntitle: A measurement\nsummary: Nothing is done here, again and again.\nsteps:\n"


def start(runs: str, steps: str) -> list[int]:
    lines = "".join(f"  - {{id: s{number}, wait: {{duration: 0s}}}}\n" for number in range(int(steps)))
    return _start(HEAD.format(slug=f"nothing-{steps}") + lines, int(runs))


def park(runs: str) -> list[int]:
    """Runs that wait for a person."""
    return _start(
        HEAD.format(slug="parked") + "  - {id: ask, manual: {instruction: Wait., evidence: none}}\n", int(runs)
    )


def _start(yaml: str, count: int) -> list[int]:
    version = save_version(yaml=yaml, actor=ACTOR)
    made = [start_run(playbook=version, inputs={}, scope=None, actor=ACTOR).pk for _ in range(count)]
    return [made[0], made[-1]]


def left(first: str, last: str) -> int:
    over = ("done", "failed", "aborted")
    return Run.objects.filter(pk__range=(first, last)).exclude(status__in=over).count()


def steps(first: str, last: str) -> dict[str, Any]:
    """When each step ended, and how many milliseconds each turn took."""
    found = StepRun.objects.filter(run__pk__range=(first, last))
    if bad := found.exclude(status="done").count():
        raise SystemExit(f"{bad} steps are not done")
    keys = [step.key for step in found]
    turns = Attempt.objects.filter(work__kind=KIND, work__key__in=keys, ended_at__isnull=False)
    return {
        "ended": [step.ended_at.timestamp() for step in found if step.ended_at],
        "turns": [(one.ended_at - one.started_at).total_seconds() * 1000 for one in turns if one.ended_at],
    }


def waiting(first: str, last: str) -> int:
    return StepRun.objects.filter(run__pk__range=(first, last), status="waiting").count()


def alone(runs: str, count: str) -> list[float]:
    """One run at a time; milliseconds from the end of each step to the end of the next. The first runs warm up."""
    found = []
    for number in range(int(runs) + 4):
        first, last = map(str, start("1", count))
        end = time.monotonic() + 60
        while left(first, last):
            if time.monotonic() > end:
                raise SystemExit("a run does not end")
            time.sleep(0.1)
        ended = sorted(steps(first, last)["ended"])
        if number >= 4:
            found += [(after - before) * 1000 for before, after in itertools.pairwise(ended)]
    return found


def measure_sweep() -> dict[str, Any]:
    """The sweep as beat asks for it, with nothing due; then one with everything due, hints and all."""
    waits = Work.objects.filter(status="waiting").count()
    sweep()
    values = [_milliseconds(sweep)[0] for _ in range(50)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE work_work SET run_at = now(), hinted_at = NULL WHERE status = 'waiting'")
    spent, count = _milliseconds(sweep)
    return {"values": values, "waiting": waits, "due_ms": spent, "due": count}


def resume(kills: str) -> list[float]:
    """Runs one after another until so many claims were lost with their worker; how long each step then lay."""
    lost = Attempt.objects.filter(work__kind=KIND, outcome="lost")
    end = time.monotonic() + 240
    while lost.count() < int(kills):
        if time.monotonic() > end:
            raise SystemExit(f"only {lost.count()} workers died")
        start("1", "4")
        time.sleep(0.4)
    time.sleep(1)
    found = []
    for one in lost.select_related("work"):
        follower = Attempt.objects.filter(work=one.work, fence=one.fence + 1).first()
        if follower:
            found.append((follower.started_at - one.started_at).total_seconds())
    return found


def _milliseconds(what: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = what()
    return (time.perf_counter() - began) * 1000, result


CHECK = """\
  - id: s{n}
    title: Look again whether the vault is paused, number {n}
    check:
      reads: {{paused: {{on: "${{{{ inputs.vault }}}}", call: paused() returns (bool)}}}}
      that: paused == true
"""
MANUAL = """\
  - id: s{n}
    title: Ask the engineer on duty, question {n}
    text: Ask about ${{{{ inputs.vault.name }}}}; if nobody answers, call the next one on the list.
    manual: {{instruction: Call and ask., evidence: text}}
"""
INPUTS = "inputs:\n  vault: {type: contract, title: Vault}\n"


def measure_compile() -> dict[str, Any]:
    """200 steps, every fourth with a read that is encoded, the rest with texts to fill; to bytes and their hash."""
    head = HEAD.format(slug="long").replace("steps:\n", INPUTS + "steps:\n")
    yaml = head + "".join((MANUAL if n % 4 else CHECK).format(n=n) for n in range(200))
    lint, playbook = _milliseconds(lambda: parse(yaml))
    address = "0x" + "11" * 20
    context = PlanContext(contracts=(KnownContract(31337, address, "Vault"),))
    inputs = {"vault": address}

    def once() -> bytes:
        document = compile_plan(playbook=playbook, yaml=yaml, version=1, inputs=inputs, context=context)
        data = document.canonical()
        hash_of(data)
        return data

    once()
    taken = [_milliseconds(once) for _ in range(15)]
    return {"values": [spent for spent, _ in taken], "bytes": len(taken[0][1]), "lint": lint}


def database(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{name}"')
    return name


VERBS: dict[str, Callable[..., Any]] = {
    "start": start,
    "park": park,
    "left": left,
    "steps": steps,
    "alone": alone,
    "waiting": waiting,
    "sweep": measure_sweep,
    "compile": measure_compile,
    "database": database,
    "resume": resume,
}

if __name__ == "__main__":
    print(json.dumps(VERBS[sys.argv[1]](*sys.argv[2:])))
