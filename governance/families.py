"""The families that start in this room: imported once all apps are there, so that their members can be found."""

from governance.findings import FINDINGS

__all__ = ["FINDINGS"]
