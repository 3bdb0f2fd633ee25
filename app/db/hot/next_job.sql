-- Part of claim_job.sql and claim_or_finish.sql: locks the job that is next in turn in a queue, the row of `candidate`.
wanted AS (
    -- The queue that a worker is notified of, else the one where the job of its task message stands now.
    SELECT coalesce(:queue, (SELECT queue FROM jobs WHERE id = :job_of_message)) AS queue
),
room AS (
    -- Long jobs, and parts of jobs, run no more than :at_once at a time, so that long work leaves room for short.
    SELECT
        wanted.queue <> :bounded
        OR (SELECT count(*) FROM jobs WHERE state = 'running' AND queue = :bounded)
            + (
                SELECT count(*)
                FROM job_parts
                JOIN jobs ON jobs.id = job_parts.job_id
                WHERE job_parts.state = 'running' AND jobs.state = 'running'
            ) < :at_once AS is_left
    FROM wanted
),
tenants AS (
    -- The apps that wait: one step into the index (ix_jobs_turns) for each app, however many jobs it has.
    (
        SELECT app_id
        FROM jobs
        WHERE state = 'queued' AND queue = (SELECT queue FROM wanted)
        ORDER BY app_id
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT jobs.app_id
        FROM jobs
        WHERE jobs.state = 'queued' AND jobs.queue = (SELECT queue FROM wanted) AND jobs.app_id > tenants.app_id
        ORDER BY jobs.app_id
        LIMIT 1
    )
    FROM tenants
    WHERE tenants.app_id IS NOT NULL
),
in_turn AS (
    -- Fair share: the app that was served longest ago comes first, one that never was before all.
    SELECT tenants.app_id
    FROM tenants
    LEFT JOIN turns ON turns.app_id = tenants.app_id
    WHERE tenants.app_id IS NOT NULL
    ORDER BY turns.served_at NULLS FIRST, tenants.app_id
    OFFSET 0  -- keeps the order through the join below: the result does not depend on it, the speed does
),
candidate AS (
    -- The oldest job that is due, of the first app in turn that has one.
    SELECT due.*
    FROM in_turn
    CROSS JOIN LATERAL (
        SELECT jobs.id, jobs.kind, jobs.params, jobs.crash_id, jobs.strikes
        FROM jobs
        WHERE jobs.app_id = in_turn.app_id
            -- Spelled out: a plan made once can use an index of live jobs only if it sees this word.
            AND jobs.state = 'queued'
            AND jobs.queue = (SELECT queue FROM wanted)
            -- Back-off is over; or it ends later than any back-off lasts, so the clock was set back meanwhile.
            AND (jobs.not_before IS NULL OR jobs.not_before <= :now OR jobs.not_before > :latest)
            AND (SELECT is_left FROM room)
        ORDER BY jobs.created_at, jobs.id
        LIMIT 1
        -- Another worker is about to take a locked job. Users who join the job meanwhile lock it for key share, which
        -- excludes nobody here: a stampede must not hide the job that it asks for.
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS due
    LIMIT 1
),
