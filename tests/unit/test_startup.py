"""What processes import: no more than they need, and without the garbage collector."""

import os
import subprocess
import sys

LOOK = """
import gc
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]) if phase == "start" else None)
import app.web.server
from app import end_of_imports
assert seen.count(2) == 0, seen
assert len(seen) < 60, len(seen)
end_of_imports()
print(*gc.get_threshold(), gc.get_freeze_count() > 100_000)
"""


def test_imports_of_a_server_never_make_the_collector_look_at_all_objects():
    ran = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout.split()) == (0, ["700", "10", "10", "True"]), ran.stderr


def test_beat_imports_no_code_of_the_tasks():
    look = "import sys, workers.beat; print(*sorted(set(sys.modules) & {'workers.tasks', 'app.db', 'sqlalchemy', 'flask'}))"
    settings = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "sqlite:///x.db", "STORAGE_URL": "memory://"}
    environ = {**os.environ, **settings, "SECRET_KEY": "x" * 32}
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False, env=environ)

    assert (ran.returncode, ran.stdout) == (0, "\n"), ran.stderr
