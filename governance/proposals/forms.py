"""Forms of proposals; the services judge, these only collect."""

from typing import Any

from django import forms

from governance.protocols.models import Contract
from governance.safes.models import Safe
from integrations.chain.abi import encode_call
from integrations.chain.abi_types import parse_abi
from ledger import Invalid

RAW = "raw"


class ProposeForm(forms.Form):
    """One call: a function of a registered contract, or raw calldata."""

    safe = forms.ModelChoiceField(Safe.objects.select_related("chain"), empty_label=None)
    title = forms.CharField(max_length=200, help_text="What it does, in a few words.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Why.")
    function = forms.ChoiceField(required=False, help_text="Of a registered contract; or raw calldata below.")
    arguments = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text='The function\'s arguments as a JSON list, numbers as text: ["3600", "0x…"]. Empty for none.',
    )
    to = forms.CharField(required=False, label="Target", help_text="For raw calldata: the address that is called.")
    calldata = forms.CharField(
        required=False, label="Calldata", help_text="For raw calldata: 0x and hexadecimal digits."
    )
    value = forms.CharField(required=False, initial="0", help_text="In wei.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[str, Any]] = [(RAW, "raw calldata")]
        for contract in Contract.objects.select_related("protocol"):
            functions = [one for one in parse_abi(contract.abi, "function") if not one.reads_only]
            choices.append(
                (
                    f"{contract.protocol.name}: {contract.name}",
                    [(f"{contract.pk}:{one.signature}", f"{contract.name}.{one.signature}") for one in functions],
                )
            )
        field = self.fields["function"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def call(self) -> dict[str, str]:
        """The call that was described, or Invalid at its field."""
        data = self.cleaned_data
        value = (data["value"] or "0").strip()
        if data["function"] in ("", RAW):
            return {"to": data["to"].strip(), "value": value, "data": data["calldata"].strip() or "0x"}
        number, _, signature = data["function"].partition(":")
        contract = Contract.objects.get(pk=number)
        try:
            encoded = encode_call(contract.abi, signature, _arguments(data["arguments"]))
        except Invalid as error:
            raise Invalid("arguments", f"{error.field}: {error.message}", error.hint) from None
        return {"to": contract.address, "value": value, "data": "0x" + encoded.hex()}


def _arguments(text: str) -> Any:
    import json

    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise Invalid("arguments", "This is not a JSON list.", '["3600", "0x…"]')
    return found


class SignatureForm(forms.Form):
    """A signature made elsewhere."""

    signature = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        label="Signature",
        help_text="65 bytes: 0x and 130 hexadecimal digits, over the safeTxHash above.",
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Why", help_text="It stays in the record.")


class WaiveForm(forms.Form):
    reason = forms.CharField(
        max_length=2_000,
        label="Why what blocks it does not stop it",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="A commander reads it and decides; it stays in the record.",
    )


FIELD_OF = {"calls.0.to": "to", "calls.0.data": "calldata", "calls.0.value": "value", "safe": "safe"}


def add_error(form: forms.Form, error: Invalid) -> None:
    """A service's error at the form's field, or above the form when it has none."""
    name = FIELD_OF.get(error.field, error.field)
    text = f"{error.message} Right would be: {error.hint}." if error.hint else error.message
    form.add_error(name if name in form.fields else None, text)
