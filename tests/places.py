"""Crashes of three places in an app, with facts that tell their occurrences apart."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.db.models.crash import Crash
from app.ingest.receive import receive
from app.services import Services
from tests.factories import NOON, Member
from tests.sentry_events import sentry_event

DAY = timedelta(days=1)
PLACES = ("Cart", "Login", "Search")


def event(place: str, day: int, user: str | None = None, **more: Any) -> bytes:
    """A crash of one of three places, that many days before NOON."""
    stack = {
        "frames": [{"function": "open", "module": f"com.example.{place}", "filename": f"{place}.java", "in_app": True}]
    }
    exception = {"values": [{"type": f"{place}Exception", "value": "null", "stacktrace": stack,
                             "mechanism": {"type": "generic", "handled": more.pop("handled", False)}}]}  # fmt: skip
    return sentry_event(user, exception=exception, timestamp=(NOON - day * DAY).isoformat(), **more)


def crashes_of_places(services: Services, member: Member, run_workers: Callable[[], int]) -> dict[str, Crash]:
    """By place its crash. Cart occurs most, Login to most users, Search last."""
    os17, os16 = (
        {"os": {"name": "iOS", "version": version}, "device": {"model": "iPhone9,4"}} for version in ("17.1", "16")
    )
    logs = [
        event("Cart", 5, "ada", release="x@1.0", contexts=os16, tags={"screen": "cart"}),
        event("Cart", 4, "ada", release="x@1.1", contexts=os17, environment="staging"),
        event("Cart", 3, "ada", release="x@1.1", contexts=os17, environment="production"),
        event("Cart", 1, "ada", release="x@1.1", contexts=os17, tags={"screen": "pay"}),
        event("Login", 6, "bob", release="x@1.0"),
        event("Login", 6, "cleo", release="x@1.0"),
        event("Login", 2, "dan", release="x@1.1", environment="production", handled=True, tags={"screen": "cart"}),
        event("Search", 0, release="x@1.0", environment="production"),
    ]
    for number, log in enumerate(logs):
        receive(services, member.app, f"log-{number}", log)
    run_workers()
    with services.db.read() as session:
        found = {crash.title.partition("Exception")[0]: crash for crash in session.scalars(select(Crash))}
    assert set(found) == set(PLACES)
    return found
