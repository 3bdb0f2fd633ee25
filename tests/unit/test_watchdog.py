"""The watchdog ends a process that hangs in C, and no other."""

import subprocess
import sys
import time

import pytest

HANGS = "import re; re.match('(a+)+$', 'a' * 60 + 'b')"  # keeps all other threads from running
WAITS = "import ctypes; ctypes.CDLL(None).sleep(600)"  # lets them run

PROGRAM = """
from app.work import limits, watcher as watchdog
from app.work.watcher import watcher
watchdog.LEAST_SILENCE, limits.KILL_GRACE = 0.5, 0.5
watchdog.watchdog.start(lease=0)
with limits.limited(limits.Budget(seconds=30), watcher):
    pass
print("whole", flush=True)
with limits.limited(limits.Budget(seconds=0.1), watcher):
    {work}
"""


@pytest.mark.parametrize("work", [HANGS, WAITS])
def test_a_process_whose_work_hangs_in_c_is_ended(work):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=work)], capture_output=True, text=True, timeout=30
    )

    assert ended.returncode == 1
    assert ended.stdout.startswith("whole")
    assert "Traceback" not in ended.stderr


def test_a_process_at_rest_and_one_that_may_not_be_ended_go_on():
    start = "watchdog.watchdog.start(lease=0)"
    rests = PROGRAM.format(work="import time; time.sleep(4)").replace("seconds=0.1", "seconds=60")
    rests = rests.replace("= 0.5, 0.5", "= 3.0, 0.5")  # a busy machine keeps a process waiting for longer than 0.5 s
    before = time.monotonic()

    begun = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for program in (rests, rests.replace(start, ""))
    ]
    said = [process.communicate(timeout=60)[1] for process in begun]

    assert [(process.returncode, error) for process, error in zip(begun, said, strict=True)] == [(0, b""), (0, b"")]
    assert time.monotonic() - before > 4
