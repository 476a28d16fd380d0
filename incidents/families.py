"""Closed families used here: monitors (files in `incidents/monitors`), inbound formats (`integrations/inbound`)."""

from incidents.monitors import MONITORS
from integrations.inbound import INBOUND

__all__ = ["INBOUND", "MONITORS"]
