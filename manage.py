#!/usr/bin/env python
"""Breakglass's command line."""

import sys

from config.headroom import with_headroom
from config.start import run_without_rooms, settings_or_exit, uses_no_room


def main() -> None:
    if sys.argv[1:2] == ["up"]:
        # Without Django and the rooms: the supervisor starts at once, stays small, and outlives a room that is broken.
        from config.supervisor.main import main as up

        sys.exit(up(sys.argv[2:]))
    settings_or_exit()
    if uses_no_room(sys.argv):
        run_without_rooms(sys.argv)
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    with_headroom(main)
