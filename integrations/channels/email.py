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

OURS = (530, 534, 535, 538)  # a login is wanted, also where the recipient is named: ours to mend
POLICY = "5.7."  # so is what a server says of us to whatever recipient, such as that it does not relay


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
            raise _refused(code, text, of_this_one=True) from error
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


def _refused(code: int, text: bytes | str, *, of_this_one: bool = False) -> Undelivered:
    """For good is only what the server says of this recipient. That it does not like our login, our sender or this
    mail's words says nothing of the address: to switch off every destination for it would silence the desk."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    ours = code in OURS or said.startswith(POLICY)
    permanent = of_this_one and 500 <= code < 600 and not ours
    return Undelivered(f"the mail server answered {code} {said}"[:300], permanent=permanent)
