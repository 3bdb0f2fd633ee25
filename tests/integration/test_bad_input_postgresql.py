"""Bad input over HTTP, on PostgreSQL, which takes no NUL and no lone surrogate in any text."""

import pytest

pytest.register_assert_rewrite("tests.bad_input_checks")
from tests.bad_input_checks import *  # noqa: E402, F403

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
