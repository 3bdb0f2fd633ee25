-- The poll of a request as poll_by_key.sql has it and, if there never was a job, the job's begin: one round trip for both.
-- For types of job whose progress counts the occurrences of the crash. Columns: those of the poll, id of the job begun.
WITH found AS (
\ir poll_by_key.sql
),
new AS (
    SELECT
        user_id,
        crash_app_id AS app_id,
        crash_id,
        -- The long queue has few workers, so that long jobs leave room for short ones.
        CASE WHEN crash_occurrences_count > :long_from THEN 'long' ELSE 'short' END AS queue,
        crash_occurrences_count AS progress_total
    FROM found
    WHERE job_id IS NULL
        -- Nor is there one under another crash, as after a merge: whether that still answers, start_job.sql decides.
        AND NOT EXISTS (SELECT FROM jobs WHERE jobs.key = :key)
),
started AS (
\ir insert_job.sql
),
asked AS (
\ir insert_asker.sql
)
SELECT found.*, started.id
FROM found
LEFT JOIN started ON true
