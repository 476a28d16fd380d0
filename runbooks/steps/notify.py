"""`notify`: tell an audience. What is said stands in the plan, word for word."""

from typing import TYPE_CHECKING

from pydantic import Field

from accounts.selectors import user_for_actor
from ledger.errors import Invalid, Refused
from runbooks.steps import STEPS, Asked, Failed, Finished, Params, Result, StepConfig, StepType, Turn, Waiting

if TYPE_CHECKING:
    from notify.messages.models import Message
    from runbooks.runs.models import Run


@STEPS.register("notify")
class Notify(StepType):
    """Send a message to an audience, through its channels."""

    label = "Tell people"
    icon = "message"

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
    def begin(cls, turn: Turn) -> Result:
        """Hand the message to the outbox, once by key; its deliveries are the outbox's work."""
        from notify.services import send

        step, params = turn.step, turn.params
        try:
            with turn.lease.commit():
                message = send(
                    audience=params["audience"],
                    template="plain",
                    context={"subject": params["subject"], "body": params["text"]},
                    scope=step.run.scope,
                    actor=step.run.created_by,  # who started the run asked for these words, and cannot approve them
                    key=step.key,
                    authority=_authority(step.run),
                )
        except (Invalid, Refused) as error:
            return Failed(reason=f"the message was refused: {error.message}")
        return _look(message, params["audience"])

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"to {params['audience']}: {params['subject']}"


def _authority(run: "Run") -> str:
    """The words stand in the plan: whoever approved its hash, or the commander who started it, let them out."""
    starter = user_for_actor(run.created_by)
    commanded = starter is not None and starter.has_level("commander")
    return f"plan:{run.plan_hash}" if run.needs_approval or commanded else ""


def _look(message: "Message", audience: str) -> Result:
    """Words that nobody approved yet wait for a commander other than the one who started the run."""
    output = {"message": message.pk}
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
