"""What an admin fills in."""

from django import forms

from integrations.secrets.services import LONGEST


class SecretForm(forms.Form):
    """The value travels one way: it is never put back into the form."""

    name = forms.CharField(max_length=61, help_text="How playbooks name it: pager_key for ${{ secrets.pager_key }}.")
    note = forms.CharField(max_length=200, required=False, label="What it is for", help_text="Everybody sees this.")
    hosts = forms.CharField(
        max_length=2_000,
        label="Where it may be sent",
        help_text="Hosts, such as api.example.com or hooks.example.com:8443. It is sent nowhere else.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    value = forms.CharField(
        max_length=LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The whole value as it is sent, such as “Bearer …”. It is sealed, and never shown again.",
    )
