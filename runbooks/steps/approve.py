"""`approve`: N people of a role agree to go on, by the plan's hash; never the one who started the run."""

from typing import Literal

from pydantic import Field

from runbooks.steps import STEPS, Asked, Failed, Finished, Params, Result, StepConfig, StepType, Turn, Waiting, Whole


@STEPS.register("approve")
class Approve(StepType):
    """Ask people whether to go on: required many of a role, by the plan's hash."""

    label = "Approve"
    icon = "check"
    person = True

    class Config(StepConfig):
        question: str = Field(min_length=3, max_length=500)
        required: Whole = Field(default=1, ge=1, le=9)
        role: Literal["responder", "commander", "admin"] = "commander"
        needs: Literal["none", "wallet", "passkey"] = "none"

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config = asked.config
        return {
            "question": config.question,
            "required": config.required,
            "role": config.role,
            "needs": config.needs,
        }

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        from accounts.approvals.selectors import is_valid
        from runbooks.runs.approvals import step_approval

        params = turn.params
        approval = step_approval(turn)
        if approval.status == "refused":
            return Failed(reason="the approval was refused")
        output = {"approval": approval.pk, "hash": approval.subject_hash}
        if is_valid(approval):
            return Finished(proof=f"approved by {params['required']} of role {params['role']}", output=output)
        reason = f"{params['required']} of role {params['role']} must approve"
        return Waiting(on=f"approval:{approval.pk}", reason=reason)

    @classmethod
    def describe(cls, params: Params) -> str:
        return str(params["question"])
