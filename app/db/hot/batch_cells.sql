-- Part of batch_csv.sql and batch_ndjson.sql: what the rows of a page tell, as text.
SELECT
    facts.*,
    facts.log_id || '-crash-' || facts.number AS id,
    -- Always to the microsecond; the session's zone is UTC.
    to_char(facts.occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred,
    -- What the app's rules take out of these: JSON, value -> what stands in its place. Null where there are no rules.
    coalesce(:shown_devices::jsonb ->> facts.device_model, facts.device_model) AS shown_device,
    coalesce(:shown_users::jsonb ->> facts.user_id, facts.user_id) AS shown_user,
    -- Each filter: one of the values as the log has them. Null where it is not set.
    (:app_version::text[] IS NULL OR facts.app_version = ANY (:app_version::text[]))
        AND (:os_name::text[] IS NULL OR facts.os_name = ANY (:os_name::text[]))
        AND (:os_version::text[] IS NULL OR facts.os_version = ANY (:os_version::text[]))
        AND (:device_model::text[] IS NULL OR facts.device_model = ANY (:device_model::text[]))
        AND (:user_id::text[] IS NULL OR facts.user_id = ANY (:user_id::text[])) AS wanted
FROM (
    -- What a digest stored; of an occurrence that no digest described, what its log tells: JSON, row id -> list of facts.
    -- A log that cannot be read is not in it.
    SELECT
        page.crash_identifier, page.id AS row_id, page.log_id, page.number, page.occurred_at,
        page.described IS TRUE OR coalesce(jsonb_exists(:told::jsonb, page.id::text), false) AS readable,
        CASE WHEN page.described THEN page.app_version ELSE :told::jsonb -> page.id::text ->> 0 END AS app_version,
        CASE WHEN page.described THEN page.app_build ELSE :told::jsonb -> page.id::text ->> 1 END AS app_build,
        CASE WHEN page.described THEN page.os_name ELSE :told::jsonb -> page.id::text ->> 2 END AS os_name,
        CASE WHEN page.described THEN page.os_version ELSE :told::jsonb -> page.id::text ->> 3 END AS os_version,
        CASE WHEN page.described THEN page.device_model ELSE :told::jsonb -> page.id::text ->> 4 END AS device_model,
        CASE WHEN page.described THEN page.user_id ELSE :told::jsonb -> page.id::text ->> 5 END AS user_id
    FROM (
\ir batch_page.sql
    ) AS page
    -- What is named here is worked out once for each row, not at each place that names it.
    OFFSET 0
) AS facts
OFFSET 0
