"""`manage.py mail_sink`: the demo's SMTP server, on loopback."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.devnet import mail


class Command(BaseCommand):
    help = "Receive the demo's mail and keep it for /devnet/mail/."
    requires_system_checks = []  # of rooms, which it does without

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.DEVNET_ENABLED:
            raise CommandError("the mail sink belongs to the demo; in production mail goes to EMAIL_HOST")
        try:
            controller = mail.serve(settings.SMTP_SINK_PORT)
        except OSError as error:
            raise CommandError(
                f"port {settings.SMTP_SINK_PORT} cannot be listened on ({error.strerror}); SMTP_SINK_PORT moves it"
            ) from error
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        self.stdout.write(f"mail is kept from port {settings.SMTP_SINK_PORT}")
        stopping.wait()
        controller.stop()
