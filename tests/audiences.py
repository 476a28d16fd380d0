"""The audiences every installation has: they come with the tables, and tests that commit empty the tables."""

from importlib import import_module

from notify.audiences.services import add_audience
from notify.demo import load_outside

INSIDE = import_module("notify.migrations.0002_inside_audiences").INSIDE


def load_audiences(actor: str) -> None:
    for slug, name, level, purpose in INSIDE:
        add_audience(slug=slug, name=name, kind="inside", level=level, purpose=purpose, actor=actor)
    load_outside(actor)
