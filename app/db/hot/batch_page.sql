-- Part of the other batch_*.sql: the occurrences of a page of a batch, crash by crash and oldest first.
-- A page ends with a place, not after a number of rows: what is erased meanwhile is missing from it, and nothing is skipped.
SELECT
    of_batch.id AS crash_id, of_batch.identifier AS crash_identifier, found.*
FROM (
    SELECT
        id, identifier,
        -- The first crash begins after the place where the page before ended, every other one with what the batch is of.
        CASE WHEN id = :after_crash THEN :after_at::timestamptz ELSE coalesce(:since::timestamptz, '-infinity') END AS after_at,
        CASE WHEN id = :after_crash THEN :after_id::bigint ELSE 0 END AS after_id,
        -- Row ids begin with 1, so what occurred at :until does not belong to it.
        CASE WHEN id = :upto_crash THEN :upto_at::timestamptz ELSE coalesce(:until::timestamptz, 'infinity') END AS upto_at,
        CASE WHEN id = :upto_crash THEN :upto_id::bigint ELSE 0 END AS upto_id
    FROM crashes
    WHERE app_id = :app
        AND id BETWEEN :after_crash::bigint AND :upto_crash::bigint
        -- A batch of one crash; null is one of the whole app.
        AND (:crash::bigint IS NULL OR id = :crash)
    ORDER BY id
) AS of_batch
CROSS JOIN LATERAL (
    SELECT
        id, log_row, log_id, number, occurred_at, described,
        app_version, app_build, os_name, os_version, device_model, user_id
    FROM occurrences
    WHERE crash_id = of_batch.id
        -- A step in ix_occurrences_list: both are places behind the crash.
        AND (occurred_at, id) > (of_batch.after_at, of_batch.after_id)
        AND (occurred_at, id) <= (of_batch.upto_at, of_batch.upto_id)
        -- What was stored after the plan was made, or before an exporter's run begins, does not belong to it. "+ 0" keeps
        -- the planner from reading all rows up to :last_row by the primary key.
        AND id + 0 <= :last_row::bigint
        AND id + 0 > :after_row::bigint
    ORDER BY occurred_at, id
) AS found
-- PostgreSQL knows that crashes come in this order, and sorts the occurrences of one crash at a time.
ORDER BY of_batch.id, found.occurred_at, found.id
