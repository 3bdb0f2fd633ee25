-- Begins a job and records who asks for it. No row, and nothing is changed, where a job must not be begun (insert_job.sql).
WITH new AS (
    SELECT
        :user::integer AS user_id,
        :app_id::integer AS app_id,
        :crash_id::bigint AS crash_id,
        :queue::text AS queue,
        :progress_total::bigint AS progress_total
),
started AS (
\ir insert_job.sql
)
\ir insert_asker.sql
