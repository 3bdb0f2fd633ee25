-- Begins a job and records its asker. No row, and nothing is changed, where a job must not be begun (insert_job.sql),
-- or where one still answers the request.
WITH latest AS (
    -- The live or else the newest job of the request, as the poll finds it.
    SELECT state, finished_at, expires_at, data_revision
    FROM jobs
    WHERE key = :key
    ORDER BY state IN ('queued', 'running') DESC, created_at DESC, id
    LIMIT 1
),
answering AS (
    -- The rule of freshness, as `still_answers` in app/jobs/answering.py has it.
    SELECT
    FROM latest
    WHERE state IN ('queued', 'running')
        OR (state = 'failed' AND finished_at > :failed_after)
        OR (state = 'finished' AND finished_at > :fresh_after AND expires_at > :now)
        OR (
            state = 'finished'
            AND finished_at <= :fresh_after
            AND expires_at > :expires_after
            AND coalesce(data_revision, 0) = :revision::bigint
        )
),
new AS (
    SELECT
        :user::integer AS user_id,
        :app_id::integer AS app_id,
        :crash_id::bigint AS crash_id,
        :queue::text AS queue,
        :progress_total::bigint AS progress_total
    WHERE NOT EXISTS (SELECT FROM answering)
),
started AS (
\ir insert_job.sql
)
\ir insert_asker.sql
