-- What claim_job.sql does or, if the job asks for a short list, makes that list the job's result: the part `lists-at-claim`
-- (app/speed.py).
-- Columns: the job as an attempt is made from it (job_claim.ClaimedJob). No row: nobody waits, or enough long jobs run.
WITH RECURSIVE
\ir next_job.sql
list AS (
    -- The answer, where it is the list of a crash with few occurrences, in the words of app/db/models/occurrence.py.
    SELECT crashes.revision, crashes.identifier, whole.text, whole.rows
    FROM candidate
    JOIN crashes ON crashes.id = candidate.crash_id
    CROSS JOIN LATERAL (
        SELECT '[' || coalesce(string_agg(newest.row, ','), '') || ']' AS text, count(*) AS rows
        FROM (
            SELECT
                '{"id":"' || log_id || '-crash-' || number
                || '","date":"' || occurred_at::date  -- the session's time zone is UTC
                || '","log_id":"' || log_id || '"}' AS row
            FROM occurrences
            WHERE occurrences.crash_id = crashes.id
            ORDER BY occurred_at DESC, id DESC
            LIMIT :most_rows
        ) AS newest
    ) AS whole
    -- The job asks for the whole list: :params are those of such a job, but for the crash's identifier.
    WHERE candidate.kind = :kind
        AND candidate.params = replace(:params, '@', crashes.identifier)
        -- A job that has failed before takes the long way: it may be this one that breaks it.
        AND candidate.strikes = 0
        AND crashes.occurrences_count <= :most_rows
        -- A row holds no large results; those lie in the storage.
        AND octet_length(whole.text) <= :most_bytes
),
done AS (
    UPDATE jobs
    SET state = CASE WHEN list.text IS NULL THEN 'running' ELSE 'finished' END,
        attempt = jobs.attempt + 1,
        holder = :worker,
        started_at = :now,
        lease_expires_at = CASE WHEN list.text IS NULL THEN :lease_expires_at::timestamptz END,
        preview_key = NULL,
        progress_done = coalesce(list.rows, 0),
        -- What follows is NULL until a job has ended, and stays so where there is no list.
        finished_at = CASE WHEN list.text IS NOT NULL THEN :now::timestamptz END,
        expires_at = CASE WHEN list.text IS NOT NULL THEN :expires_at::timestamptz END,
        progress_total = coalesce(list.rows, jobs.progress_total),
        data_revision = coalesce(list.revision, jobs.data_revision),
        result_text = list.text,
        result_size = octet_length(list.text),
        result_sha256 = encode(sha256(convert_to(list.text, 'UTF8')), 'hex'),
        result_filename = replace(:filename, '@', list.identifier),
        result_media_type = CASE WHEN list.text IS NOT NULL THEN :media_type END
    FROM candidate
    LEFT JOIN list ON true
    WHERE jobs.id = candidate.id  -- which is locked, and was found queued as it is now
    RETURNING
        jobs.id, jobs.kind, jobs.params, jobs.app_id, jobs.crash_id, jobs.request_id, jobs.created_at, jobs.queue,
        jobs.attempt, jobs.holder, jobs.strikes, jobs.trouble_since, jobs.progress_total, jobs.data_revision,
        jobs.finished_at, jobs.result_size,
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
),
notified AS (
\ir tell_finished.sql
)
SELECT
    done.id, done.kind, done.params, done.app_id, done.crash_id, done.request_id, done.created_at, done.queue,
    done.attempt, done.holder, done.strikes, done.trouble_since, done.progress_total, done.data_revision,
    done.result_size, (SELECT count(*) FROM notified)
FROM done
