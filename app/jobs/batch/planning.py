"""The plan of a batch: the snapshot it shows and where its parts end."""

import time
from collections.abc import Callable

from app.db import Session
from app.db.queries.batch_rows import PartEnd, Scope, count_in_scope, cuts, has_ended, newest_row
from app.errors import TransientError
from app.jobs.batch.params import REPORTS, Filters
from app.jobs.job_type import Plan, Run

ROWS_PER_PART = 20_000  # a second's work at most, when nothing has to be read from logs: so long another tenant waits
REPORTS_PER_PART = 1_000
MOST_PARTS = 1_000  # about; of a larger batch the parts grow
SETTLES_WITHIN = 20.0  # seconds that a digest under way may take, in most cases milliseconds
LOOK_EVERY = 0.02  # seconds


def scope_of(params: Filters, app_id: int, crash_id: int | None, last_row: int) -> Scope:
    """What belongs to a batch, but for the filters that only a row itself can tell."""
    after_row, upto_row = getattr(params, "arrived", None) or (0, last_row)
    return Scope(app_id, crash_id, params.since, params.until, min(last_row, upto_row), after_row)


def make_plan(params: Filters, run: Run, crash_id: Callable[[Session], int | None], reports_revision: int) -> Plan:
    """Freeze the newest occurrence and cut what is older into parts.

    A digest that is under way may still commit rows older than the newest one, and a regrouping move some, so both are
    waited for. After that nobody adds to the set or moves within it while the job is running: `app.db.queries.moves` looks for
    running batches in each transaction that moves. So a part made now or later holds what the plan has counted, but for
    what is erased or aged meanwhile. The plan itself reads one snapshot; `crash_id` tells in it which crash the batch is
    of, None for those of all.
    """
    made_at = run.now()  # before the look at the newest row: what is stored by then is in the batch
    with run.db.read() as session:
        last_row, transaction = newest_row(session)
        deadline = time.monotonic() + SETTLES_WITHIN
        while not has_ended(session, transaction):
            if time.monotonic() > deadline:
                raise TransientError("A digest or a regrouping takes long; the batch is planned again later")
            time.sleep(LOOK_EVERY)
            run.advance(0)
    least = REPORTS_PER_PART if params.format == REPORTS else ROWS_PER_PART
    found: list[PartEnd] = []
    with run.db.snapshot() as session:
        scope = scope_of(params, run.app_id, crash_id(session), last_row)
        size = max(least, -(-count_in_scope(session, scope) // MOST_PARTS))
        for cut in cuts(session, scope, size):
            found.append(cut)
            run.advance(0)
    parts = []
    after: str | None = None
    for number, (upto, rows) in enumerate(found, 1):
        parts.append({"number": number, "after": after, "upto": upto.to_json(), "units": rows})
        after = upto.to_json()
    return Plan(made_at, last_row, reports_revision, parts)
