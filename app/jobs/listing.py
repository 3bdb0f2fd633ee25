"""The jobs that a user has asked for, as a list."""

from datetime import datetime

from app.db.models.job import LIVE_STATES, Job, JobState
from app.db.queries.job_list import jobs_of
from app.errors import BadParameters
from app.jobs.subjects import find_visible_app
from app.services import Services

STATES: dict[str, tuple[JobState, ...]] = {"live": LIVE_STATES, **{state.value: (state,) for state in JobState}}
"""What a list of jobs can be asked for -> the states that are meant."""


def asked_by(
    services: Services,
    user_id: int,
    limit: int,
    offset: int = 0,
    *,
    state: str = "",
    app_identifier: str = "",
    after: tuple[datetime, str] | None = None,
) -> list[tuple[Job, datetime]]:
    """The jobs a user has asked for and when they did, newest first. Raises BadParameters or NotFound."""
    if state and state not in STATES:
        raise BadParameters(f"state is not one of {', '.join(STATES)}")
    with services.db.read() as session:
        app_id = find_visible_app(session, user_id, app_identifier).id if app_identifier else None
        return jobs_of(session, user_id, limit, offset, states=STATES.get(state, ()), app_id=app_id, after=after)
