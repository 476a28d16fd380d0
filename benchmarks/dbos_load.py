"""DBOS doing what our engine is measured at: durable steps that do nothing, in workflows taken from its queue.

    python -m benchmarks.dbos_load enqueue 60 50 | work | left | ended 50

`work` is one worker process; the database is named by DBOS_URL.
"""

import json
import os
import sys
import threading

import psycopg
from dbos import DBOS, DBOSConfig

WORKFLOWS_A_PROCESS = 30
URL = os.environ["DBOS_URL"]
CONFIG: DBOSConfig = {
    "name": "bench",
    "system_database_url": URL,
    "application_version": "bench",
    "log_level": "ERROR",
    "sys_db_pool_size": 20,
}
QUEUE = "bench"


@DBOS.step()
def nothing(number: int) -> int:
    return number


@DBOS.workflow()
def run(steps: int) -> None:
    for number in range(steps):
        nothing(number)


def main(verb: str, *arguments: str) -> None:
    if verb in ("left", "ended"):
        print(_left() if verb == "left" else _ended(int(arguments[0])))
        return
    DBOS(config=CONFIG)
    DBOS.listen_queues([QUEUE] if verb == "work" else [])
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=WORKFLOWS_A_PROCESS, polling_interval_sec=0.1)
    if verb == "enqueue":
        flows, steps = map(int, arguments)
        for _ in range(flows):
            DBOS.enqueue_workflow(QUEUE, run, steps)
        DBOS.destroy()
    else:
        threading.Event().wait()


def _left() -> int:
    """Workflows that are not over."""
    with psycopg.connect(URL) as connection:
        row = connection.execute(
            "SELECT count(*) FROM dbos.workflow_status WHERE status NOT IN ('SUCCESS', 'ERROR', 'CANCELLED')"
        ).fetchone()
    return int(row[0]) if row else 0


def _ended(steps: int) -> str:
    """When each step of the newest batch ended: those of workflows with so many steps."""
    with psycopg.connect(URL) as connection:
        rows = connection.execute(
            "SELECT completed_at_epoch_ms FROM dbos.operation_outputs WHERE workflow_uuid IN "
            "(SELECT workflow_uuid FROM dbos.operation_outputs GROUP BY 1 HAVING count(*) = %s)",
            [steps],
        ).fetchall()
    return json.dumps([row[0] / 1000 for row in rows])


if __name__ == "__main__":
    main(*sys.argv[1:])
