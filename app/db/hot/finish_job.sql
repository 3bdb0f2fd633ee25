-- Makes the result of an attempt visible. No row, and nothing is changed, when the job is another claim's by now.
-- Columns: size of the result, how many webhooks are to be notified.
WITH done AS (
    UPDATE jobs
    SET state = 'finished',
        lease_expires_at = NULL,
        finished_at = :finished_at,
        expires_at = :expires_at,
        progress_done = :progress_done,
        progress_total = :progress_total,
        data_revision = :data_revision,
        result_text = :result_text,
        result_key = :result_key,
        result_size = :result_size,
        result_sha256 = :result_sha256,
        result_filename = :result_filename,
        result_media_type = :result_media_type
    WHERE id = :job
        -- Cancelled or taken over meanwhile: another attempt has another number.
        AND state = 'running'
        AND attempt = :attempt
        -- Claimed with the same number, after a crash of the database that lost the first claim: another claim has another
        -- holder. NULL: a job that its parts complete.
        AND holder IS NOT DISTINCT FROM :holder
    RETURNING
        id, app_id, finished_at, result_size,
        -- The commit of a result that lies in the row need not wait for the disk: after a crash of the database the job is
        -- running, its lease runs out, and it is made again. An object in the storage must not be without its row.
        CASE WHEN result_key IS NULL THEN
\ir async_commit.sql
        END
),
notified AS (
\ir tell_finished.sql
)
SELECT done.result_size, (SELECT count(*) FROM notified)
FROM done
