"""The forms of this room's pages."""

from datetime import timedelta
from typing import Any

from allauth.account.forms import LoginForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
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


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth is untyped
    """allauth's form, with the box ticked: a key that signs in by itself is what is wanted here."""

    passwordless = forms.BooleanField(
        required=False,
        initial=True,
        label="Sign in with it alone",
        help_text="Asks the device for your finger, face or PIN. Without it the key is only a second factor.",
    )
