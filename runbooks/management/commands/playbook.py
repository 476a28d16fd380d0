"""`manage.py playbook lint FILE… | plan SLUG --input name=value | check-plan FILE | export SLUG`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger import Invalid
from runbooks.playbooks.jsonschema import json_schema
from runbooks.playbooks.lint import lint
from runbooks.playbooks.reader import MAX_BYTES


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
        two.add_argument("--output", default="", metavar="FILE", help="write exactly the bytes that are hashed")
        four = verbs.add_parser("check-plan", help="judge an exported plan by itself: form, canonical bytes, hash")
        four.add_argument("file")
        four.add_argument("--sha256", default="", help="the hash that was approved")
        four.add_argument("--against", default="", metavar="FILE", help="another plan: say what differs")
        three = verbs.add_parser("export", help="the YAML of a stored version, or the JSON Schema of the language")
        three.add_argument("playbook", help="a slug, or `schema`")
        three.add_argument("--version", type=int, default=0, dest="number")
        three.add_argument("--format", choices=("yaml", "cacao"), default="yaml", help="cacao: CACAO v2.0, as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        verbs = {"lint": self._lint, "plan": self._plan, "check-plan": self._check_plan, "export": self._export}
        verbs[options["verb"]](options)

    def _lint(self, options: dict[str, Any]) -> None:
        paths = [Path(name) for name in options["files"]] or list(_library())
        wrong = 0
        texts = {path: _read(path) for path in paths}
        found = (lint(text).playbook for text in {**_library(), **texts}.values())
        known = {one.playbook: one for one in found if one is not None}
        for path, text in texts.items():
            problems = lint(text, known).problems
            wrong += len(problems)
            for problem in problems:
                self.stdout.write(problem.at(str(path)))
        if wrong:
            raise CommandError(f"{wrong} {'mistake' if wrong == 1 else 'mistakes'} in {_count(paths, 'file')}")
        self.stdout.write(f"{_count(paths, 'playbook')}, no mistakes")

    def _plan(self, options: dict[str, Any]) -> None:
        from governance.plans.canonical import NotCanonical, hash_of
        from governance.protocols.models import Protocol
        from runbooks.plans.compile import compile_plan
        from runbooks.plans.world import context_for

        yaml, number = _source(options["playbook"])
        linted = lint(yaml)
        if linted.playbook is None:
            raise CommandError("\n".join(problem.at(options["playbook"]) for problem in linted.problems))
        protocol = Protocol.objects.filter(slug=options["protocol"]).first() if options["protocol"] else None
        if options["protocol"] and protocol is None:
            raise CommandError(f"no protocol {options['protocol']} is registered")
        try:
            document = compile_plan(
                playbook=linted.playbook,
                yaml=yaml,
                version=number,
                inputs=dict(_pair(item) for item in options["input"]),
                context=context_for(protocol=protocol, environment=options["environment"], playbook=linted.playbook),
            )
        except Invalid as error:
            raise CommandError(f"{error.field}: {error.message} ({error.hint})") from None
        try:
            data = document.canonical()
            if options["output"]:
                Path(options["output"]).write_bytes(data)
        except NotCanonical as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{options['output']}: {error.strerror}") from None
        if not options["output"]:
            self.stdout.write(data.decode(), ending="")
        self.stderr.write(f"sha256 {hash_of(data)}")

    def _check_plan(self, options: dict[str, Any]) -> None:
        """Nothing but the file is read: no database, no network."""
        from governance.plans.canonical import hash_of
        from governance.plans.diff import diff
        from runbooks.plans.offline import problems, summary

        data = _bytes(Path(options["file"]))
        if wrong := problems(data, options["sha256"]):
            raise CommandError("\n".join(f"{options['file']}: {one}" for one in wrong))
        for line in summary(data):
            self.stdout.write(line)
        if options["against"]:
            other = _bytes(Path(options["against"]))
            if wrong := problems(other):
                raise CommandError("\n".join(f"{options['against']}: {one}" for one in wrong))
            changes = diff(json.loads(other), json.loads(data))
            for change in changes:
                self.stdout.write(f"{change.kind} {change.path}: {change.before!r} → {change.after!r}")
            self.stdout.write(f"{len(changes)} differences")
        self.stdout.write(f"sha256 {hash_of(data)}" + (", as approved" if options["sha256"] else ""))

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
        if options["format"] == "cacao":
            from runbooks.cacao.document import cacao_bytes

            self.stdout.write(cacao_bytes(version).decode(), ending="")
            return
        self.stdout.write(version.yaml, ending="")


def _library() -> dict[Path, str]:
    from runbooks.playbooks.services import LIBRARY

    return {path: _read(path) for path in sorted(LIBRARY.glob("*.yaml"))}


def _read(path: Path) -> str:
    try:
        data = path.read_bytes() if str(path) != "-" else sys.stdin.buffer.read(MAX_BYTES + 1)
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
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
