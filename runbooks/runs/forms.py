"""The form that asks for a playbook's inputs."""

from typing import Any

from django import forms

from runbooks.plans.context import PlanContext
from runbooks.playbooks.inputs import InputSpec
from runbooks.playbooks.schema import Playbook


class InputsForm(forms.Form):
    """One field an input; contracts and Safes are chosen from what is registered, the likeliest first."""

    def __init__(
        self, document: Playbook, context: PlanContext, *args: Any, given: dict[str, str] | None = None
    ) -> None:
        super().__init__(*args)
        self.names = list(document.inputs)
        for name, spec in document.inputs.items():
            field = _field(spec, context)
            field.label = spec.title or name.replace("_", " ").capitalize()
            field.help_text = spec.help
            if given and given.get(name):
                field.initial = given[name]
            self.fields[name] = field

    def answers(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.names}


def _field(spec: InputSpec, context: PlanContext) -> forms.Field:
    required = spec.default is None
    if spec.type == "contract":
        fitting = [item for item in context.contracts if not spec.role or item.role == spec.role]
        return forms.ChoiceField(choices=_offer([(item.address, item.name) for item in fitting]), required=required)
    if spec.type == "safe":
        wanted = spec.label.lower()
        safes = sorted(context.safes, key=lambda item: (wanted not in item.label.lower(), item.label))
        return forms.ChoiceField(choices=_offer([(item.address, item.label) for item in safes]), required=required)
    if spec.type == "choice":
        return forms.ChoiceField(choices=[(word, word) for word in spec.choices], initial=spec.default)
    if spec.type == "text" and spec.max_length > 200:
        return forms.CharField(
            max_length=spec.max_length,
            required=required,
            initial=spec.default,
            widget=forms.Textarea(attrs={"rows": 3}),
        )
    return forms.CharField(max_length=500, required=required, initial=spec.default)


def _offer(options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The name, and enough of the address to tell two of the same name apart."""
    return [(address, f"{name} · {address[:6]}…{address[-4:]}") for address, name in options]
