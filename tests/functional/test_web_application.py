"""The web application as an object of its process."""

import gc
import threading
import weakref

from app import create_app
from tests.factories import PASSWORD


def test_an_application_that_nobody_uses_any_more_leaves_no_thread_and_is_freed(services, member):
    web = create_app(services)
    answer = web.test_client().post("/api/login", json={"email": member.email, "password": PASSWORD})
    assert answer.status_code == 200
    freed = weakref.ref(web)

    answer.close()
    del web, answer
    gc.collect()

    assert freed() is None
    assert not [thread for thread in threading.enumerate() if thread.name == "slow-bodies"]
