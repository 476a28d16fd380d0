"""The form that asks for a playbook's inputs, and what a step's own form sends."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict

from ledger.errors import Invalid, Refused
from runbooks.plans.context import PlanContext
from runbooks.playbooks.inputs import InputSpec
from runbooks.playbooks.schema import Playbook

if TYPE_CHECKING:
    from runbooks.runs.models import Run

PREFIX = "input-"
CODE = {"spellcheck": "false", "autocomplete": "off", "autocapitalize": "none"}
WRITTEN: dict[str, dict[str, str]] = {
    "address": {**CODE, "class": "mono"},
    "uint256": {**CODE, "inputmode": "numeric", "class": "mono"},
    "amount": {**CODE, "inputmode": "decimal", "class": "mono"},
    "duration": CODE,
}
FORMS_TOLD = {
    "address": "0x and 40 hex digits.",
    "uint256": "A whole number.",
    "duration": "Such as 30s, 5m or 2h.",
}


def answer_of(post: QueryDict) -> dict[str, Any]:
    """A step's form as `complete_step` takes it; the step's type judges what is in it."""
    answer: dict[str, Any] = {name: post[name] for name in ("evidence", "choice", "reason") if name in post}
    for name in ("items", "off"):
        if name in post:
            numbers = post.getlist(name)
            if not all(number.isascii() and number.isdigit() and len(number) < 4 for number in numbers):
                raise Invalid(name, "is not the number of an item", "reload the page and tick again")
            answer[name] = [int(number) for number in numbers]
    return answer


class InputsForm(forms.Form):
    """One field an input; contracts and Safes are chosen from what is registered, the likeliest first.

    The inputs' fields have a prefix of their own, so that no name that a playbook gives meets one of ours. Of the two
    buttons below them one is called `hold`: the run then stays a draft, to be rehearsed until somebody begins it.
    """

    def __init__(
        self, document: Playbook, context: PlanContext, *args: Any, given: dict[str, str] | None = None
    ) -> None:
        super().__init__(*args)
        self.names = list(document.inputs)
        for name, spec in document.inputs.items():
            field = _field(spec, context)
            field.label = spec.title or name.replace("_", " ").capitalize()
            field.help_text = _help(spec)
            if given and given.get(name):
                field.initial = given[name]
            self.fields[f"{PREFIX}{name}"] = field

    def answers(self) -> dict[str, Any]:
        return {name: self.cleaned_data[f"{PREFIX}{name}"] for name in self.names}

    def start(self, begin: "Callable[[dict[str, Any], bool], Run]") -> "Run | None":
        """Begin with the answers (and whether to hold it); what is wrong with one stands at its field."""
        if not self.is_valid():
            return None
        try:
            return begin(self.answers(), "hold" in self.data)
        except Invalid as error:
            name = PREFIX + error.field.removeprefix("inputs.")
            known = name in self.fields
            said = error.message if known else f"{error.field}: {error.message}"
            self.add_error(name if known else None, f"{said}. {error.hint}".strip() if error.hint else said)
        except Refused as error:
            self.add_error(None, error.message)
        return None


def _help(spec: InputSpec) -> str:
    """What the playbook says, and the form that the type wants."""
    if spec.type == "amount":
        return f"{spec.help} In {spec.unit}, with at most {spec.decimals} decimals.".strip()
    return f"{spec.help} {FORMS_TOLD.get(spec.type, '')}".strip()


def _field(spec: InputSpec, context: PlanContext) -> forms.Field:
    required = spec.default is None
    if spec.type == "contract":
        fitting = [item for item in context.contracts if not spec.role or item.role == spec.role]
        options = _offer([(item.address, item.name) for item in fitting])
        return forms.ChoiceField(choices=options, required=required, initial=spec.default)
    if spec.type == "safe":
        wanted = spec.label.lower()
        safes = sorted(context.safes, key=lambda item: (wanted not in item.label.lower(), item.label))
        options = _offer([(item.address, item.label) for item in safes])
        return forms.ChoiceField(choices=options, required=required, initial=spec.default)
    if spec.type == "choice":
        choices = [(word, word) for word in spec.choices]
        few = forms.RadioSelect if len(choices) <= 4 else forms.Select
        return forms.ChoiceField(choices=choices, required=required, initial=spec.default, widget=few)
    if spec.type == "text" and spec.max_length > 200:
        widget: forms.Widget = forms.Textarea(attrs={"rows": 3})
        return forms.CharField(max_length=spec.max_length, required=required, initial=spec.default, widget=widget)
    longest = spec.max_length if spec.type == "text" else 200
    widget = forms.TextInput(attrs=WRITTEN.get(spec.type, {}))
    return forms.CharField(max_length=longest, required=required, initial=spec.default, widget=widget)


def _offer(options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The name, and enough of the address to tell two of the same name apart."""
    return [(address, f"{name} · {address[:6]}…{address[-4:]}") for address, name in options]
