"""This room's closed family; its members are the files in `incidents/monitors`."""

from incidents.monitors import MONITORS

__all__ = ["MONITORS"]
