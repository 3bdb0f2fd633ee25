-- Inserts the occurrences that a digest has found, and adds them to the figures of their crashes, which the transaction has
-- locked. :rows is JSON (digest_steps.NewOccurrence).
WITH added AS (
    INSERT INTO occurrences (
        crash_id, log_row, log_id, number, occurred_at, seen_at, app_version, app_build, os_name, os_version, device_model,
        user_id, environment, handled, kind, tags, described, grouped_as
    )
    SELECT
        given.crash_id, given.log_row, given.log_id, given.number, given.occurred_at, given.seen_at, given.app_version,
        given.app_build, given.os_name, given.os_version, given.device_model, given.user_id, given.environment,
        given.handled, given.kind, given.tags, given.described, given.grouped_as
    FROM json_to_recordset(:rows::json) AS given (
        crash_id bigint, log_row bigint, log_id text, number integer, occurred_at timestamptz, seen_at timestamptz,
        app_version text, app_build text, os_name text, os_version text, device_model text, user_id text, environment text,
        handled boolean, kind text, tags text, described boolean, grouped_as text
    )
    RETURNING
        crash_id, occurred_at, app_version, os_name, os_version, device_model, user_id, environment, handled, kind, tags
)
INSERT INTO crash_figures (crash_id, fact, day, value, detail, occurrences)
SELECT added.crash_id, told.fact, (added.occurred_at AT TIME ZONE 'UTC')::date, told.value, told.detail, count(*)
FROM added
-- As app/db/models/crash_figure.py has it: what is not known is an empty text.
CROSS JOIN LATERAL (
    VALUES
        ('app_version', coalesce('=' || added.app_version, ''), ''),
        ('os', coalesce('=' || added.os_name, ''), coalesce('=' || added.os_version, '')),
        ('device_model', coalesce('=' || added.device_model, ''), ''),
        ('user', '=' || added.user_id, coalesce('=' || added.app_version, '')),
        ('environment', '=' || added.environment, coalesce('=' || added.app_version, '')),
        (
            'kind', CASE WHEN added.handled IS NULL THEN '=' || added.kind ELSE coalesce('=' || added.kind, '') END,
            CASE WHEN added.handled THEN '=true' WHEN added.handled IS NULL THEN '' ELSE '=false' END
        )
    UNION ALL
    SELECT 'tag', '=' || tag.key, '=' || tag.value
    FROM json_each_text(added.tags::json) AS tag
) AS told (fact, value, detail)
WHERE told.value IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (crash_id, fact, day, value, detail) DO UPDATE
SET occurrences = crash_figures.occurrences + excluded.occurrences
