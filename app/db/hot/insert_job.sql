-- Part of start_job.sql and find_or_start.sql: the row of `new`, if there is one, becomes a queued job.
-- No row, where a job of the same request was begun after the statement's snapshot was taken, whatever has become of it.
INSERT INTO jobs (
    id, kind, key, params, app_id, crash_id, request_id, created_at, queue, ring_after, progress_total,
    state, attempt, strikes, rings, progress_done, generation
)
SELECT
    :id, :kind, :key::text, :params, new.app_id, new.crash_id, :request_id, :now, new.queue, :enqueue_after, new.progress_total,
    'queued', 0, 0, 0, 0, coalesce(last.generation, 0) + 1
FROM new
LEFT JOIN (
    -- The job of this request that was begun last, as far as the snapshot shows.
    SELECT id, generation
    FROM jobs
    WHERE key = :key
        AND generation IS NOT NULL  -- those of the release before have no generation
    ORDER BY generation DESC
    LIMIT 1
) AS last ON true
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
    -- That last job is still there, and is not deleted before this one is committed: generations would begin anew.
    AND (last.id IS NULL OR EXISTS (SELECT FROM jobs WHERE jobs.id = last.id FOR KEY SHARE))
-- The next generation is there (uq_jobs_key_generation), or a live job (uq_jobs_live_key). Both indexes are looked at as they
-- are now, not as the snapshot shows them: of many that ask at once, one begins the job, even if it has ended meanwhile.
ON CONFLICT DO NOTHING
RETURNING id
