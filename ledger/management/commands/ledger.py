"""`manage.py ledger run | verify | export`."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.chain import export, link_once, verify
from ledger.runner import Runner


class Command(BaseCommand):
    help = "The append-only record: run its linker, prove it, export it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("run", help="link events and feed subscribers until told to stop")
        verbs.add_parser("link", help="link what is there, once")
        verbs.add_parser("verify", help="recompute the whole chain; exit 1 if anything was altered")
        verbs.add_parser("export", help="print the chain as JSON lines that verify without this database")

    def handle(self, *_args: Any, **options: Any) -> None:
        getattr(self, f"_{options['verb']}")()

    def _run(self) -> None:
        Runner().run()

    def _link(self) -> None:
        total = 0
        while seqs := link_once():
            total += len(seqs)
        self.stdout.write(f"{total} events linked")

    def _verify(self) -> None:
        verdict = verify()
        for problem in verdict.problems:
            self.stderr.write(problem)
        self.stdout.write(f"{verdict.linked} events linked, head {verdict.head}, {verdict.tail} waiting to be linked")
        if not verdict.ok:
            raise CommandError("the ledger does NOT verify")
        self.stdout.write("the ledger verifies")

    def _export(self) -> None:
        for line in export():
            self.stdout.write(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
