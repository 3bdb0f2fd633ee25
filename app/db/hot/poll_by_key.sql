-- The poll of a request: the user, the crash, and the job that answers. No row: not a member, or no such crash.
-- Columns: the user, the crash (poll.FoundCrash), the job (poll.FoundJob; NULL where there is none yet).
\ir poll_crash.sql
LEFT JOIN jobs
    ON jobs.crash_id = crashes.id
    AND jobs.key = :key
\ir poll_latest.sql
