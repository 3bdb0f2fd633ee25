"""What jobs promise, in the simplest words: a list in memory, one thing at a time. The product is compared with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.config import Config
from tests.factories import Clock

LIVE = ("queued", "running")
LOADING = "loading"
FRESH_FOR, FAILURE_ANSWERS_FOR, NEARLY_EXPIRED = timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=5)

Question = tuple[int, str]  # number of the crash, what about it
Answer = str | bytes | int  # LOADING, the result's bytes, or an HTTP status


@dataclass
class Job:
    """One computation, as the promise tells its life."""

    id: str
    question: Question
    created_at: datetime
    askers: set[int]
    state: str = "queued"
    attempt: int = 0
    failures: int = 0
    outage_since: datetime | None = None
    holder: str | None = None
    lease: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    content: bytes | None = None  # of the published result
    revision: int | None = None  # of the crash that the result shows
    status: int | None = None  # HTTP, of a failed job

    @property
    def facts(self) -> tuple[object, ...]:
        """What the job's row has to say as well."""
        return self.state, self.attempt, self.lease, self.finished_at, self.expires_at, self.status, self.askers


@dataclass
class Model:
    """Every job that is remembered, oldest first."""

    config: Config
    clock: Clock
    jobs: list[Job] = field(default_factory=list)
    revisions: dict[int, int] = field(default_factory=dict)  # crash -> its revision

    def answering(self, question: Question) -> Job | None:
        """The job that a request without a job_id gets; None when a new one has to start."""
        same = [job for job in self.jobs if job.question == question]
        live = [job for job in same if job.state in LIVE]
        assert len(live) <= 1
        if live:
            return live[0]
        newest = max(same, key=lambda job: job.created_at, default=None)
        return newest if newest and self._still_answers(newest) else None

    def _still_answers(self, job: Job) -> bool:
        if job.state not in ("finished", "failed"):
            return False
        assert job.finished_at
        assert job.expires_at
        age, left = self.clock.now - job.finished_at, job.expires_at - self.clock.now
        if job.state == "failed":
            return age < FAILURE_ANSWERS_FOR
        if age < FRESH_FOR:
            return left > timedelta()
        return left > NEARLY_EXPIRED and job.revision == self.revisions[job.question[0]]

    def has_room(self, user: int) -> bool:
        """True unless the user waits for as many jobs as one may."""
        waits_for = [job for job in self.jobs if job.state in LIVE and user in job.askers]
        return len(waits_for) < self.config.live_jobs_per_user

    def answer(self, job: Job) -> Answer:
        """What a poll of that job gets."""
        if job.state in LIVE:
            return LOADING
        if job.state == "failed":
            assert job.status
            return job.status
        if job.state != "finished" or (job.expires_at and job.expires_at <= self.clock.now):
            return 410
        assert job.content is not None
        return job.content

    def claimed(self, question: Question, worker: str) -> Job:
        """A worker begins the next attempt."""
        [job] = [job for job in self.jobs if job.question == question and job.state in LIVE]
        assert job.state == "queued", "two workers at one job"
        job.state, job.attempt, job.holder, job.lease = "running", job.attempt + 1, worker, self._lease_end()
        return job

    def holds(self, job: Job, attempt: int) -> bool:
        """True while that attempt is the one whose outcome counts."""
        return (job.state, job.attempt) == ("running", attempt)

    def renewed(self, job: Job) -> None:
        """The holder is alive."""
        job.lease = self._lease_end()

    def published(self, job: Job, content: bytes, revision: int) -> None:
        """The holder has the result."""
        job.content, job.revision = content, revision
        self._ended(job, "finished", self.config.result_lifetime)

    def failed(self, job: Job, status: int) -> None:
        """The holder met what no other attempt would mend."""
        job.status = status
        self._ended(job, "failed", self.config.tombstone_lifetime)

    def met_failure(self, job: Job) -> None:
        """The attempt ended with a bug or a dead worker: a few of these end the job."""
        job.failures += 1
        if job.failures >= self.config.max_attempts:
            self.failed(job, 500)
        else:
            self.queued_again(job)

    def met_outage(self, job: Job) -> None:
        """Database or storage were away: ends the job only when that lasts."""
        job.outage_since = job.outage_since or self.clock.now
        if self.clock.now - job.outage_since > timedelta(seconds=self.config.job_patience):
            self.failed(job, 500)
        else:
            self.queued_again(job)

    def queued_again(self, job: Job) -> None:
        """The next attempt may begin."""
        job.state, job.lease, job.holder = "queued", None, None

    def left(self, user: int, job: Job) -> None:
        """A user withdraws; the last one takes the job along."""
        if job.askers - {user}:
            job.askers.discard(user)
        elif job.state in LIVE:
            self._ended(job, "cancelled", self.config.tombstone_lifetime)
        elif job.state == "finished":
            self._expired(job)

    def swept(self, job: Job) -> None:
        """The sweep brings one job a step further, if it is due."""
        now = self.clock.now
        if job.state == "running" and job.lease and job.lease <= now:
            self.met_failure(job)
        elif job.state not in LIVE and job.expires_at and job.expires_at <= now:
            if job.state == "finished":
                self._expired(job)
            else:
                self.jobs.remove(job)

    def held_by(self, worker: str) -> Iterator[Job]:
        """The running jobs of a worker."""
        return (job for job in self.jobs if (job.state, job.holder) == ("running", worker))

    def _expired(self, job: Job) -> None:
        job.state, job.content = "expired", None
        job.expires_at = self.clock.now + timedelta(seconds=self.config.tombstone_lifetime)

    def _ended(self, job: Job, state: str, remembered: int) -> None:
        now = self.clock.now
        job.state, job.finished_at, job.lease, job.expires_at = state, now, None, now + timedelta(seconds=remembered)

    def _lease_end(self) -> datetime:
        return self.clock.now + timedelta(seconds=self.config.job_lease)
