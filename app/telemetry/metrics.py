"""What crashq counts: every counter and histogram, with the words for its labels."""

from app.telemetry.multiprocess_metrics import Counter, GatheredHistogram, Histogram

QUICK = (0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds; of what a person waits for
LONG = (0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)  # seconds; of what is worked on or waits in a queue

http_requests = GatheredHistogram(
    "crashq_http_request_duration_seconds",
    "Requests by method, path as it is declared, class of status and whether Prefer: wait held them; to the head of the answer",
    ("method", "route", "status", "held"),
    bounds=QUICK,
)
requests_shared = Counter(
    "crashq_questions_shared_total",
    "Requests that needed no job of their own: they joined a live one, or a finished one of another asker was the answer",
    ("kind", "by"),
)
jobs_started = Counter("crashq_jobs_started_total", "Jobs begun for a request", ("kind",))
attempts = Counter(
    "crashq_attempts_total",
    "Attempts at jobs by how they ended: finished, spread (over parts), failed, queued_again, lost",
    ("kind", "outcome"),
)
attempt_times = Histogram(
    "crashq_attempt_duration_seconds", "Attempts at jobs from claim to end", ("kind",), bounds=LONG
)
job_times = Histogram(
    "crashq_job_duration_seconds", "Finished jobs from the request to the result", ("kind",), bounds=LONG
)
job_failures = Counter("crashq_job_failures_total", "Jobs that failed for good", ("kind", "code"))
parts = Counter(
    "crashq_parts_total", "Attempts at parts of jobs by how they ended: finished, ended, lost", ("outcome",)
)
leases_lost = Counter(
    "crashq_leases_lost_total",
    "Leases that ran out because their worker died, hung or was cut off, by work: job, part, log",
    ("work",),
)
digests = Counter(
    "crashq_digests_total",
    "Logs by how their digest ended: digested, rejected, retried, lost; and by the format that was recognised",
    ("outcome", "format"),
)
digest_times = Histogram(
    "crashq_digest_duration_seconds", "Digests of up to 25 logs in bulk, from claim to commit", bounds=QUICK
)
log_waits = Histogram("crashq_log_wait_seconds", "Digested logs from arrival to commit", bounds=LONG)
store_errors = Counter("crashq_store_errors_total", "Failures of the object store by operation", ("operation",))
database_errors = Counter("crashq_database_errors_total", "Statements and connections that the database failed", ())
task_messages = Counter(
    "crashq_rings_total", "Task messages by queue: sent, or lost because the broker was away", ("queue", "outcome")
)
tasks = Histogram("crashq_task_duration_seconds", "Celery tasks by name", ("task",), bounds=LONG)
task_failures = Counter(
    "crashq_task_failures_total",
    "Tasks that did not end well: put_off (database or store away), broke (a bug)",
    ("task", "outcome"),
)
task_messages_dropped = Counter(
    "crashq_task_messages_dropped_total", "Messages in Redis that were not JSON or for no task of this release", ()
)
beat_sent = Counter("crashq_beat_sent_total", "Messages that beat has sent", ("task",))
webhook_deliveries = Counter(
    "crashq_webhook_deliveries_total",
    "Attempts at deliveries by outcome: delivered, failed (tried again), given_up",
    ("outcome",),
)
export_runs = Counter(
    "crashq_export_runs_total", "Steps that ended a run of a data exporter: done, failed", ("outcome",)
)
canaries = Counter("crashq_canary_runs_total", "Canaries by outcome: succeeded, failed, late", ("outcome",))
canary_times = Histogram(
    "crashq_canary_duration_seconds", "Canaries from their row to the end of their work", bounds=QUICK
)
