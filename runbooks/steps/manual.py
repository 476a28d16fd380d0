"""`manual`: a person does something outside and shows what they saw: words, a link, or a file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ledger.errors import Invalid
from runbooks.steps import STEPS, Asked, Finished, Heard, Output, Params, Result, StepConfig, StepType, Turn, Waiting

if TYPE_CHECKING:
    from runbooks.evidence.models import Evidence
    from runbooks.runs.models import StepRun

LONGEST = 4_000


@STEPS.register("manual")
class Manual(StepType):
    """A person acts outside Breakglass and shows what they saw; nothing goes on until they have."""

    label = "Do by hand"
    icon = "hand"
    person = True
    hears = ("evidence", "file")

    class Config(StepConfig):
        instruction: str = Field(min_length=3, max_length=2_000)
        evidence: Literal["none", "text", "link", "file"] = "text"

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        return {"instruction": asked.config.instruction, "evidence": asked.config.evidence}

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"evidence": Output("text", max_length=LONGEST)}

    @classmethod
    def at_once(cls, params: Params) -> bool:
        return True

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Finished once `runs.services.complete_step` has stored what the person saw."""
        answer = turn.step.answer
        if answer is None:
            return Waiting(on=turn.step.subject, reason="somebody does this and says what they saw")
        said = str(answer.get("evidence", ""))
        name = str(answer.get("name", ""))
        proof = " · ".join(part for part in (name, said) if part)
        return Finished(proof=proof or "done by hand", output=answer)

    @classmethod
    def hear(cls, step: "StepRun", params: Params, given: Mapping[str, Any], actor: str) -> Heard:
        wanted = params["evidence"]
        text = _text(given.get("evidence", ""))
        if wanted == "file":
            file = _file(step, given.get("file"))
            told = {"evidence": text, "file": file.pk, "name": file.name, "sha256": file.sha256}
        else:
            if given.get("file") is not None:
                raise Invalid("file", "is not asked for here", f"this step asks for: {wanted}")
            if wanted != "none" and not text:
                raise Invalid("evidence", "is empty", "write what you saw, so that the others need not ask")
            if wanted == "link" and not _is_link(text):
                raise Invalid("evidence", "is not a link", "an address that begins with https://")
            told = {"evidence": text}
        return Heard(answer={"actor": actor, **told}, told=told)

    @classmethod
    def describe(cls, params: Params) -> str:
        return str(params["instruction"])


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise Invalid("evidence", "is not a text", "write what you saw")
    text = given.strip()
    if "\x00" in text:
        raise Invalid("evidence", "holds a character that cannot be kept", "plain text")
    if len(text) > LONGEST:
        raise Invalid("evidence", "is too long", "at most 4,000 characters")
    return text


def _is_link(text: str) -> bool:
    return text.startswith(("https://", "http://")) and not any(sign.isspace() for sign in text)


def _file(step: "StepRun", number: Any) -> "Evidence":
    """The evidence that was handed in for this very step."""
    from runbooks.evidence.models import Evidence

    if number is None:
        raise Invalid("file", "is missing", "hand in a file of at most 5 MB")
    known = isinstance(number, int) and not isinstance(number, bool)
    found = Evidence.objects.defer("content").filter(pk=number, step=step).first() if known else None
    if found is None:
        raise Invalid("file", "is not evidence of this step", "the id that handing it in gave")
    return found
