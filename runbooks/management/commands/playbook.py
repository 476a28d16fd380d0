"""`manage.py playbook lint FILE… | plan SLUG --input name=value | export SLUG`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger import Invalid
from runbooks.playbooks.lint import lint
from runbooks.playbooks.reader import MAX_BYTES
from runbooks.playbooks.schema import json_schema


class Command(BaseCommand):
    help = "Check, compile and export playbooks."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        one = verbs.add_parser("lint", help="file:line:column of every mistake; exit code 1 if there is one")
        one.add_argument("files", nargs="*", help="YAML files; without any, the whole library")
        two = verbs.add_parser("plan", help="compile to the canonical plan document and its hash")
        two.add_argument("playbook", help="a slug in the database, or a YAML file")
        two.add_argument("--input", action="append", default=[], metavar="NAME=VALUE")
        two.add_argument("--environment", default="live")
        two.add_argument("--protocol", default="", help="slug of the protocol whose contracts it may name")
        three = verbs.add_parser("export", help="the YAML of a stored version, or the JSON Schema of the language")
        three.add_argument("playbook", help="a slug, or `schema`")
        three.add_argument("--version", type=int, default=0, dest="number")

    def handle(self, *_args: Any, **options: Any) -> None:
        {"lint": self._lint, "plan": self._plan, "export": self._export}[options["verb"]](options)

    def _lint(self, options: dict[str, Any]) -> None:
        from runbooks.playbooks.services import LIBRARY

        paths = [Path(name) for name in options["files"]] or sorted(LIBRARY.glob("*.yaml"))
        wrong = 0
        for path in paths:
            problems = lint(_read(path)).problems
            wrong += len(problems)
            for problem in problems:
                self.stdout.write(problem.at(str(path)))
        if wrong:
            raise CommandError(f"{wrong} {'mistake' if wrong == 1 else 'mistakes'} in {_count(paths, 'file')}")
        self.stdout.write(f"{_count(paths, 'playbook')}, no mistakes")

    def _plan(self, options: dict[str, Any]) -> None:
        from governance.plans.canonical import hash_of
        from governance.protocols.models import Protocol
        from runbooks.plans.compile import compile_plan
        from runbooks.plans.world import context_for

        yaml, number = _source(options["playbook"])
        linted = lint(yaml)
        if linted.playbook is None:
            raise CommandError("\n".join(problem.at(options["playbook"]) for problem in linted.problems))
        protocol = Protocol.objects.filter(slug=options["protocol"]).first() if options["protocol"] else None
        try:
            document = compile_plan(
                playbook=linted.playbook,
                yaml=yaml,
                version=number,
                inputs=dict(_pair(item) for item in options["input"]),
                context=context_for(protocol=protocol, environment=options["environment"]),
            )
        except Invalid as error:
            raise CommandError(f"{error.field}: {error.message} ({error.hint})") from None
        data = document.canonical()
        self.stdout.write(data.decode())
        self.stderr.write(f"sha256 {hash_of(data)}")

    def _export(self, options: dict[str, Any]) -> None:
        if options["playbook"] == "schema":
            self.stdout.write(json.dumps(json_schema(), indent=2))
            return
        from runbooks.playbooks.models import PlaybookVersion

        versions = PlaybookVersion.objects.filter(playbook__slug=options["playbook"]).order_by("-number")
        if options["number"]:
            versions = versions.filter(number=options["number"])
        version = versions.first()
        if version is None:
            raise CommandError(f"no version of {options['playbook']} is stored; load the library with `demo load`")
        self.stdout.write(version.yaml, ending="")


def _read(path: Path) -> str:
    try:
        data = path.read_bytes() if str(path) != "-" else sys.stdin.buffer.read(MAX_BYTES + 1)
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _source(name: str) -> tuple[str, int]:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return _read(path), 1
    from runbooks.playbooks.models import PlaybookVersion

    version = PlaybookVersion.objects.filter(playbook__slug=name).order_by("-number").first()
    if version is None:
        raise CommandError(f"no playbook {name} is stored; give a slug or a .yaml file")
    return version.yaml, version.number


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"--input wants NAME=VALUE, not {text!r}")
    return name, value


def _count(paths: list[Path], noun: str) -> str:
    return f"{len(paths)} {noun}{'' if len(paths) == 1 else 's'}"
