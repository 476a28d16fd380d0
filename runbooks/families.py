"""This room's closed family; its members are the files in `runbooks/steps`."""

from runbooks.steps import STEPS

__all__ = ["STEPS"]
