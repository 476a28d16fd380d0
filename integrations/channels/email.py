"""Mail over SMTP, through the server of the settings."""

import smtplib
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from pydantic import field_validator

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, Undelivered


@CHANNELS.register("email")
class Email(Channel):
    """Plain text to one address. A repetition after a lost answer carries the same Message-ID."""

    label = "Email"
    icon = "mail"
    pause, burst, bundle = 10.0, 5, 50
    knows_repeats = True

    class Config(families.Config):
        """One address; lists have several destinations, so that each failure names its own."""

        address: str

        @field_validator("address")
        @classmethod
        def is_an_address(cls, value: str) -> str:
            try:
                validate_email(value)
            except ValidationError:
                raise ValueError("is not a mail address, such as name@example.org") from None
            return value

    @classmethod
    def address(cls, config: Any) -> str:
        return str(config.address)

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2] or "localhost"
        message_id = f"<{envelope.token}@{domain}>"
        body = f"{envelope.body}\n\n{envelope.link}\n" if envelope.link else f"{envelope.body}\n"
        message = EmailMessage(
            subject=" ".join(envelope.subject.split()),
            body=body,
            to=[config.address],
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated", **_leaving(envelope)},
        )
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _refused(code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Undelivered(f"the mail server does not answer: {type(error).__name__}", permanent=False) from error
        return message_id


def _leaving(envelope: Envelope) -> dict[str, str]:
    """One press in the reader's own program (RFC 8058)."""
    if not envelope.leave:
        return {}
    return {"List-Unsubscribe": f"<{envelope.leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _refused(code: int, text: bytes | str) -> Undelivered:
    """A 5xx answer to this mail is for good; but a server that wants a login may be mended by its operator."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    permanent = 500 <= code < 600 and code not in (530, 534, 535, 538)
    return Undelivered(f"the mail server answered {code} {said}"[:300], permanent=permanent)
