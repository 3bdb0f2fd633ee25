"""What many who watch jobs have to know is one statement, on both databases."""

from datetime import timedelta

from sqlalchemy import delete, update

from app.db.models.job import JobState
from app.db.models.membership import Membership
from app.db.models.token import Token
from app.db.queries.job_signs import Sign, Watched, signs
from app.identity.accounts import token_hash
from app.jobs.service import ask
from app.jobs.user_jobs import cancel
from tests.factories import join, make_crash, make_member, run_enqueued


def watched(member, job) -> Watched:
    return Watched(token_hash(member.token), job.id)


def test_each_sees_the_jobs_they_asked_for_and_how_far_these_are(services, member):
    crash = make_crash(services, member.app)
    colleague = join(services, "bob@example.com", member.app)
    done = ask(services, member.user_id, "occurrences", crash.identifier, {})
    run_enqueued(services)
    live = ask(services, member.user_id, "occurrences", crash.identifier, {"page": "1"})
    asked = [watched(member, done), watched(member, live), watched(colleague, live), Watched("0" * 64, live.id)]

    found = signs(services.db, [*asked, watched(member, done)], services.now())

    assert found == {asked[0]: Sign(JobState.FINISHED, 1, 3, 3), asked[1]: Sign(JobState.QUEUED, 0, 0, 3)}


def test_an_ended_login_a_lost_membership_and_a_job_that_was_left_are_not_seen(services, member, clock):
    crash = make_crash(services, member.app)
    people = [member, *(join(services, f"{name}@example.com", member.app) for name in ("bob", "eve", "joe"))]
    jobs = [ask(services, one.user_id, "occurrences", crash.identifier, {}) for one in people]
    asked = [watched(one, job) for one, job in zip(people, jobs, strict=True)]
    before = signs(services.db, asked, services.now())

    with services.db.write() as session:
        expired = (
            update(Token).where(Token.hash == asked[0].token_hash).values(expires_at=clock() - timedelta(seconds=1))
        )
        session.execute(expired)
        session.execute(delete(Membership).where(Membership.user_id == people[1].user_id))
    cancel(services, people[2].user_id, jobs[2].id)

    assert set(before) == set(asked)
    assert set(signs(services.db, asked, services.now())) == {asked[3]}


def test_without_watchers_there_is_no_query(services):
    assert signs(services.db, [], services.now()) == {}


def test_a_stranger_sees_nothing(services, member):
    stranger = make_member(services, "mallory@example.com")
    job = ask(services, member.user_id, "occurrences", make_crash(services, member.app).identifier, {})

    assert signs(services.db, [watched(stranger, job)], services.now()) == {}
