"""Named secrets: set by admins, opened where they are used, shown to nobody, in no event and no log."""

import base64
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from integrations.sealing import SealBroken
from integrations.secrets.models import Secret
from integrations.secrets.scrubbing import DOTS, scrub, scrub_all
from integrations.secrets.services import NoSecret, NotThere, open_secret, remove_secret, set_secret
from ledger.errors import Invalid
from ledger.models import Event
from tests.people import person

pytestmark = pytest.mark.django_db
HOST = "api.example.com"
THERE = f"https://{HOST}/pages"
VALUE = 'Bearer sk-"a/b+c"=0123456789<&>'


def everything() -> str:
    return str([vars(row) for row in (*Secret.objects.all(), *Event.objects.all())])


def test_set_open_set_anew_remove() -> None:
    set_secret(name="pager", value=VALUE, actor="user:1", note="pages people", hosts=[HOST])
    assert open_secret("pager", to=THERE) == VALUE
    assert Secret.objects.get().used_at is not None
    again = set_secret(name="pager", value="another-value", actor="user:2")
    assert (again.number, again.note, again.set_by, again.used_at) == (2, "pages people", "user:2", None)
    assert open_secret("pager", to=THERE) == "another-value"
    assert VALUE not in everything() and "another-value" not in everything()
    set_events = Event.objects.filter(verb="secret.set").order_by("pk")
    assert [event.after["number"] for event in set_events if event.after] == [1, 2]
    remove_secret(name="pager", actor="user:1")
    with pytest.raises(NoSecret):
        open_secret("pager", to=THERE)
    with pytest.raises(NoSecret):
        remove_secret(name="pager", actor="user:1")
    assert Event.objects.filter(verb="secret.removed").count() == 1


