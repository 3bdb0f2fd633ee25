-- Begins the next digest of several received logs. Each app has a fair share: of each that waits one log, then of each the next,
-- up to :most logs and :bytes bytes, so that no app's backlog delays another's log.
WITH RECURSIVE
-- The apps with received logs: one step into ix_logs_turns for each, however many logs wait.
waiting_apps AS (
    (SELECT app_id FROM logs WHERE status = 'received' ORDER BY app_id LIMIT 1)
    UNION ALL
    SELECT (SELECT later.app_id FROM logs AS later
            WHERE later.status = 'received' AND later.app_id > waiting_apps.app_id
            ORDER BY later.app_id LIMIT 1)
    FROM waiting_apps WHERE waiting_apps.app_id IS NOT NULL
),
-- How many logs that take long to read are being digested anywhere.
slow_ones AS (
    SELECT count(*) AS number FROM logs WHERE status = 'received' AND slow AND lease_expires_at > :now
),
-- Least recently served first, the apps that have a log that may begin now.
next_apps AS MATERIALIZED (
    SELECT in_turn.app_id, in_turn.app_order
    FROM (
        SELECT waiting_apps.app_id,
            row_number() OVER (ORDER BY turns.digested_at NULLS FIRST, waiting_apps.app_id) AS app_order,
            count(*) OVER () AS number
        FROM waiting_apps LEFT JOIN turns ON turns.app_id = waiting_apps.app_id
        WHERE waiting_apps.app_id IS NOT NULL
        ORDER BY app_order
        OFFSET 0  -- keeps the order through the join: apps are looked at in this order
    ) AS in_turn
    CROSS JOIN LATERAL (
        SELECT 1 FROM logs, slow_ones
        WHERE logs.app_id = in_turn.app_id AND logs.status = 'received' AND logs.lease_expires_at IS NULL
            AND (logs.not_before IS NULL OR logs.not_before <= :now OR logs.not_before > :latest)
            AND (NOT logs.slow OR slow_ones.number < :most_slow)
        LIMIT 1
    ) AS has_one
    -- While others wait, an app has so many processes at most. Its logs at work are among its oldest.
    WHERE in_turn.number = 1 OR :most_processes::int > (
        SELECT count(DISTINCT oldest.holder) FROM (
            SELECT logs.holder, logs.lease_expires_at FROM logs
            WHERE logs.app_id = in_turn.app_id AND logs.status = 'received'
            ORDER BY logs.id LIMIT :most * (:most_processes::int + 1)
        ) AS oldest
        WHERE oldest.lease_expires_at > :now
    )
    LIMIT :most
),
-- Of each the oldest, numbered. One that takes long, or that has ended an attempt with a failure, is digested alone.
candidates AS (
    SELECT found.id, next_apps.app_order, found.alone,
        row_number() OVER (PARTITION BY next_apps.app_id ORDER BY found.alone, found.id) AS place
    FROM next_apps CROSS JOIN LATERAL (
        SELECT logs.id, logs.slow OR logs.strikes > 0 AS alone
        FROM logs, slow_ones
        WHERE logs.app_id = next_apps.app_id AND logs.status = 'received' AND logs.lease_expires_at IS NULL
            AND (logs.not_before IS NULL OR logs.not_before <= :now OR logs.not_before > :latest)
            AND (NOT logs.slow OR slow_ones.number < :most_slow)
        ORDER BY logs.id LIMIT :most
    ) AS found
),
-- Locked in that order; what another worker is about to take is skipped.
locked AS (
    SELECT logs.id, logs.size, candidates.alone, candidates.place, candidates.app_order
    FROM candidates JOIN logs ON logs.id = candidates.id
    WHERE logs.status = 'received' AND logs.lease_expires_at IS NULL
    ORDER BY candidates.place, candidates.app_order
    LIMIT :most
    FOR UPDATE OF logs SKIP LOCKED
),
taken AS (
    SELECT ranked.id FROM (
        SELECT locked.id, locked.alone, first_value(locked.alone) OVER in_order AS first_is_alone,
            row_number() OVER in_order AS number, sum(locked.size) OVER in_order AS bytes
        FROM locked
        WINDOW in_order AS (ORDER BY locked.place, locked.app_order)
    ) AS ranked
    WHERE ranked.number = 1
        OR NOT ranked.first_is_alone AND NOT ranked.alone AND ranked.bytes <= :bytes
),
claimed AS (
    UPDATE logs
    SET attempt = logs.attempt + 1, rings = 0, holder = :holder, lease_expires_at = :lease_expires_at,
        ring_after = :lease_expires_at
    FROM taken WHERE logs.id = taken.id
    RETURNING logs.*
),
served AS (
    INSERT INTO turns (app_id, served_at, digested_at)
    SELECT DISTINCT claimed.app_id, 'epoch'::timestamptz, :now::timestamptz FROM claimed ORDER BY claimed.app_id
    ON CONFLICT (app_id) DO UPDATE SET digested_at = excluded.digested_at
)
SELECT claimed.id, claimed.app_id, claimed.log_id, claimed.storage_key, claimed.size, claimed.request_id,
    claimed.received_at, claimed.attempt, claimed.holder, claimed.strikes, claimed.trouble_since, claimed.slow,
    (SELECT apps.identifier FROM apps WHERE apps.id = claimed.app_id),
    EXISTS (SELECT 1 FROM symbols WHERE symbols.app_id = claimed.app_id AND symbols.state = 'ready'),
    (SELECT app_settings.settings FROM app_settings WHERE app_settings.app_id = claimed.app_id),
    -- More may wait.
    (SELECT count(*) FROM locked) > (SELECT count(*) FROM taken) OR (SELECT count(*) FROM locked) = :most,
    -- A crash of the database server takes such a claim back: the log is then free, and is digested again.
\ir async_commit.sql
FROM claimed
ORDER BY claimed.id
