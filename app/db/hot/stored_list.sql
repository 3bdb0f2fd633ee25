-- The newest finished result of a request that lies in the storage and shows the crash as it is now.
SELECT jobs.result_key, jobs.data_revision
FROM jobs
JOIN crashes ON crashes.id = jobs.crash_id
WHERE jobs.key = :key
    AND jobs.crash_id = :crash
    AND jobs.state = 'finished'
    -- A small result lies in its row and is quicker made anew than read.
    AND jobs.result_key IS NOT NULL
    -- The crash has not changed since.
    AND jobs.data_revision = crashes.revision
ORDER BY jobs.created_at DESC, jobs.id
LIMIT 1
