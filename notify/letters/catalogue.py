"""Which letters there are, for whom, and what must be filled in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blank:
    """One thing to fill in. `fact` names what an incident may know of it already."""

    name: str
    label: str
    help: str = ""
    required: bool = True
    lines: int = 1
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """`audiences` are those that it is usually for; others may be chosen."""

    slug: str
    title: str
    purpose: str
    audiences: tuple[str, ...]
    blanks: tuple[Blank, ...]

    @property
    def template(self) -> str:
        return f"letters/{self.slug}"


PROTOCOL = Blank("protocol", "Protocol", fact="protocol")
CONTACT = Blank("contact", "Whom they reach, and how", "A person, a way that is answered at night, and a second one.")
CHAINS = Blank("chains", "Chains", "Name and chain id.", fact="chains")
TRANSACTIONS = Blank(
    "transactions",
    "Transactions",
    "One hash a line, with the chain if there are several.",
    lines=4,
    fact="transactions",
)
EVIDENCE = Blank(
    "evidence",
    "Evidence",
    "One a line: what it is, and its SHA-256, so that what you hand over later is known to be the same.",
    required=False,
    lines=4,
    fact="evidence",
)

CATALOGUE: dict[str, Letter] = {
    letter.slug: letter
    for letter in (
        Letter(
            "pause",
            "We have paused",
            "What stands still, why, what still works, and what to do.",
            ("users", "lps", "market-makers", "exchanges", "bridges", "stakeholders"),
            (
                PROTOCOL,
                Blank("paused", "What is paused", "As its users call it.", fact="vaults"),
                Blank("since", "Since when (UTC)", fact="since"),
                Blank("why", "Why", "What is known, and not what is guessed.", lines=3),
                Blank("works", "What still works", "Exits, repayments, the interface.", required=False, lines=2),
                Blank("action", "What they should do", "Or that nothing is to be done.", lines=2),
            ),
        ),
        Letter(
            "do-not-interact",
            "Do not interact",
            "A page or a contract is dangerous now: leave it alone, revoke, wait.",
            ("users", "lps", "market-makers", "exchanges", "bridges"),
            (
                PROTOCOL,
                Blank("what", "What to stay away from", "The exact site or contract."),
                Blank("why", "What is known", lines=3),
                Blank("already", "Whoever already did", "Which approvals to revoke, where, and what to keep.", lines=3),
                Blank("safe", "What is not affected", required=False, lines=2),
            ),
        ),
        Letter(
            "update",
            "Where it stands",
            "Between the first word and the last: nothing new is news too.",
            ("users", "lps", "market-makers", "exchanges", "bridges", "issuers", "stakeholders"),
            (
                PROTOCOL,
                Blank("headline", "In a line", "It becomes the subject."),
                Blank("known", "What is known now", lines=4),
                Blank("doing", "What we are doing", lines=3),
                Blank("action", "What they should do", required=False, lines=2),
            ),
        ),
        Letter(
            "restored",
            "Restored",
            "It works again: since when, what was changed, what became of their funds.",
            ("users", "lps", "market-makers", "exchanges", "bridges", "issuers", "stakeholders"),
            (
                PROTOCOL,
                Blank("what", "What works again", fact="vaults"),
                Blank("since", "Since when (UTC)"),
                Blank("cause", "What had happened", lines=3),
                Blank("changed", "What was changed", "And who has looked at it.", lines=3),
                Blank("funds", "What became of funds", "What was lost, saved, and how it is claimed.", lines=3),
                Blank("account", "When the written account comes", required=False),
            ),
        ),
        Letter(
            "freeze-request",
            "Freeze request",
            "To exchanges, bridges and issuers: hold these funds, here is the evidence.",
            ("exchanges", "bridges", "issuers"),
            (
                PROTOCOL,
                CHAINS,
                Blank("since", "When it happened (UTC)", fact="since"),
                Blank("happened", "What happened", "In words that a compliance desk can file.", lines=4),
                Blank("addresses", "Addresses to hold", "One a line, with the chain.", lines=4, fact="suspects"),
                Blank("assets", "Assets and amounts", "One a line.", lines=3),
                TRANSACTIONS,
                EVIDENCE,
                Blank("case", "Case number and authority", "If it was reported to the police.", required=False),
                CONTACT,
            ),
        ),
        Letter(
            "seal-911",
            "SEAL 911 intake",
            "Everything that volunteers of SEAL 911 ask for first, in one message.",
            ("seal-911",),
            (
                PROTOCOL,
                CHAINS,
                Blank("ongoing", "Is it still going on?", "Yes, no, or not known; and since when."),
                Blank("happened", "What is happening", lines=4),
                Blank("contracts", "Contracts concerned", "One a line.", lines=4, fact="contracts"),
                Blank("addresses", "Suspected addresses", "One a line.", required=False, lines=3, fact="suspects"),
                Blank("transactions", "Transactions", "One a line.", required=False, lines=3, fact="transactions"),
                Blank("at_risk", "Funds lost, and still at risk", fact="funds"),
                Blank("done", "What we have done", "Paused, revoked, moved, told whom.", lines=3, fact="done"),
                Blank("powers", "What we can still do", "Who holds which power, and how fast.", lines=3),
                Blank("need", "What we need from you", lines=2),
                CONTACT,
            ),
        ),
        Letter(
            "safe-harbor",
            "Safe Harbor notice",
            "To whitehats, where the protocol has adopted the Safe Harbor agreement: what they may do, and where to.",
            ("whitehats", "seal-911", "users"),
            (
                PROTOCOL,
                Blank("agreement", "Agreement", "Its version, and the address where its adoption stands on chain."),
                CHAINS,
                Blank("scope", "What is in scope", "One contract a line.", lines=4, fact="contracts"),
                Blank(
                    "recovery", "Recovery addresses", "One a line, with the chain. Compare every character.", lines=3
                ),
                Blank("bounty", "Bounty", "As adopted: the share, and its cap."),
                Blank("hours", "To be returned within", "As adopted, such as 72 hours."),
                Blank("identity", "Identity", "As adopted: anonymous, pseudonymous or named.", required=False),
                CONTACT,
            ),
        ),
        Letter(
            "plain",
            "In our own words",
            "No prepared text: a subject and a body.",
            (),
            (Blank("subject", "Subject"), Blank("body", "Words", lines=8)),
        ),
    )
}

# Not chosen from the list: it is written from the message that it puts right, to those who heard it.
CORRECTION = Letter(
    "correction",
    "Correction",
    "What we said was wrong, or has changed.",
    (),
    (
        Blank("headline", "In a line", "What holds now; it becomes the subject, after “Correction:”."),
        Blank("wrong", "What was wrong", "Quote it, so that nobody has to guess.", lines=3),
        Blank("right", "What holds", lines=3),
        Blank("action", "What they should do", required=False, lines=2),
    ),
)
