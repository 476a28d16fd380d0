"""Forms of protocols; the services judge, these only collect."""

from typing import Any

from django import forms

from governance.protocols.models import Contract, Protocol
from governance.protocols.pinned import functions_of
from integrations.chain.models import Chain

CODE = {"spellcheck": "false", "autocomplete": "off"}
RECEIVES = "receives"


class ProtocolForm(forms.Form):
    name = forms.CharField(max_length=120)
    slug = forms.CharField(max_length=60, help_text="For addresses and playbooks, such as helix. It stays for good.")
    description = forms.CharField(
        required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="What it is."
    )


class ChangeContractForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="How signers see it.")
    role = forms.ChoiceField(choices=Contract.Role.choices)
    abi = forms.CharField(
        label="ABI",
        max_length=400_000,
        widget=forms.Textarea(attrs={"rows": 6, **CODE}),
        help_text="JSON: the ABI, or a compiler's artifact that holds it. Calls are put into words by it, "
        "so take it from the source that you trust, not from an explorer.",
    )
    pin_code = forms.BooleanField(
        required=False,
        label="Pin the code that stands there now",
        help_text="Only when the contract was replaced on purpose: other code than the pinned one blocks signing.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["abi"].required = False
        self.fields["abi"].help_text = "Empty: the pinned one stays. " + str(self.fields["abi"].help_text)


class ContractForm(forms.Form):
    chain = forms.ModelChoiceField(Chain.objects.all(), empty_label=None)
    address = forms.CharField(max_length=42, help_text="With its checksum.", widget=forms.TextInput(attrs=CODE))
    name = ChangeContractForm.base_fields["name"]
    role = ChangeContractForm.base_fields["role"]
    abi = ChangeContractForm.base_fields["abi"]


class AllowFunctionsForm(forms.Form):
    """What of a registered contract is let through: the functions of its pinned ABI that change something."""

    functions = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Let the Safes call")

    def __init__(self, protocol: Protocol, contract: Contract, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        there = set(protocol.allowed.filter(chain=contract.chain, address=contract.address).values_list("function"))
        writing = [one.signature for one in functions_of(contract).values() if not one.reads_only]
        choices = [(one, one) for one in sorted(writing) if (one,) not in there]
        choices += [] if ("",) in there else [(RECEIVES, "may receive value and tokens")]
        field = self.fields["functions"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = choices

    @property
    def chosen(self) -> tuple[str, ...]:
        return tuple("" if one == RECEIVES else one for one in self.cleaned_data["functions"])


class AllowAddressForm(forms.Form):
    """Somebody who is not registered: who may receive, or a function that is known by its signature alone."""

    chain = forms.ModelChoiceField(Chain.objects.all(), empty_label=None)
    address = forms.CharField(max_length=42, help_text="With its checksum.", widget=forms.TextInput(attrs=CODE))
    label = forms.CharField(max_length=80, required=False, help_text="Who or what it is, as signers will see it.")
    function = forms.CharField(
        max_length=300,
        required=False,
        help_text="Its signature, such as claim(uint256). Empty: value and tokens may go there.",
        widget=forms.TextInput(attrs=CODE),
    )

    @property
    def chosen(self) -> tuple[str, ...]:
        return (self.cleaned_data["function"],)
