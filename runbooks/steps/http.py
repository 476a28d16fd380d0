"""`http`: one request to somebody else's machine, at most once unless the receiver tells repetitions apart."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import model_validator

from governance.plans.canonical import LARGEST
from integrations.expressions import as_text
from integrations.outgoing import READS, Answer, OutgoingError, request
from ledger.errors import Refused
from runbooks.plans.requests import (
    HOUSE_NAMES,
    KEY,
    Request,
    cannot_be_sent,
    expected,
    must_go,
    opened,
    unexpected,
    values_in,
)
from runbooks.steps import (
    STEPS,
    Again,
    Asked,
    Failed,
    Finished,
    Flag,
    Output,
    Params,
    Rehearsed,
    Result,
    StepType,
    Turn,
    Uncertain,
)
from work import faults

if TYPE_CHECKING:
    from ledger.models import Event
    from runbooks.rehearsals.stage import Rehearsing
    from runbooks.runs.models import StepRun

RESERVED = (*HOUSE_NAMES, "sending", "answered")
PASSING = (408, 425, 429, 500, 502, 503, 504)
UNCLEAR = (408, 500, 502, 504)
"""From these a machine cannot tell whether the receiver acted."""


@STEPS.register("http")
class HttpStep(StepType):
    """Call an HTTP API, and take typed values from its answer."""

    label = "HTTP request"
    icon = "external"
    acts = True
    secret_fields = ("headers", "body")

    class Config(Request):
        method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
        body: dict[str, Any] | list[Any] | None = None
        repeat: Literal["never", "safe"] = "never"
        in_drills: Flag = False

        @model_validator(mode="after")
        def _fits(self) -> "HttpStep.Config":
            if self.body is not None and self.method in READS:
                raise ValueError(f"a {self.method} has no `body`")
            _must_fit_a_plan(self.body)
            if self.method == "HEAD" and self.extract:
                raise ValueError("a HEAD has no answer to `extract` from; use GET")
            taken = sorted(set(RESERVED) & set(self.extract))
            if taken:
                raise ValueError(f"`{taken[0]}` cannot be extracted: the name is taken; use another one")
            return self

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config = asked.config
        params = {
            **config.resolved(),
            "method": config.method,
            "body": config.body,
            "repeat": config.repeat,
            "in_drills": config.in_drills,
        }
        must_go(params, asked.context.secrets)
        return params

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        found: dict[str, Output] = config.outputs()
        return found

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Looks first at what it wrote down: an answer is never asked for again, a request without one not blindly."""
        params, output = turn.params, turn.step.output
        if answered := output.get("answered"):
            return _as_written(answered)
        if turn.step.run.environment != "live" and params["method"] not in READS and not params["in_drills"]:
            return _only_told(turn)
        sent = output.get("sending")
        if sent and not _repeatable(params):
            return _lost(turn, sent["key"], "the worker that sent it did not live to see an answer")
        return _send(turn, sent["key"] if sent else _key(turn.step))

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        """No request leaves; what would be taken from the answer is assumed where a later step needs it."""
        wrong = cannot_be_sent(params)
        said = f"nothing was sent: it would be a {params['method']} to {params['url']}"
        return Rehearsed("failed", wrong) if wrong else Rehearsed("outside", said)

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"{params['method']} {params['url']}"


def _must_fit_a_plan(body: Any) -> None:
    """Numbers that JavaScript reads as they are, and keys that are plain ASCII: plans hold no others."""
    if isinstance(body, int) and abs(body) > LARGEST:
        raise ValueError(f"`body`: {str(body)[:20]}… is 2^53 or more; write it as text, in quotes")
    if isinstance(body, dict):
        for key, item in body.items():
            if not key or not all(" " < sign <= "~" for sign in key):
                raise ValueError(f"`body`: the key `{key[:40]}` is not printable ASCII without spaces")
            _must_fit_a_plan(item)
    elif isinstance(body, list):
        for item in body:
            _must_fit_a_plan(item)


def _repeatable(params: Params) -> bool:
    return params["method"] in READS or params["repeat"] == "safe"


def _only_told(turn: Turn) -> Result:
    """In an exercise nothing outside is moved, unless the playbook says that this receiver is there for exercises."""
    environment, words = turn.step.run.environment, HttpStep.describe(turn.params)
    if turn.params["extract"]:
        return Failed(reason=f"not sent in a {environment}, so nothing is known of its answer; skip it: {words}")
    return Finished(proof=f"not sent in a {environment}: {words}")


class _Letter(NamedTuple):
    """The request with the values of its secrets; it goes out, and nowhere else."""

    headers: dict[str, str]
    body: bytes


def _send(turn: Turn, key: str) -> Result:
    params = turn.params
    try:
        letter = _letter(params, key, turn.step.run.environment)
    except (Refused, OutgoingError) as error:
        return Failed(reason=f"nothing was sent: {error.message}")
    turn.lease.check()
    try:
        answer = request(
            params["method"],
            params["url"],
            headers=letter.headers,
            body=letter.body,
            timeout=params["within"],
            before_sending=None if params["method"] in READS else lambda: _note_sending(turn, key),
        )
    except OutgoingError as error:
        return _no_answer(turn, key, error)
    faults.point("http.answered")
    result = _judge(params, answer)
    if params["method"] in READS or isinstance(result, Again):
        return result
    if isinstance(result, Uncertain):
        return _lost(turn, key, result.known)
    return _note_answer(turn, key, answer, result)


