"""A grave alert that is nobody else's opens an incident: in a flood of them that is what most are, so all that is
written of one is one statement. It says what `raise_alert` and `open_incident` say one after the other, and where any
of their rules wants more (a window, an incident of the same cause, a failure mode), it writes nothing and leaves it to
them. `db/test_inbound_opening.py` holds the two against each other.
"""

import json
from collections.abc import Mapping
from typing import Any

from incidents.alerts.services import LONGEST_TOLD, name_of
from incidents.inbound.models import InboundKey
from incidents.inbound.payloads import KEEP
from incidents.inbound.senders import UNCHANGED
from incidents.incidents.joining import GRAVE
from incidents.incidents.models import OVER
from incidents.incidents.services import LOOK, NUDGE, TELL, first_bad_of
from integrations.inbound import Incoming
from ledger import hints as ledger_hints
from ledger.services import plain, request_id
from ledger.statements import say
from ledger.text import one_line
from work import hints

ROOM = 40  # for the payload's number, in what an event tells of an alert

OPEN = """
WITH alone AS (
  SELECT statement_timestamp() AS at WHERE $UNCHANGED
  AND NOT EXISTS (
    SELECT FROM incidents_window w WHERE w.ended_at IS NULL AND w.starts_at <= statement_timestamp()
    AND w.ends_at > statement_timestamp() AND (w.protocol_id IS NULL OR w.protocol_id = %(protocol)s::bigint)
  ) AND NOT EXISTS (
    SELECT FROM incidents_alert a JOIN incidents_incident i ON i.id = a.incident_id
    WHERE a.key = %(name)s AND i.failure_mode = '' AND NOT i.status = ANY(%(over)s::text[])
    AND i.protocol_id IS NOT DISTINCT FROM %(protocol)s::bigint
  )
), kept AS ($KEEP), made AS MATERIALIZED (
  SELECT kept.id AS payload, alone.at, nextval(pg_get_serial_sequence('ledger_scope', 'id')) AS scope,
    nextval(pg_get_serial_sequence('incidents_incident', 'id')) AS incident,
    %(detail)s::jsonb || jsonb_build_object('payload', 'payload:' || kept.id) AS detail
  FROM kept, alone
), raised AS (
  INSERT INTO incidents_alert AS there (key, title, severity, status, source, protocol_id, failure_mode, detail, times,
    scope_id, incident_id, raised_at, last_at, acked_by)
  SELECT %(name)s, %(said)s, %(severity)s, 'firing', %(actor)s, %(protocol)s::bigint, '', made.detail, 1,
    made.scope, made.incident, made.at, made.at, '' FROM made
  ON CONFLICT (key) WHERE status = 'firing' DO UPDATE SET times = there.times + 1, last_at = statement_timestamp()
  WHERE there.severity <= excluded.severity
  RETURNING there.id, there.xmax = 0 AS new
), opened AS (
  SELECT made.*, raised.id AS alert, 'incident:' || made.incident AS subject FROM raised, made WHERE raised.new
), scope AS (
  INSERT INTO ledger_scope (id, kind, title, private, created_at)
  SELECT scope, 'incident', %(title)s, false, at FROM opened
), itself AS (
  INSERT INTO ledger_scopeclosure (ancestor_id, descendant_id) SELECT scope, scope FROM opened
), incident AS (
  INSERT INTO incidents_incident (id, scope_id, title, summary, severity, status, protocol_id, failure_mode,
    handover_note, severity_by, nudged, opened_by, first_bad_block, first_bad_at, detected_at, opened_at)
  SELECT incident, scope, %(title)s, '', %(severity)s, 'triage', %(protocol)s::bigint, '', '', %(actor)s, '{}',
    %(actor)s, %(first_bad_block)s::bigint, %(first_bad_at)s::timestamptz, at, at FROM opened
), told AS (
  INSERT INTO ledger_event (at, txid, salt, verb, actor, scope_id, subject, before, after, reason, alarm, request_id)
  SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, gen_random_uuid(), one.verb, %(actor)s, opened.scope,
    one.subject, NULL, one.after, '', NULL, %(request_id)s
  FROM opened CROSS JOIN LATERAL (VALUES
    (1, 'scope.opened', 'scope:' || scope, %(of_scope)s::jsonb),
    (2, 'incident.opened', subject, %(of_incident)s::jsonb || jsonb_build_object('detected_at',
      to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'))),
    (3, 'alert.raised', 'alert:' || alert,
      %(of_alert)s::jsonb || jsonb_build_object('incident', subject, 'detail', detail))
  ) AS one(n, verb, subject, after) ORDER BY one.n
), work AS (
  INSERT INTO work_work (kind, key, subject, payload, scope_id, actor, status, run_at, hinted_at,
    fence, woken, failures, hints, error, reason, result, created_at)
  SELECT one.kind, subject, subject, '{}', scope, %(actor)s, 'queued', one.run_at, one.hinted_at,
    0, false, 0, 0, '', '', '{}', at
  FROM opened CROSS JOIN LATERAL (VALUES
    (%(nudge)s, at + make_interval(secs => %(look)s), NULL::timestamptz), (%(tell)s, at, at)
  ) AS one(kind, run_at, hinted_at)
  RETURNING id, kind
)
SELECT made.payload, raised.id, (SELECT id FROM work WHERE kind = %(tell)s) FROM made LEFT JOIN raised ON true
"""
OPEN = OPEN.replace("$UNCHANGED", UNCHANGED).replace("$KEEP", KEEP.replace("$FROM", "FROM alone"))


def open_at_once(
    key: InboundKey, one: Incoming, detail: Mapping[str, Any], kept: Mapping[str, Any]
) -> tuple[int, int | None] | None:
    """The payload and the alert; no alert if a slighter one of its key began to fire at this very moment. None: nothing
    was written, and it is for the longer way."""
    severity = one.severity or key.severity
    found = json.dumps(plain(detail))
    if one.failure_mode or key.failure_mode or severity not in GRAVE or len(found) + ROOM > LONGEST_TOLD:
        return None
    name, said = name_of(f"{key.subject}:{one.key}"), one.title[:200]
    title = one_line("title", said, 200)
    block, at = first_bad_of(detail)
    about = {"title": title, "severity": severity, "failure_mode": "", "first_bad_block": block, "first_bad_at": at}
    values = {
        "name": name,
        "said": said,
        "title": title,
        "severity": severity,
        "actor": key.subject,
        "protocol": key.protocol_id,
        "detail": found,
        "first_bad_block": block,
        "first_bad_at": at,
        "over": list(OVER),
        "of_scope": json.dumps({"kind": "incident", "title": title, "private": False, "members": []}),
        "of_incident": json.dumps(plain(about)),
        "of_alert": json.dumps({"key": name, "title": said, "severity": severity}),
        "request_id": request_id(),
        "nudge": NUDGE,
        "tell": TELL,
        "look": LOOK.total_seconds(),
    }
    rows = say(OPEN, {**kept, **values})
    if not rows:
        return None
    payload, alert, telling = rows[0]
    if telling is not None:
        ledger_hints.recorded()
        hints.on_commit(telling, TELL)
    return payload, alert
