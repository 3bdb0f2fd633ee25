-- Adds what a digest has found to its crashes, which are made when these are their first occurrences, and writes a delivery
-- for each webhook that is notified of new crashes: one round trip for both.
-- :rows is JSON (digest_steps.SeenCrash). Columns: identifier, row id and state of each crash, how many webhooks are to be
-- notified.
WITH counted AS (
    INSERT INTO crashes (
        app_id, identifier, fingerprint, fingerprint_version, title, first_seen, last_seen, occurrences_count, why, revision,
        figures_revision
    )
    SELECT
        given.app_id, given.identifier, given.fingerprint, given.fingerprint_version, given.title, given.first_seen,
        given.last_seen, given.occurrences_count, given.why, 1, 1
    FROM json_to_recordset(:rows::json) AS given (
        app_id integer, identifier text, fingerprint text, fingerprint_version integer, title text,
        first_seen timestamptz, last_seen timestamptz, occurrences_count bigint, why text
    )
    -- Crashes are locked in this order, so that two digests cannot wait for each other.
    ORDER BY given.identifier
    -- Two workers that see a crash first end up with one row.
    ON CONFLICT (identifier) DO UPDATE
    SET
        -- Title and times of an emptied crash are those of occurrences that have gone.
        title = CASE WHEN crashes.occurrences_count > 0 THEN crashes.title ELSE excluded.title END,
        first_seen = CASE
            WHEN crashes.occurrences_count > 0 THEN least(crashes.first_seen, excluded.first_seen)
            ELSE excluded.first_seen
        END,
        last_seen = CASE
            WHEN crashes.occurrences_count > 0 THEN greatest(crashes.last_seen, excluded.last_seen)
            ELSE excluded.last_seen
        END,
        occurrences_count = crashes.occurrences_count + excluded.occurrences_count,
        revision = crashes.revision + 1,
        -- The digest adds to the figures what it adds here, whether they are complete or not.
        figures_revision = crashes.figures_revision + 1,
        -- The first explanation stays; crashes of the first releases have none.
        why = coalesce(crashes.why, excluded.why),
        -- NULL unless the crash is ignored for so many occurrences more.
        ignored_left = crashes.ignored_left - excluded.occurrences_count
    RETURNING identifier, id, app_id, revision, state
),
notified AS (
    INSERT INTO webhook_deliveries (webhook_id, event, subject, created_at, state, attempts, next_at)
    SELECT webhooks.id, 'crash.new', counted.identifier, :now, 'pending', 0, :now
    FROM counted
    JOIN webhooks ON webhooks.app_id = counted.app_id
    -- A crash that has just been made; each change adds one.
    WHERE counted.revision = 1
        AND webhooks.active
        AND webhooks.on_crash_new
    -- One delivery for each event and webhook; one that is there already must not undo the digest.
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT counted.identifier, counted.id, counted.state, (SELECT count(*) FROM notified)
FROM counted
