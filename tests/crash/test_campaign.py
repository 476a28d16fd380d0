"""A small sample of `make crash`: a handful of each fault over some runs, judged as the whole campaign is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import NOT_INHERITED, ROOT


@pytest.mark.timeout(240)
def test_a_sample_of_the_campaign_ends_with_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash.campaign", "--faults", "30", "--runs", "16", "--minutes", "1.5"]
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=220)
    last = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0
