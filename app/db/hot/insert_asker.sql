-- Part of start_job.sql and find_or_start.sql: the asker of the job that `started` has begun.
INSERT INTO job_askers (job_id, user_id, asked_at, seen_at)
SELECT started.id, new.user_id, :now, :now
FROM started
CROSS JOIN new
-- The commit is asynchronous: no answer has named the job yet, and `wait_until_durable` comes before one does.
RETURNING
\ir async_commit.sql
