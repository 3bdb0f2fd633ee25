-- Begins an attempt at the job that is next in turn in a queue.
-- Columns: the job as an attempt is made from it (job_claim.ClaimedJob). No row: nobody waits, or enough long jobs run.
WITH RECURSIVE
\ir next_job.sql
done AS (
    UPDATE jobs
    SET state = 'running',
        attempt = jobs.attempt + 1,
        holder = :worker,
        started_at = :now,
        lease_expires_at = :lease_expires_at,
        preview_key = NULL,
        progress_done = 0
    FROM candidate
    WHERE jobs.id = candidate.id  -- which is locked, and was found queued as it is now
    RETURNING
        jobs.id, jobs.kind, jobs.params, jobs.app_id, jobs.crash_id, jobs.request_id, jobs.created_at, jobs.queue,
        jobs.attempt, jobs.holder, jobs.strikes, jobs.trouble_since, jobs.progress_total, jobs.data_revision,
        -- The commit of a short job's claim does not wait for the disk: after a crash of the database the job is queued, or
        -- running with a lease that runs out, and is made again.
        CASE WHEN jobs.queue = 'short' THEN
\ir async_commit.sql
        END
),
turned AS (
    INSERT INTO turns (app_id, served_at)
    SELECT app_id, :now FROM done
    ON CONFLICT (app_id) DO UPDATE SET served_at = excluded.served_at
)
SELECT
    id, kind, params, app_id, crash_id, request_id, created_at, queue, attempt, holder, strikes, trouble_since,
    progress_total, data_revision
FROM done
