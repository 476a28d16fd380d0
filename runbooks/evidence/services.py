"""Handing in evidence."""

import hashlib

from django.db import transaction

from ledger import Invalid, Refused, record
from runbooks.evidence.models import LARGEST, Evidence
from runbooks.evidence.sniff import clean_name, media_type_of
from runbooks.runs.models import StepRun
from runbooks.runs.roles import must_reach

MOST = 20


@transaction.atomic
def attach(*, step: StepRun, name: str, content: bytes, actor: str) -> Evidence:
    """Keep a file for a step that asks for one. The same bytes twice are the same evidence."""
    if not content:
        raise Invalid("file", "is empty", "choose the file again")
    if len(content) > LARGEST:
        raise Invalid("file", "is larger than 5 MB", "a smaller picture, or a link to where it is kept")
    rows = StepRun.objects.select_for_update(of=("self",)).select_related("run__scope", "run__plan")
    held = rows.get(pk=step.pk)
    planned = held.run.plan.parsed().step(held.step_id)
    if planned is None or planned.params.get("evidence") != "file":
        raise Refused("This step does not ask for a file.", "only steps with `evidence: file` take one", "no-file")
    if held.status != "waiting":
        raise Refused(f"This step is {held.status}.", "files are taken while the step waits", "not-waiting")
    must_reach(held, actor)
    digest = hashlib.sha256(content).hexdigest()
    known = Evidence.objects.filter(step=held, sha256=digest).first()
    if known is not None:
        return known
    if Evidence.objects.filter(step=held).count() >= MOST:
        raise Refused(f"This step has {MOST} files already.", "put the rest behind a link", "too-many")
    found = Evidence.objects.create(
        step=held,
        name=clean_name(name),
        media_type=media_type_of(content),
        size=len(content),
        sha256=digest,
        content=content,
        created_by=actor,
    )
    after = {"step": held.step_id, "evidence": found.pk, "name": found.name, "sha256": digest, "size": found.size}
    record("step.evidenced", actor=actor, scope=held.scope, subject=held.subject, after=after)
    return found
