-- Part of start_job.sql and find_or_start.sql: the asker of the job that `started` has begun.
INSERT INTO job_askers (job_id, user_id, asked_at, seen_at)
SELECT started.id, new.user_id, :now, :now
FROM started
CROSS JOIN new
-- The commit does not wait for the disk: nobody has been told of the job, and `settle` waits before somebody is.
RETURNING set_config('synchronous_commit', 'off', true)
