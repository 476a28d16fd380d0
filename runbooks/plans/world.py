"""Loads what compiling may know: registered contracts, Safes, audiences, and the playbooks that one uses."""

from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from integrations.chain.models import Executor
from integrations.secrets.models import Secret
from notify.models import Audience
from runbooks.plans.context import KnownContract, KnownExecutor, KnownPlaybook, KnownSafe, PlanContext
from runbooks.playbooks.lint import Linted, lint
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.schema import Playbook as Document
from runbooks.playbooks.selectors import document_of

MOST = 50
"""So many playbooks one may use, with those that they use."""


def context_for(
    *,
    protocol: Protocol | None,
    environment: str,
    facts: dict[str, str] | None = None,
    playbook: Document | None = None,
) -> PlanContext:
    """`playbook`: the one that will be compiled, so that those it uses are known too."""
    contracts = Contract.objects.select_related("chain").order_by("pk")
    safes = Safe.objects.select_related("chain").order_by("pk")
    if protocol is not None:
        contracts, safes = contracts.filter(protocol=protocol), safes.filter(protocol=protocol)
    return PlanContext(
        environment=environment,
        contracts=tuple(KnownContract(c.chain.chain_id, c.address, c.name, c.role) for c in contracts),
        safes=tuple(KnownSafe(s.chain.chain_id, s.address, s.label) for s in safes),
        executors=_executors(),
        audiences=_audiences(),
        facts={"protocol": protocol.name if protocol else "", **(facts or {})},
        secrets={name: tuple(hosts) for name, hosts in Secret.objects.values_list("name", "hosts")},
        playbooks=used_playbooks(playbook) if playbook else {},
    )


def used_playbooks(playbook: Document) -> dict[str, KnownPlaybook]:
    """Every playbook that a `playbook` step names, and those that these name. Unknown ones the compiler tells."""
    found: dict[str, KnownPlaybook] = {}
    open_names = _uses(playbook)
    while open_names and len(found) < MOST:
        slug, number = open_names.pop()
        name = slug if number is None else f"{slug}@{number}"
        if name in found:
            continue
        versions = PlaybookVersion.objects.filter(playbook__slug=slug).order_by("-number")
        version = (versions if number is None else versions.filter(number=number)).first()
        if version is None:
            continue
        document = document_of(version)
        found[name] = KnownPlaybook(slug, version.number, version.sha256, document)
        open_names += _uses(document)
    return found


def lint_among_stored(text: str) -> Linted:
    """Lint that also looks into the stored playbooks which this one uses."""
    linted = lint(text)
    used = used_playbooks(linted.playbook) if linted.playbook else {}
    known = {name: one.document for name, one in used.items() if "@" not in name}
    return lint(text, known) if known else linted


def _uses(playbook: Document) -> list[tuple[str, int | None]]:
    return [
        (str(step.config["use"]), step.config.get("version"))
        for step in playbook.every_step()
        if step.type == "playbook"
    ]


def _audiences() -> frozenset[str]:
    return frozenset(Audience.objects.values_list("slug", flat=True))


def _executors() -> tuple[KnownExecutor, ...]:
    found = Executor.objects.filter(enabled=True).select_related("chain").order_by("pk")
    return tuple(KnownExecutor(one.chain.chain_id, one.label, one.address) for one in found)
