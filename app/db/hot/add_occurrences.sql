-- Inserts the occurrences that a digest has found. :rows is JSON (digest_steps.NewOccurrence).
INSERT INTO occurrences (
    crash_id, log_row, log_id, number, occurred_at, seen_at, app_version, app_build, os_name, os_version, device_model,
    user_id, described, grouped_as
)
SELECT
    given.crash_id, given.log_row, given.log_id, given.number, given.occurred_at, given.seen_at, given.app_version,
    given.app_build, given.os_name, given.os_version, given.device_model, given.user_id, given.described, given.grouped_as
FROM json_to_recordset(:rows::json) AS given (
    crash_id bigint, log_row bigint, log_id text, number integer, occurred_at timestamptz, seen_at timestamptz,
    app_version text, app_build text, os_name text, os_version text, device_model text, user_id text, described boolean,
    grouped_as text
)