def _letter(params: Params, key: str, environment: str) -> _Letter:
    headers = {"Accept": "application/json", **opened(params["headers"], to=params["url"]), KEY: key}
    headers["Breakglass-Environment"] = environment
    if params["body"] is None:
        return _Letter(headers, b"")
    body = json.dumps(opened(params["body"], to=params["url"]), ensure_ascii=False, separators=(",", ":")).encode()
    return _Letter({"Content-Type": "application/json", **headers}, body)


# --- what came of it


def _no_answer(turn: Turn, key: str, error: OutgoingError) -> Result:
    if not error.received:
        if turn.step.output.get("sending"):  # it was about to leave, and did not
            with turn.lease.commit():
                _keep(turn.step, sending=None)
        reason = f"nothing was sent: {error.message}"
        return Failed(reason=reason) if error.permanent else Again(reason=reason)
    if _repeatable(turn.params):
        return Failed(reason=error.message) if error.permanent else Again(reason=error.message)
    return _lost(turn, key, error.message)


def _judge(params: Params, answer: Answer) -> Finished | Failed | Again | Uncertain:
    """What the answer means: the values that were asked for, or why it is not the answer that was expected."""
    place, code = HttpStep.describe(params), {"code": str(answer.status)}
    if not expected(params, answer.status):
        said = f"{place} {unexpected(params, answer)}"
        if _repeatable(params):
            passing = answer.status in PASSING or params["method"] in READS
            return Again(reason=said) if passing else Failed(reason=said, output=code)
        if answer.status in UNCLEAR:
            return Uncertain(known=f"{said}, and that does not tell whether it acted")
        return Failed(reason=said, output=code)
    try:
        values = values_in(params, answer)
    except (OutgoingError, ValueError) as error:
        reason = f"{place} answered {answer.status}, but {error}"
        return Again(reason=reason) if params["method"] in READS else Failed(reason=reason, output=code)
    told = "".join(f", {name} is {as_text(value)}" for name, value in values.items() if name != "code")
    return Finished(proof=f"{place} answered {answer.status}{told}"[:1_000], output=values)


# --- what is written down, so that nothing is done twice


def _key(step: "StepRun") -> str:
    """The same key as long as nobody knows whether the last request was acted on, or it did what it should."""
    from ledger.models import Event

    last = Event.objects.filter(subject=step.subject, verb__startswith="request.").order_by("-pk").first()
    if last is not None and _is_past(step, last):
        last = None
    if last is not None and not (last.verb == "request.answered" and not (last.after or {}).get("expected")):
        return str((last.after or {})["key"])
    begun = f"{step.run.plan_hash}:{step.run.created_at.isoformat()}"
    return f"{step.subject}:{step.attempt}:{hashlib.sha256(begun.encode()).hexdigest()[:16]}"


def _is_past(step: "StepRun", request: "Event") -> bool:
    """It was sent before the step was asked to do it anew: a receiver must not take the next one for a repetition."""
    attempt = str((request.after or {})["key"]).removeprefix(f"{step.subject}:").partition(":")[0]
    return attempt.isdigit() and int(attempt) < step.since


def _note_sending(turn: Turn, key: str) -> None:
    """Committed when the connection stands and nothing has left yet."""
    from ledger import record

    step = turn.step
    with turn.lease.commit():
        _keep(step, sending={"key": key})
        after = {"key": key, "method": turn.params["method"], "url": turn.params["url"], "title": step.title}
        record("request.sending", actor=step.actor, scope=step.scope, subject=step.subject, after=after)
    faults.point("http.sending")


def _note_answer(turn: Turn, key: str, answer: Answer, result: Finished | Failed) -> Result:
    from ledger import record

    step = turn.step
    words = result.proof if isinstance(result, Finished) else result.reason
    written = {"done": isinstance(result, Finished), "words": words, "output": dict(result.output)}
    with turn.lease.commit():
        _keep(step, answered=written, sending=None)
        after = {
            "key": key,
            "status": answer.status,
            "expected": expected(turn.params, answer.status),
            "title": step.title,
        }
        record("request.answered", actor=step.actor, scope=step.scope, subject=step.subject, after=after)
    faults.point("http.noted")
    return result


def _lost(turn: Turn, key: str, why: str) -> Result:
    """Nobody can tell whether it was acted on. Sending it again is a person's decision, and carries the same key."""
    words = f"{HttpStep.describe(turn.params)} was sent with {KEY} {key}: {why}"
    return Uncertain(known=f"{words}. Look at the receiver: if it acted, skip this step; if not, retry it")


def _keep(step: "StepRun", **changes: Any) -> None:
    from runbooks.runs.models import StepRun

    step.output = {**step.output, **changes}
    StepRun.objects.filter(pk=step.pk).update(output=step.output)


def _as_written(answered: Mapping[str, Any]) -> Result:
    if answered["done"]:
        return Finished(proof=answered["words"], output=answered["output"])
    return Failed(reason=answered["words"], output=answered["output"])
