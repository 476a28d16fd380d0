"""A small sample of the first part of `make crash`: a handful of each fault over some runs, judged as all of it is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import NOT_INHERITED, ROOT


@pytest.mark.timeout(240)
def test_a_sample_of_the_campaign_ends_with_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    """Without Safes, whose judge has a test of its own (tests/chain/test_safe_judge.py): they double what it costs."""
    command = [sys.executable, "-m", "tests.crash.campaign", "--faults", "20", "--runs", "10", "--minutes", "1"]
    command += ["--safes", "0", "--part", "engine"]
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True) as campaign:
        try:
            said, complained = campaign.communicate(timeout=210)
        except subprocess.TimeoutExpired:
            campaign.terminate()  # it ends its stack first: what is killed leaves one running beside the other tests
            said, complained = campaign.communicate(timeout=25)
            pytest.fail(f"not over within 210 s:\n{said[-6000:]}\n{complained[-3000:]}")
    last = said.strip().splitlines()[-1]
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), f"{said[-6000:]}\n{complained[-3000:]}"
    assert campaign.returncode == 0
