"""Bad input over HTTP, on SQLite: each gets a clear answer, and the next good log goes through."""

import pytest

pytest.register_assert_rewrite("tests.bad_input_checks")
from tests.bad_input_checks import *  # noqa: E402, F403
