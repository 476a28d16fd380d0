"""The forms of this room's pages."""

from datetime import timedelta
from typing import Any

from allauth.account.forms import LoginForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature
from django import forms

from accounts.levels import MEANING, Level
from accounts.tokens.models import TokenScope

GRANTABLE = [(level.value, f"{level.label}: {MEANING[level]}") for level in Level if level is not Level.VIEWER]
LIVES = {
    "7": ("a week", timedelta(days=7)),
    "30": ("30 days", timedelta(days=30)),
    "90": ("90 days", timedelta(days=90)),
    "365": ("a year", timedelta(days=365)),
    "never": ("does not expire", None),
}


class PasswordLoginForm(LoginForm):  # type: ignore[misc]  # allauth is untyped
    """allauth's form, saying what is wanted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "Username or email"
        login.widget.attrs.update({"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"})
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class ProfileForm(forms.Form):
    name = forms.CharField(
        max_length=80, required=False, help_text="As others see you. Empty: your username.", label="Name"
    )


class GrantForm(forms.Form):
    level = forms.ChoiceField(choices=GRANTABLE, widget=forms.RadioSelect)
    reason = forms.CharField(required=False, max_length=500, help_text="Kept in the ledger.")


class InviteForm(forms.Form):
    email = forms.EmailField(label="Email address")
    levels = forms.MultipleChoiceField(
        choices=GRANTABLE,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Asked for in your name once they are in. Nothing chosen: a viewer.",
    )


class AcceptForm(forms.Form):
    username = forms.CharField(max_length=150, help_text="Letters, digits and @ . + - _")
    name = forms.CharField(max_length=80, required=False, help_text="As others see you.")
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), help_text="At least 12 characters."
    )


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=40,
        help_text="Small letters, digits and hyphens, such as ci-alerts. It is the actor's name in the ledger.",
    )
    scopes = forms.MultipleChoiceField(choices=TokenScope.choices, widget=forms.CheckboxSelectMultiple)
    life = forms.ChoiceField(
        choices=[(key, words) for key, (words, _) in LIVES.items()], initial="90", label="Valid for"
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


# What the libraries below raise for an answer that no device gives, and do not all catch.
NO_ANSWER = (TypeError, ValueError, LookupError, AttributeError, RecursionError, InvalidSignature)


class Answer(forms.JSONField):
    """What a device answers; so many brackets that nothing can read them are as wrong as any other nonsense."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial  # a device's answer counts once: it is not given back


class PasskeyForm(forms.Form):
    """Over allauth's forms that take a device's answer, also from people who are not signed in."""

    credential = Answer(widget=forms.HiddenInput)

    def clean(self) -> Any:
        try:
            return super().clean()
        except NO_ANSWER:
            raise get_adapter().validation_error("incorrect_code") from None


class ProvingForm(PasskeyForm):
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the form that it is put over
        except NO_ANSWER:
            raise get_adapter().validation_error("incorrect_code") from None


class AuthenticatePasskeyForm(ProvingForm, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth is untyped
    pass


class LoginPasskeyForm(ProvingForm, LoginWebAuthnForm):  # type: ignore[misc]  # as above
    pass


class ReauthenticatePasskeyForm(ProvingForm, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    pass


class AddPasskeyForm(PasskeyForm, AddWebAuthnForm):  # type: ignore[misc]  # allauth is untyped
    """allauth's form, with the box ticked: a key that signs in by itself is what is wanted here."""

    passwordless = forms.BooleanField(
        required=False,
        initial=True,
        label="Sign in with it alone",
        help_text="Asks the device for your finger, face or PIN. Without it the key is only a second factor.",
    )
