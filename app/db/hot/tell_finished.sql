-- Part of claim_or_finish.sql and finish_job.sql: a delivery for each webhook of the app that is notified of finished jobs.
-- Written with the job's end: none is lost, and none tells of an end that did not happen.
INSERT INTO webhook_deliveries (webhook_id, event, subject, created_at, state, attempts, next_at)
SELECT webhooks.id, 'job.finished', done.id, done.finished_at, 'pending', 0, done.finished_at
FROM done
JOIN webhooks ON webhooks.app_id = done.app_id
-- A claim that has only begun the job has not finished it.
WHERE done.finished_at IS NOT NULL
    AND webhooks.active
    AND webhooks.on_job_finished
ON CONFLICT DO NOTHING
RETURNING 1