def test_a_sealed_value_opens_under_its_own_name_only() -> None:
    one = set_secret(name="one", value="value-of-one", actor="user:1")
    two = set_secret(name="two", value="value-of-two", actor="user:1", hosts=[HOST])
    Secret.objects.filter(pk=two.pk).update(sealed=one.sealed)
    with pytest.raises(SealBroken):
        open_secret("two", to=THERE)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("Pager", "0123456789", "name"),
        ("1pager", "0123456789", "name"),
        ("pager-key", "0123456789", "name"),
        ("p" * 62, "0123456789", "name"),
        ("", "0123456789", "name"),
        ("pager", "short", "value"),
        ("pager", "x" * 4_001, "value"),
        ("pager", "two\nlines-of-text", "value"),
        ("pager", "nul\x00nul-nul", "value"),
    ],
)
def test_bad_input_says_which_field_and_changes_nothing(name: str, value: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        set_secret(name=name, value=value, actor="user:1")
    assert caught.value.field == field and "0123456789" not in str(caught.value)
    assert not Secret.objects.exists() and not Event.objects.filter(verb__startswith="secret.").exists()


def test_every_spelling_of_an_opened_value_is_scrubbed() -> None:
    set_secret(name="pager", value=VALUE, actor="user:1", hosts=[HOST])
    open_secret("pager", to=THERE)
    key = VALUE.removeprefix("Bearer ")
    for form in (
        VALUE,
        key,
        json.dumps(VALUE),
        quote(key),
        quote(key, safe=""),
        base64.b64encode(key.encode()).decode(),
        base64.b64encode(VALUE.encode()).decode(),
        repr(key),
        key.encode().hex(),
    ):
        said = scrub(f"before {form} after")
        assert key not in said and DOTS in said and said.startswith("before ") and said.endswith(" after")
    assert scrub_all({"a": [VALUE, 5, {VALUE: True}]}) == {"a": [DOTS, 5, {DOTS: True}]}
    assert scrub("nothing of it") == "nothing of it"


def test_the_command_reads_the_value_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from-a-file-0123\n"))
    call_command("secret", "set", "pager", "--note", "pages people", "--host", HOST, "--host", "b.example:8443")
    assert open_secret("pager", to=THERE) == "from-a-file-0123"
    call_command("secret", "list")
    said = capsys.readouterr().out
    assert "pager is set (1. value). It may be sent to api.example.com, b.example:8443." in said
    assert "for api.example.com, b.example:8443" in said and "pages people" in said and "from-a-file" not in said
    monkeypatch.setattr("sys.stdin", io.StringIO("short"))
    with pytest.raises(CommandError, match="too short"):
        call_command("secret", "set", "pager")
    call_command("secret", "remove", "pager")
    with pytest.raises(CommandError, match="no secret called pager"):
        call_command("secret", "remove", "pager")


def test_admins_set_them_in_the_page_and_nobody_sees_them(client: Client) -> None:
    client.force_login(person("ana", "admin", "commander"))
    page = reverse("integrations:secrets")
    given = {"name": "pager", "note": "pages people", "value": "  spaced value  ", "hosts": f"{HOST}, b.example"}
    assert client.post(reverse("integrations:set-secret"), given).status_code == 302
    assert open_secret("pager", to=THERE) == "  spaced value  "
    shown = client.get(page).content.decode()
    assert "pages people" in shown and "api.example.com, b.example" in shown and "spaced" not in shown
    refused = client.post(reverse("integrations:set-secret"), {**given, "name": "Pager", "value": "typed-by-mistake"})
    assert refused.status_code == 422 and "typed-by-mistake" not in refused.content.decode()
    for hosts in ("", "https://api.example.com/", "*.example.com"):
        refused = client.post(reverse("integrations:set-secret"), {**given, "hosts": hosts})
        assert refused.status_code == 422 and Secret.objects.get().hosts == [HOST, "b.example"]
    assert f'value="{HOST}, b.example"' in client.get(page, {"name": "pager"}).content.decode()
    assert 'value="pager"' in client.get(page, {"name": "pager"}).content.decode()
    client.force_login(person("val", "viewer"))
    seen = client.get(page).content.decode()
    assert "pager" in seen and "Set it" not in seen
    assert client.post(reverse("integrations:set-secret"), given).status_code == 403
    assert client.post(reverse("integrations:remove-secret", args=["pager"])).status_code == 403
    client.force_login(person("bea", "admin"))
    assert client.post(reverse("integrations:remove-secret", args=["pager"])).status_code == 302
    assert not Secret.objects.exists()


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/api.example.com",
        "https://evil.example/?https://api.example.com/",
        "https://api.example.com.evil.example/",
        "https://evil.example?@api.example.com/",
        "https://evil.example#@api.example.com/",
        "https://sub.api.example.com/",
        "https://api.example.com:8443/",
        "https://b.example/",
    ],
)
def test_a_secret_is_opened_for_its_hosts_only(to: str) -> None:
    set_secret(name="pager", value=VALUE, actor="user:1", hosts=["API.example.com.", "b.example:8443", HOST])
    for place in (THERE, "https://API.example.com:443", "https://b.example:8443/x"):
        assert open_secret("pager", to=place) == VALUE
    with pytest.raises(NotThere, match=r"may not be sent to .*, only to api\.example\.com, b\.example:8443"):
        open_secret("pager", to=to)


def test_without_hosts_it_goes_nowhere_and_other_hosts_take_the_value_anew() -> None:
    set_secret(name="pager", value=VALUE, actor="user:1")
    with pytest.raises(NotThere, match="may be sent nowhere yet: an admin sets it anew"):
        open_secret("pager", to=THERE)
    assert Secret.objects.get().used_at is None
    set_secret(name="pager", value=VALUE, actor="user:1", hosts=[HOST])
    assert set_secret(name="pager", value="another-value", actor="user:1").hosts == [HOST]
    told = [event.after["hosts"] for event in Event.objects.filter(verb="secret.set").order_by("pk") if event.after]
    assert told == [[], [HOST], [HOST]]


@pytest.mark.parametrize(
    "host", ["", "a b", "https://a.example", "a.example/", "u@a.example", "*.example", "a:x", "a%b"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(Invalid) as caught:
        set_secret(name="pager", value=VALUE, actor="user:1", hosts=[HOST, host])
    assert caught.value.field == "hosts" and not Secret.objects.exists()
