"""The last thing `manage.py up` says once everything runs."""

from collections.abc import Mapping

from config.supervisor.plan import Options

LOGINS = (
    ("ana", "incident commander and administrator"),
    ("ben", "incident commander"),
    ("carol, dan, erin", "responders; each owns a key of the guardian Safe"),
    ("frank", "auditor"),
    ("val", "viewer"),
)
PASSWORD = "breakglass-demo"


def banner(options: Options, env: Mapping[str, str], seconds: float, failed: list[str]) -> str:
    if options.production or options.only:
        return f"\nBreakglass is up after {seconds:.1f} s. Ctrl-C stops it.\n"
    lines = ["", "-" * 78, f"Breakglass is ready after {seconds:.1f} s:  {env['PUBLIC_URL']}", ""]
    lines += [f"Demo logins (password {PASSWORD}):"]
    lines += [f"  {name:<18}{what}" for name, what in LOGINS]
    lines += [
        "",
        "Try first: log in as ana, then in another shell",
        "  .venv/bin/python manage.py devnet fault stale-feed",
        "and watch the front page. Ctrl-C stops everything; what happened is kept in",
        f"  {options.state_dir}",
    ]
    lines += [f"Note: {name} failed; its output is above." for name in failed]
    return "\n".join([*lines, "-" * 78, ""])
