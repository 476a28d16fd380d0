"""Call people into the war room."""

from uuid import uuid4

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.people import must_see, named
from incidents.incidents.services import open_only
from incidents.incidents.telling import tell
from ledger.errors import Invalid, Refused
from ledger.text import prose
from notify.audiences.selectors import people_of
from notify.models import Audience

LONGEST_CALL = 2_000


def call(*, incident: Incident, whom: str, words: str, user: User) -> str:
    """One person (`@ben`) or an audience of this desk; who may not see a private incident is not called into it."""
    open_only(incident)
    text = prose("text", words, LONGEST_CALL, empty=True)
    if whom.startswith("@"):
        person = named(whom)
        must_see(incident, person)
        people, name = [person], person.display_name
    else:
        audience = _inside(whom)
        people, name = people_of(audience), audience.name
    body = f"{user.display_name} calls you into the war room.\n\n{text}".strip()
    subject = f"{user.display_name} calls you: {incident.title}"
    sent = tell(incident, key=f"call:{uuid4()}", subject=subject, body=body, users=people, actor=user.actor)
    if sent is None:
        raise Refused(f"Nobody of {name} can see this private incident.", "let them in first: /invite", "not-inside")
    return name


def _inside(slug: str) -> Audience:
    """Outside audiences hear what a commander approved, as messages, and are never called in here."""
    inside = Audience.objects.filter(kind=Audience.Kind.INSIDE)
    found = inside.filter(slug=slug.lower().replace("\x00", "")).first()
    if found is None:
        known = ", ".join(inside.order_by("slug").values_list("slug", flat=True))
        raise Invalid("audience", f"{slug[:40]!r} is nobody of this desk", f"@somebody, or one of: {known}")
    return found
