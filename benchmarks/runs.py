"""`steps_per_s`, `step_p50_ms`, `dbos_steps_per_s`, `sweep_1000_waiting_ms`, `plan_compile_200_ms` and
`resume_after_kill_p95_s`: the engine through its real queue, and DBOS on the same PostgreSQL right after it.

The step that does nothing is `wait: {duration: 0s}`: a step of a stored, hashed plan, claimed, checked against its plan
and ended like any other; only what it is there for takes no time.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, percentile, say, timings
from tests.crash.campaign.child import Child
from tests.stack import ROOT, Stack
from tests.workers import until, workers

RUNS, STEPS = 300, 10
"""The load: so many runs side by side, each of so many steps one after the other, as playbooks have them."""
ALONE = 25
"""Runs that have the house for themselves, one after the other."""
WAITING = 1000
KILLS = 25
WORKERS = 2
"""Processes, one a core; four threads each, as `up` gives them."""


def measure(stack: Stack) -> None:
    log = stack.state_dir.with_name("workers.log")
    compiled = inside(stack, "compile")
    timings(
        "plan_compile_200_ms",
        compiled["values"],
        f"{compiled['bytes']} bytes; reading its YAML {compiled['lint']:.0f} ms",
    )
    ours = _throughput(stack, log)
    _dbos(stack, ours)
    _latency(stack, log)
    _sweep(stack, log)
    _resume(stack, log)


def inside(stack: Stack, *arguments: str) -> Any:
    """What `benchmarks.engine` says, run with the instance's own Django."""
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    command = [sys.executable, "-m", "benchmarks.engine", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=600, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def _throughput(stack: Stack, log: Path) -> float:
    """The queue is filled before there is a worker, so that starting runs costs the steps nothing."""
    say(f"{RUNS} runs of {STEPS} steps")
    first, last = inside(stack, "start", str(RUNS), str(STEPS))
    with workers(stack, WORKERS, log):
        until(lambda: inside(stack, "left", str(first), str(last)) == 0, "the runs do not end", 240)
    found = inside(stack, "steps", str(first), str(last))
    rate, count = middle_rate(found["ended"])
    turns = f"a turn took p50 {percentile(found['turns'], 0.5):.1f} ms, p95 {percentile(found['turns'], 0.95):.1f} ms"
    note = f"{RUNS} runs of {STEPS} `wait: 0s`, {WORKERS} workers of 4 threads, fsync on; {turns}"
    figure("steps_per_s", rate, "1/s", count, note)
    return rate


def middle_rate(ended: list[float]) -> tuple[float, int]:
    """Steps a second between the tenth and the ninetieth of a hundred: neither booting nor running dry counts."""
    ordered = sorted(ended)
    low, high = len(ordered) // 10, len(ordered) * 9 // 10
    return (high - low) / (ordered[high] - ordered[low]), high - low


def _latency(stack: Stack, log: Path) -> None:
    """One run alone: from the end of a step to the end of the next one, through the queue."""
    with workers(stack, WORKERS, log):
        gaps = inside(stack, "alone", str(ALONE), str(STEPS))
    note = f"{ALONE} runs of {STEPS} steps, one at a time: end of a step to the end of the next one"
    timings("step_p50_ms", gaps, note)


def _sweep(stack: Stack, log: Path) -> None:
    say(f"{WAITING} waiting runs")
    with workers(stack, WORKERS, log):
        first, last = inside(stack, "park", str(WAITING))
        until(lambda: inside(stack, "waiting", str(first), str(last)) == WAITING, "not all of them wait", 240)
    found = inside(stack, "sweep")
    due = f"with all of them due and hinted {found['due_ms']:.0f} ms for {found['due']}"
    timings("sweep_1000_waiting_ms", found["values"], f"{found['waiting']} rows wait; {due}")


def _dbos(stack: Stack, ours: float) -> None:
    """The same number of processes, the same shape of work, the same server, in the same minute."""
    say(f"DBOS: {RUNS} workflows of {STEPS} steps")
    url = stack.runtime["DATABASE_URL"].rpartition("/")[0] + "/dbos"
    env = {**stack.env, "DBOS_URL": url}
    command = [sys.executable, "-m", "benchmarks.dbos_load"]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=env, check=True, timeout=300, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    inside(stack, "database", "dbos")
    rates = {}
    for shape, (flows, steps) in {"queued runs": (RUNS, STEPS), "one step each": (RUNS * STEPS // 3, 1)}.items():
        run("enqueue", str(flows), str(steps))
        processes = [subprocess.Popen([*command, "work"], cwd=ROOT, env=env) for _ in range(WORKERS)]
        try:
            began = time.monotonic()
            while int(run("left")):
                if time.monotonic() - began > 200:
                    raise RuntimeError("DBOS does not end its workflows")
                time.sleep(0.5)
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait(10)
        rates[shape] = middle_rate(json.loads(run("ended", str(steps))))
    rate, count = rates["queued runs"]
    alone, _ = rates["one step each"]
    note = f"ours is {ours / rate:.2f} of it; {RUNS} workflows of {STEPS} steps from its queue, {WORKERS} processes"
    figure("dbos_steps_per_s", rate, "1/s", count, f"{note}; queued one by one, as our steps are: {alone:.0f}/s")


def _resume(stack: Stack, log: Path) -> None:
    """Two workers, forked from a parent that has everything imported; one of them kills itself whenever it has begun a
    step, and another takes its place. The other one is never harmed."""
    say(f"{KILLS} kills of the worker that holds a step")
    folder = stack.state_dir.with_name("kills")
    folder.mkdir()
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    with log.open("ab") as out:
        nursery = Child.start("nursery", str(folder), "2", "1", "0", "step.begun", "1", env=env, log=out)
    try:
        if nursery.line() != "ready":
            raise RuntimeError("the workers do not start")
        values = inside(stack, "resume", str(KILLS))
    finally:
        nursery.end()
    said = f"p50 {percentile(values, 0.5):.1f} s, longest {max(values):.1f} s"
    note = f"{said}; kill -9 within a step; from the dead worker's claim to the next one's; lease 3 s, sweep every 2 s"
    figure("resume_after_kill_p95_s", percentile(values, 0.95), "s", len(values), note)
