"""Forms of proposals; the services judge, these only collect."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.utils import timezone

from governance.plans.schema import Call
from governance.proposals.builder_file import LARGEST, BuilderFile, read_file, spelled_out
from governance.proposals.building import read_calls
from governance.proposals.calling import refuse_value, writing_functions, written
from governance.protocols.models import Contract
from governance.safes.models import Safe
from integrations.chain.abi import find_function
from integrations.chain.abi_types import Function, Param
from integrations.chain.addresses import parse_hex, parse_uint
from ledger import Invalid

RAW = "raw"
LIMITS = {"": "none", "1": "an hour", "4": "four hours", "24": "a day", "72": "three days", "168": "a week"}
QUOTE = '"'  # only inside lists
CODE = {"spellcheck": "false", "autocomplete": "off"}


class WantedField(forms.CharField):
    """Wanted, unless something beside it says the same: whether it is missing is judged with the whole call."""

    def validate(self, value: Any) -> None:
        """Nothing to say yet."""


class ProposeForm(forms.Form):
    """What a proposal is for, the calls that it has so far, and one more call."""

    use_required_attribute = False

    safe = forms.ModelChoiceField(Safe.objects.select_related("chain"), empty_label=None)
    title = forms.CharField(max_length=200, help_text="What it does, in a few words.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Why.")
    nonce = forms.CharField(
        required=False,
        max_length=78,
        help_text="Empty: behind what is open. One that another proposal has: the owners decide which they sign.",
    )
    hours = forms.ChoiceField(
        required=False,
        choices=list(LIMITS.items()),
        label="Time limit",
        help_text="What is not executed by then is withdrawn by itself.",
    )
    auto_execute = forms.BooleanField(required=False, label="Execute by itself once there are enough signatures")
    calls = forms.CharField(required=False, widget=forms.HiddenInput)

    function = forms.ChoiceField(
        label="What is called",
        help_text="A function of a registered contract, or raw calldata.",
        widget=forms.Select(attrs={"hx-get": "/governance/proposals/new/call/", "hx-target": "#call-fields"}),
    )
    to = WantedField(label="Target", help_text="The address that is called.")
    value = forms.CharField(required=False, initial="0", help_text="In wei.")
    calldata = forms.CharField(
        required=False,
        label="Calldata",
        widget=forms.Textarea(attrs={"rows": 2, **CODE}),
        help_text="0x and hexadecimal digits.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["function"]
        field.required = False  # a batch may be complete without it
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(RAW, "raw calldata, or a transfer"), *_choices()]
        self.contract, self.method = _chosen(str(self["function"].value() or RAW))
        if self.method is not None:
            self.fields["calldata"].help_text = "Instead of the arguments, or to be compared with them."
            for number, param in enumerate(self.method.inputs):
                self.fields[f"argument-{number}"] = _argument_field(number, param)

    @property
    def about(self) -> list[forms.BoundField]:
        return [self[name] for name in ("safe", "title", "description", "nonce", "hours", "auto_execute")]

    @property
    def call_fields(self) -> list[forms.BoundField]:
        """What one call is described by; its calldata stand apart where a function has arguments."""
        if self.method is None:
            return [self["to"], self["value"], self["calldata"]]
        return [*self.argument_fields, *([self["value"]] if self.method.mutability == "payable" else [])]

    @property
    def argument_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("argument-")]

    @cached_property
    def earlier(self) -> list[Call]:
        """The calls that were added before, as the page itself sent them back."""
        text = str(self["calls"].value() or "")
        try:
            found = json.loads(text) if text else []
        except (ValueError, RecursionError):
            raise Invalid("calls", "The calls so far cannot be read.", "begin again") from None
        return read_calls(found) if found else []

    @property
    def says_a_call(self) -> bool:
        data = self.cleaned_data
        return bool(self.method or data.get("to", "").strip() or data.get("calldata", "").strip())

    def call(self) -> dict[str, str]:
        """The call that is described now, or Invalid at its field."""
        data = self.cleaned_data
        value = (data.get("value") or "0").strip()
        given = data.get("calldata", "").strip()
        if self.method is None or self.contract is None:
            if not data.get("to", "").strip():
                raise Invalid("to", "Which address is called?", "0x and 40 hexadecimal digits, or a function above")
            return {"to": data["to"].strip(), "value": value, "data": given or "0x"}
        if self.contract.chain_id != data["safe"].chain_id:
            where = f"{self.contract.name} is on {self.contract.chain.name}, the Safe on {data['safe'].chain.name}."
            raise Invalid("function", where, "a contract on the Safe's chain")
        refuse_value(self.method, parse_uint(value, "value"), "value")
        encoded = written(
            self.method,
            self._values(bool(given)),
            parse_hex(given, "calldata") if given else None,
            place=lambda number: f"argument-{number}",
            data_field="calldata",
        )
        return {"to": self.contract.address, "value": value, "data": "0x" + encoded.hex()}

    def _values(self, has_data: bool) -> list[Any] | None:
        """None: only calldata were given."""
        assert self.method is not None
        texts = [self.cleaned_data.get(f"argument-{number}", "") for number in range(len(self.method.inputs))]
        if has_data and not any(texts):
            return None
        return [
            spelled_out(text if one.type == "string" else text.strip(), one, f"argument-{number}")
            for number, (text, one) in enumerate(zip(texts, self.method.inputs, strict=True))
        ]

    def terms(self) -> dict[str, Any]:
        """Everything but the calls, for the service."""
        data = self.cleaned_data
        nonce, hours = data["nonce"].strip(), data["hours"]
        return {
            "safe": data["safe"],
            "title": data["title"],
            "description": data["description"],
            "auto_execute": data["auto_execute"],
            "nonce": parse_uint(nonce, "nonce") if nonce else None,
            "expires_at": timezone.now() + timedelta(hours=int(hours)) if hours else None,
        }


def _choices() -> list[tuple[str, Any]]:
    return [
        (
            f"{contract.protocol.name}: {contract.name}",
            [(f"{contract.pk}:{one.signature}", f"{contract.name}.{one.signature}") for one in functions],
        )
        for contract in Contract.objects.select_related("protocol")
        if (functions := writing_functions(contract))
    ]


def is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits


def _chosen(value: str) -> tuple[Contract | None, Function | None]:
    number, _, signature = value.partition(":")
    contract = Contract.objects.select_related("chain").filter(pk=number).first() if is_number(number, 18) else None
    if contract is None:
        return None, None
    try:
        return contract, find_function(contract.abi, signature)
    except Invalid:
        return None, None


def _argument_field(number: int, param: Param) -> forms.CharField:
    compound = "[" in param.type or param.type.startswith("tuple")
    long = compound or param.type in ("bytes", "string")
    return WantedField(
        strip=False,
        max_length=200_000,
        label=f"{param.name or f'argument {number + 1}'}",
        widget=forms.Textarea(attrs={"rows": 2, **CODE}) if long else forms.TextInput(attrs=CODE),
        help_text=f"{spelled(param)}, such as {example(param).strip(QUOTE)}",
    )


def spelled(param: Param) -> str:
    """The type, with the names of what is in it."""
    if not param.type.startswith("tuple"):
        return param.canonical
    inner = ", ".join(f"{spelled(one)} {one.name}".strip() for one in param.components)
    return f"({inner}){param.type[5:]}"


def example(param: Param) -> str:
    """How a value of the type is written."""
    head, bracket, _ = param.type.rpartition("[")
    if bracket:
        return f"[{example(Param(param.name, head, param.components))}, …]"
    if param.type == "tuple":
        return "[" + ", ".join(example(one) for one in param.components) + "]"
    if "int" in param.type:
        return "3600"
    return {"address": '"0x…40 digits"', "bool": "true", "string": '"text"'}.get(param.type, '"0x…"')


class BuilderFileForm(forms.Form):
    """A file of Safe's Transaction Builder, uploaded or pasted."""

    safe = forms.ModelChoiceField(Safe.objects.select_related("chain"), empty_label=None)
    file = forms.FileField(required=False, max_length=200, help_text="The .json that the Transaction Builder saved.")
    text = forms.CharField(
        required=False,
        label="Or its text",
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"rows": 6, **CODE}),
        help_text="It begins with { and has a list of transactions.",
    )

    def read(self) -> BuilderFile:
        given, text = self.cleaned_data["file"], self.cleaned_data["text"]
        if bool(given) == bool(text):
            raise Invalid("text", "Give the file, or its text.", "one of the two")
        if given and given.size > LARGEST:
            raise Invalid("file", "This file is too large.", f"at most {LARGEST:,} bytes")
        try:
            return read_file(given.read() if given else text, chain=self.cleaned_data["safe"].chain)
        except Invalid as error:
            place = f"{error.field}: " if error.field else ""
            raise Invalid("file" if given else "text", place + error.message, error.hint) from None


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


