"""Faults that lie between us and a node: rules for a fault-injecting proxy that is running."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from integrations.devnet.proxy.rules import Rule
from integrations.families import Config as BaseConfig
from ledger.errors import Invalid


class ProxiedConfig(BaseConfig):
    """Which proxy: one that `manage.py devnet proxy` runs, and that is an endpoint of the chain."""

    proxy: str = Field(pattern=r"^http://(127\.0\.0\.1|localhost):\d+/?$")


def tell(proxy: str, rule: Rule | None) -> None:
    """Add a rule, or forget all of them."""
    parts = urlsplit(proxy)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    body: Any = None if rule is None else rule.model_dump_json()
    try:
        connection.request("DELETE" if rule is None else "POST", "/_control/faults", body)
        answer = connection.getresponse()
        said = answer.read()
    except OSError as error:
        raise Invalid("config.proxy", "no proxy answers there", "run `manage.py devnet proxy` first") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise Invalid("config.proxy", f"the proxy refused the rule: {json.loads(said)}"[:300])
