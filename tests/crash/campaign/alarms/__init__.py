"""The second part of the campaign: a flood of alerts, everybody killed in turn, and people who are paged meanwhile.

    python -m tests.crash.campaign --part alarms --seconds 60 --rate 50 --seed 7

docs/proof.md says what is broken, how, and what the judge asks.
"""