CALL_FIELDS = {"to": "to", "data": "calldata", "value": "value"}
FIELD_OF: Mapping[str, str] = {"safe": "safe", "expires_at": "hours"}


def add_error(form: forms.Form, error: Invalid) -> None:
    """A service's error at the form's field, or above the form when it has none."""
    text = f"{error.message} Right would be: {error.hint}." if error.hint else error.message
    name, place = FIELD_OF.get(error.field, error.field), ""
    if isinstance(form, ProposeForm):
        name, place = _place_of(form, name)
    form.add_error(name if name in form.fields and name != "calls" else None, place + text)


def _place_of(form: ProposeForm, name: str) -> tuple[str, str]:
    """`argument-1[0].to` stands at `argument-1`; `calls.2.to` at the last call's field, or above with its number."""
    if name.startswith("argument-"):
        number = name.removeprefix("argument-").split("[")[0].split(".")[0]
        inside = name.removeprefix(f"argument-{number}")
        return f"argument-{number}", f"{inside.lstrip('.')}: " if inside else ""
    parts = name.split(".")
    if parts[0] != "calls" or len(parts) < 3:
        return name, ""
    try:
        is_last = int(parts[1]) == len(form.earlier)
    except Invalid:
        is_last = False
    return (CALL_FIELDS.get(parts[2], ""), "") if is_last else ("", f"Call {int(parts[1]) + 1}: ")
