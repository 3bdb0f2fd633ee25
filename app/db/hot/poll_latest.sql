-- Part of poll_by_key.sql and poll_by_id.sql: the user, the crash, and of several jobs the one that answers.
LEFT JOIN job_askers ON job_askers.job_id = jobs.id AND job_askers.user_id = tokens.user_id
WHERE tokens.hash = :token
    AND tokens.expires_at > :now
    AND crashes.identifier = :crash
    -- An emptied crash has moved its occurrences to others; the service looks up where.
    AND crashes.occurrences_count > 0
-- Clocks of two machines differ: the newest job of a request need not be the live one.
ORDER BY jobs.state IN ('queued', 'running') DESC, jobs.created_at DESC, jobs.id
LIMIT 1
