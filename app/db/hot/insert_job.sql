-- Part of start_job.sql and find_or_start.sql: the row of `new`, if there is one, becomes a queued job.
INSERT INTO jobs (
    id, kind, key, params, app_id, crash_id, request_id, created_at, queue, ring_after, progress_total,
    state, attempt, strikes, rings, progress_done
)
SELECT
    :id, :kind, :key::text, :params, new.app_id, new.crash_id, :request_id, :now, new.queue, :enqueue_after, new.progress_total,
    'queued', 0, 0, 0, 0
FROM new
WHERE
    -- The user waits for fewer jobs than allowed. Whose the live jobs are is looked up only where there are so many at
    -- all: a user has more old jobs than all users together have live ones.
    CASE
        WHEN (
            SELECT count(*)
            FROM (SELECT FROM jobs WHERE state IN ('queued', 'running') LIMIT :most::bigint) AS live
        ) < :most::bigint THEN true
        ELSE (
            SELECT count(*)
            FROM (
                SELECT
                FROM jobs
                JOIN job_askers ON job_askers.job_id = jobs.id
                WHERE jobs.state IN ('queued', 'running')
                    AND job_askers.user_id = (SELECT user_id FROM new)
                LIMIT :most::bigint
            ) AS own
        ) < :most::bigint
    END
    -- No job of the same request has finished since it was looked for: its result is fresh.
    AND NOT EXISTS (
        SELECT
        FROM jobs AS ended
        WHERE ended.key = :key
            AND ended.state = 'finished'
            AND ended.finished_at > :fresh_from
            AND ended.expires_at > :now
    )
-- A live job of the same request is there (uq_jobs_live_key): two clients ask at once, one begins the job.
ON CONFLICT DO NOTHING
RETURNING id
