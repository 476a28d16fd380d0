"""The campaign of kills: a thousand faults in a stack at work, judged by a process that reads the chain and a sink.

    make crash                              the whole of it
    python -m tests.crash.campaign --faults 60 --seed 7

docs/proof.md says what is broken, how, and what the judge asks.
"""
