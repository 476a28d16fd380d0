"""Public pages: ask to be told, confirm it, end it. A link alone changes nothing; the button behind it does."""

from allauth.core.ratelimit import consume
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.answers import at_field, sentence
from ledger import Invalid, Refused
from notify.subscribers import services


class SubscribeForm(forms.Form):
    """Where to, and by which way."""

    channel = forms.ChoiceField(label="By", widget=forms.RadioSelect, initial="email")
    address = forms.CharField(
        label="Address", max_length=500, help_text="A mail address, or for a webhook its https:// URL."
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # as a form takes them
        self.fields["channel"].choices = services.channels()  # type: ignore[attr-defined]  # of a ChoiceField


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    form = SubscribeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and not consume(request, action="status_subscribe"):
        return _page(request, form, many=True, status=429)
    if request.method == "POST" and form.is_valid():
        try:
            services.ask(channel=form.cleaned_data["channel"], address=form.cleaned_data["address"])
            return _page(request, form, asked=True)
        except Invalid as error:
            form.add_error("address", sentence(error))
        except Refused as error:
            at_field(form, error)
    return _page(request, form, status=400 if form.errors else 200)


def _page(request: HttpRequest, form: SubscribeForm, status: int = 200, **known: bool) -> HttpResponse:
    context = {"form": form, "open": services.audience() is not None, **known}
    return render(request, "notify/subscribers/subscribe.html", context, status=status)


@csrf_exempt  # the link is the only authority: nothing of the browser's is used
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    return _behind_link(request, token, "confirm")


@csrf_exempt  # as above; mail programs post here by themselves when their reader presses “unsubscribe”
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    return _behind_link(request, token, "leave")


def _behind_link(request: HttpRequest, token: str, what: str) -> HttpResponse:
    context: dict[str, object] = {}
    if not consume(request, action="status_link"):
        return render(request, "notify/subscribers/gone.html", {"many": True}, status=429)
    try:
        if request.method != "POST":
            services.find_asked(token) if what == "confirm" else services.find_leaving(token)
        elif what == "confirm":
            _, config = services.confirm(token)
            key = getattr(config, "key", None)
            context = {"done": True, "key": key.get_secret_value() if key else ""}
        else:
            services.leave(token)
            context = {"done": True}
    except Refused as error:
        return render(request, "notify/subscribers/gone.html", {"why": error}, status=410)
    return render(request, f"notify/subscribers/{what}.html", context)
