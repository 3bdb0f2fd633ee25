-- As poll_by_key.sql, of the job with one id: a client polls the job whose id it has, also when a newer one is there.
\ir poll_crash.sql
LEFT JOIN jobs
    ON jobs.crash_id = crashes.id
    AND jobs.key = :key
    AND jobs.id = :job
\ir poll_latest.sql
