"""A world with at least one of everything that the API knows by a number or a name, and who may call it."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens.services import create_token
from governance.exchange.services import set_service
from governance.protocols.models import Allowed, Contract, FailureMode, Power, Protocol
from incidents.inbound.services import create_key
from incidents.watch.services import save_monitor
from incidents.windows.services import open_window
from integrations.chain.models import Chain
from notify.audiences.services import add_destination
from notify.demo import LADDER
from notify.ladders.services import save_ladder
from notify.models import Audience
from notify.pages.services import page_by_hand
from notify.rotations.services import add_override, save_rotation
from runbooks.evidence.models import Evidence
from tests.audiences import load_audiences
from tests.people import browser_of, caller, person
from tests.private_world import OWNER, TARGET, PrivateWorld, private_world

CSRF = "c" * 32


class Whole:
    """`private` is what hangs on its incident; the rest is for every viewer. `callers` send these headers."""

    def __init__(self) -> None:
        load_audiences("system:test")
        self._clients: dict[int, APIClient] = {}
        self._answers: dict[tuple[int, str], Any] = {}
        self.private: PrivateWorld = private_world()
        self.admin = person("root", "admin", "commander")
        self.viewer = person("vera")
        self._protected(Chain.objects.get())
        self._on_call()
        self._senders()
        self.callers = {
            "admin's token": self._bearer(self.admin, "admin"),
            "admin's browser": self._browser(self.admin),
            "viewer's browser": self._browser(self.viewer),
            "reader's token": self._bearer(self.admin, "read"),
            "nobody": {},
        }

    def _protected(self, chain: Chain) -> None:
        actor = self.admin.actor
        protocol = Protocol.objects.create(slug="helix", name="Helix")
        vault = Contract.objects.create(protocol=protocol, chain=chain, address=OWNER, name="Vault", role="vault")
        pause = Power.objects.create(
            protocol=protocol, contract=vault, slug="pause", title="Pause", function="pause()", holder=TARGET
        )
        FailureMode.objects.create(
            protocol=protocol, slug="stale", title="Stale", category="oracle", likelihood=3, impact=4, power=pause
        )
        Allowed.objects.create(protocol=protocol, chain=chain, address=TARGET, label="Target", created_by=actor)
        save_monitor(slug="lag", name="Lag", kind="head_lag", config={}, chain=chain, actor=actor)
        set_service(chain=chain, url="https://service.example/tx", actor=actor)
        step = self.private.run.steps.get()
        Evidence.objects.create(
            step=step, name="a.txt", media_type="text/plain", size=1, sha256="0" * 64, content=b"x", created_by=actor
        )

    def _on_call(self) -> None:
        actor, now = self.admin.actor, timezone.now()
        turns = {"people": ["root"], "every": 1, "unit": "weeks", "starts": now.date(), "hand_over": "09:00"}
        rotation = save_rotation(slug="commanders", name="Commanders", zone="Etc/UTC", layers=[turns], actor=actor)
        add_override(rotation=rotation, user="root", since=now, until=now + timedelta(hours=1), actor=actor)
        save_ladder(slug="incidents", name="Incidents", climb=LADDER, actor=actor)
        page_by_hand(targets=["person:root"], title="Come", actor=actor, scope=self.private.incident.scope)

    def _senders(self) -> None:
        actor = self.admin.actor
        _, self.key = create_key(name="sender", actor=actor)
        open_window(title="Upgrade", ends_at=timezone.now() + timedelta(hours=1), pattern="x:*", actor=actor)
        audience = Audience.objects.get(slug="responders")
        add_destination(channel="webhook", config={"url": "https://hook.example/"}, audience=audience, actor=actor)

    def _bearer(self, user: User, scope: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {create_token(user=user, name=f'whole-{scope}', scopes=[scope], actor='x')[1]}"
        }

    def _browser(self, user: User) -> dict[str, str]:
        session = browser_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: CSRF}
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "X-CSRFToken": CSRF}

    def known(self, path: str, user: User | None = None) -> list[dict[str, Any]]:
        """What stands for the placeholders of a path of the schema: what the API's lists hold for an admin, or for
        somebody else. Each list is asked for once."""
        if path == "/api/v1/inbound/{key}/":
            return [{"key": self.key}]
        found: list[dict[str, Any]] = [{}]
        before = ""
        for part in path.strip("/").split("/"):
            if part.startswith("{"):
                listed = [(one, self._in(before.format(**one), part, user or self.admin)) for one in found]
                found = [{**one, part[1:-1]: value} for one, values in listed for value in values]
            before = f"{before}/{part}"
        return found

    def _in(self, listed: str, part: str, user: User) -> list[Any]:
        client = self._clients.setdefault(user.pk, caller(user))
        inner = listed.rpartition("/")[2]
        within = inner in ("steps", "overrides")  # listed within what they belong to
        address = listed.removesuffix(inner) if within else f"{listed}/"
        if (user.pk, address) not in self._answers:
            self._answers[user.pk, address] = client.get(address).json()
        rows = self._answers[user.pk, address].get(inner if within else "results", [])
        return [next(row[name] for name in (part[1:-1], "id", "slug") if name in row) for row in rows][:4]
