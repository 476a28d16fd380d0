"""`notify`: tell an audience. What is said stands in the plan, word for word."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from accounts.selectors import user_for_actor
from ledger.errors import Invalid, Refused
from runbooks.steps import (
    STEPS,
    Asked,
    Failed,
    Finished,
    Output,
    Params,
    Rehearsed,
    Result,
    StepConfig,
    StepType,
    Turn,
    Waiting,
)

if TYPE_CHECKING:
    from notify.messages.models import Message
    from runbooks.rehearsals.stage import Rehearsing
    from runbooks.runs.models import Run


@STEPS.register("notify")
class Notify(StepType):
    """Send a message to an audience, through its channels."""

    label = "Tell people"
    icon = "message"
    acts = True

    class Config(StepConfig):
        audience: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
        subject: str = Field(min_length=3, max_length=150)
        text: str = Field(min_length=3, max_length=4_000)

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config, context = asked.config, asked.context
        if context.audiences and config.audience not in context.audiences:
            raise ValueError(f"there is no audience {config.audience}; there is {', '.join(sorted(context.audiences))}")
        return {"audience": config.audience, "subject": config.subject, "text": config.text}

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        return {"message": Output("uint256")}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Hand the message to the outbox, once by key; its deliveries are the outbox's work."""
        from notify.services import send
        from runbooks.runs.approvals import asker

        step, params = turn.step, turn.params
        environment = step.run.environment
        if environment != "live" and _is_outside(params["audience"]):
            return Finished(proof=f"not sent in a {environment}: {cls.describe(params)}")
        mark = "" if environment == "live" else f"[{environment}] "  # who reads only this line must not act on it
        try:
            with turn.lease.commit():
                message = send(
                    audience=params["audience"],
                    template="plain",
                    context={"subject": f"{mark}{params['subject']}", "body": params["text"]},
                    scope=step.run.scope,
                    actor=asker(step.run),  # who began the run asks for these words, and cannot approve them
                    key=step.key,
                    authority=_authority(step.run),
                )
        except (Invalid, Refused) as error:
            return Failed(reason=f"the message was refused: {error.message}")
        return _look(message, params["audience"])

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        return Rehearsed("outside", f"nothing was sent: {params['audience']} would be told “{params['subject']}”")

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"to {params['audience']}: {params['subject']}"


def _is_outside(slug: str) -> bool:
    """In an exercise nothing outside is moved, and people outside are told nothing; those inside are drilled too."""
    from notify.audiences.models import Audience

    return Audience.objects.filter(slug=slug, kind=Audience.Kind.OUTSIDE).exists()


def _authority(run: "Run") -> str:
    """The words stand in the plan: whoever approved its hash, or the commander who began the run, let them out.

    Not who held it as a draft: they left it to somebody else whether anything is said at all.
    """
    starter = user_for_actor(run.begun_by)
    commanded = starter is not None and starter.has_level("commander")
    return f"plan:{run.plan_hash}" if run.needs_approval or commanded else ""


def _look(message: "Message", audience: str) -> Result:
    """Words that nobody approved yet wait for a commander other than the one who began the run."""
    output = {"message": str(message.pk)}
    match message.status:
        case "awaiting_approval":
            reason = f"a commander must approve the words to {audience}"
            return Waiting(on=message.subject, reason=reason, output=output)
        case "rejected":
            return Failed(reason=f"the words to {audience} were not approved", output=output)
        case "failed":
            return Failed(reason=f"not every copy of the message to {audience} could be delivered", output=output)
        case _:
            return Finished(proof=f"message to {audience} handed over", output=output)
