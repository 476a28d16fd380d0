"""What the judge is shown: the notes of those outside, and our tables as they are, read by SQL in one snapshot.

Times are seconds since 1970, of this machine's one clock.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]

TABLES = {
    "alerts": """
        SELECT a.id, a.key, a.status, a.severity, a.times, a.incident_id AS incident, a.failure_mode AS mode,
          a.protocol_id AS protocol, a.source, EXTRACT(epoch FROM a.raised_at)::float AS raised,
          EXTRACT(epoch FROM a.cleared_at)::float AS cleared, a.acked_at IS NOT NULL AS acked,
          (SELECT count(*) FROM ledger_event e WHERE e.subject = 'alert:' || a.id AND e.verb = 'alert.raised') AS told
        FROM incidents_alert a ORDER BY a.id""",
    "payloads": "SELECT key_id AS inbound, digest, times FROM incidents_inboundpayload",
    "incidents": """
        SELECT i.id, i.title, i.severity, i.status, i.failure_mode AS mode, i.protocol_id AS protocol, i.opened_by,
          EXTRACT(epoch FROM i.opened_at)::float AS opened, EXTRACT(epoch FROM i.ended_at)::float AS ended,
          i.commander_id AS commander,
          (SELECT count(*) FROM notify_message m WHERE m.key = 'incident:' || i.id || ':opened') AS told,
          (SELECT count(*) FROM ledger_event e
            WHERE e.subject = 'incident:' || i.id AND e.verb = 'incident.severity.raised') AS raised
        FROM incidents_incident i ORDER BY i.id""",
    "pages": """
        SELECT id, key, about, status, frozen, round, step, follows_id AS follows, ended_because AS because,
          EXTRACT(epoch FROM opened_at)::float AS opened, EXTRACT(epoch FROM due_at)::float AS due,
          EXTRACT(epoch FROM acked_at)::float AS acked, EXTRACT(epoch FROM ended_at)::float AS ended,
          EXTRACT(epoch FROM unanswered_at)::float AS unanswered
        FROM notify_page ORDER BY id""",
    "notices": """
        SELECT page_id AS page, round, step, reachable, message_id AS message, EXTRACT(epoch FROM at)::float AS at
        FROM notify_notice ORDER BY id""",
    "deliveries": """
        SELECT d.id, d.message_id AS message, m.template, m.subject_line AS subject, d.status, d.channel, d.address,
          d.carrier_id AS carrier, d.error, EXTRACT(epoch FROM d.created_at)::float AS created,
          EXTRACT(epoch FROM d.sent_at)::float AS sent
        FROM notify_delivery d JOIN notify_message m ON m.id = d.message_id ORDER BY d.id""",
    "attempts": """
        SELECT w.key::bigint AS delivery, a.fence, a.outcome, a.error, EXTRACT(epoch FROM a.started_at)::float AS began,
          EXTRACT(epoch FROM a.ended_at)::float AS ended
        FROM work_attempt a JOIN work_work w ON w.id = a.work_id WHERE w.kind = 'notify.delivery'
        ORDER BY w.key, a.fence""",
}
YOUNG = 30
"""Seconds that a copy may take while nothing is broken: people are reminded of open incidents all the time."""
# What must have come to its end before anybody is judged, and what is said of it if it does not.
UNENDED = {
    "copies wait in the outbox": f"""
        SELECT count(*) FROM notify_delivery
        WHERE status = 'queued' AND queued_at < statement_timestamp() - make_interval(secs => {YOUNG})""",
    "rows of work are not done": f"""
        SELECT count(*) FROM work_work
        WHERE status IN ('queued', 'running') AND kind IN ('notify.delivery', 'incidents.tell')
          AND created_at < statement_timestamp() - make_interval(secs => {YOUNG})""",
    "rows of work failed": """
        SELECT count(*) FROM work_work WHERE status IN ('failed', 'unknown')
          AND kind IN ('incidents.tell', 'notify.page')""",
    "pages climb still": "SELECT count(*) FROM notify_page WHERE status = 'climbing' AND unanswered_at IS NULL",
    "pages have not done what is due": """
        SELECT count(*) FROM notify_page WHERE status IN ('climbing', 'acked') AND due_at < statement_timestamp()""",
    "acknowledgements may lapse": "SELECT count(*) FROM notify_page WHERE status = 'acked' AND due_at IS NOT NULL",
    "events are not linked": """
        SELECT count(*) FROM ledger_event e WHERE e.at < statement_timestamp() - interval '5 seconds'
          AND NOT EXISTS (SELECT 1 FROM ledger_eventlink l WHERE l.event_id = e.id)
    """,
    "alarms wait to become alerts": """
        SELECT count(*) FROM ledger_event e JOIN ledger_eventlink l ON l.event_id = e.id
        JOIN ledger_subscription s ON s.name = 'incidents.alarms' WHERE e.alarm IS NOT NULL AND l.seq > s.cursor""",
}


@dataclass
class Evidence:
    """Everything that the rules look at."""

    sends: list[Row] = field(default_factory=list)
    deeds: list[Row] = field(default_factory=list)
    faults: list[Row] = field(default_factory=list)
    ups: list[Row] = field(default_factory=list)
    sink: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)
    payloads: list[Row] = field(default_factory=list)
    incidents: list[Row] = field(default_factory=list)
    pages: list[Row] = field(default_factory=list)
    notices: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    unended: dict[str, int] = field(default_factory=dict)
    at: float = 0.0


def lines(path: Path) -> list[Row]:
    """Whole lines only: somebody may be writing the last one."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def gather(folder: Path, database: str, over: Callable[[dict[str, int]], bool]) -> Evidence | None:
    """The tables, if what is left to do lets it be over; None: not yet. What it counts and what it reads is one state.

    The sink's file is read after that: whatever the desk says has arrived is in it.
    """
    with psycopg.connect(database, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        left = {words: connection.execute(sql).fetchone()["count"] for words, sql in UNENDED.items()}  # type: ignore[index]
        unended = {words: number for words, number in left.items() if number}
        if not over(unended):
            return None
        found = {name: connection.execute(sql).fetchall() for name, sql in TABLES.items()}
        now = connection.execute("SELECT EXTRACT(epoch FROM now())::float AS now").fetchone()
    told = {name: lines(folder / f"{name}.jsonl") for name in ("sends", "deeds", "faults", "ups", "sink")}
    return Evidence(**told, **found, unended=unended, at=now["now"] if now else 0.0)
