#!/usr/bin/env python
"""Breakglass's command line."""

import sys

from config.start import settings_or_exit


def main() -> None:
    if sys.argv[1:2] == ["up"]:
        # Without Django and the rooms: the supervisor starts at once, stays small, and outlives a room that is broken.
        from config.supervisor.main import main as up

        sys.exit(up(sys.argv[2:]))
    settings_or_exit()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
