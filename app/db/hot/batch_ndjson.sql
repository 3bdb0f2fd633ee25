-- A page of a batch as NDJSON: one object to a line, every key in each. to_json quotes the values that need it.
-- Columns: the text, occurrences read, rows that it holds, occurrences whose facts nobody knows.
SELECT
    convert_to(
        coalesce(
            string_agg(
                -- Ids, times and the crash's identifier need no quoting. By hand: row_to_json takes a fifth longer.
                '{"id":"' || cells.id || '","date":"' || left(cells.occurred, 10) || '","log_id":"' || cells.log_id
                || '","occurred_at":"' || cells.occurred || '","crash_identifier":"' || cells.crash_identifier || '"'
                || CASE
                    WHEN (
\ir batch_joined.sql
                    ) !~ '[\x01-\x1f"\\]' THEN
                        ',"app_version":' || coalesce('"' || cells.app_version || '"', 'null')
                        || ',"app_build":' || coalesce('"' || cells.app_build || '"', 'null')
                        || ',"os_name":' || coalesce('"' || cells.os_name || '"', 'null')
                        || ',"os_version":' || coalesce('"' || cells.os_version || '"', 'null')
                        || ',"device_model":' || coalesce('"' || cells.shown_device || '"', 'null')
                        || ',"user_id":' || coalesce('"' || cells.shown_user || '"', 'null')
                    ELSE
                        ',"app_version":' || coalesce(to_json(cells.app_version)::text, 'null')
                        || ',"app_build":' || coalesce(to_json(cells.app_build)::text, 'null')
                        || ',"os_name":' || coalesce(to_json(cells.os_name)::text, 'null')
                        || ',"os_version":' || coalesce(to_json(cells.os_version)::text, 'null')
                        || ',"device_model":' || coalesce(to_json(cells.shown_device)::text, 'null')
                        || ',"user_id":' || coalesce(to_json(cells.shown_user)::text, 'null')
                END || E'}\n',
                ''
            ) FILTER (WHERE cells.wanted),
            ''
        ),
        'UTF8'
    ),
    count(*),
    count(*) FILTER (WHERE cells.wanted),
    count(*) FILTER (WHERE NOT cells.readable)
FROM (
\ir batch_cells.sql
) AS cells
