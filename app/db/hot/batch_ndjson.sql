-- A page of a batch as NDJSON: one object to a line, every key in each. Values are quoted by to_json where they need it.
-- Columns: the text, occurrences read, rows that it holds, occurrences whose facts nobody knows.
SELECT
    convert_to(
        coalesce(
            string_agg(
                -- Nothing in ids, times and the crash's identifier needs quoting. By hand: row_to_json takes a fifth longer.
                '{"id":"' || cells.id || '","date":"' || left(cells.occurred, 10) || '","log_id":"' || cells.log_id
                || '","occurred_at":"' || cells.occurred || '","crash_identifier":"' || cells.crash_identifier || '"'
                || ',"app_version":'
                || coalesce(CASE WHEN cells.is_plain THEN '"' || cells.app_version || '"' ELSE to_json(cells.app_version)::text END, 'null')
                || ',"app_build":'
                || coalesce(CASE WHEN cells.is_plain THEN '"' || cells.app_build || '"' ELSE to_json(cells.app_build)::text END, 'null')
                || ',"os_name":'
                || coalesce(CASE WHEN cells.is_plain THEN '"' || cells.os_name || '"' ELSE to_json(cells.os_name)::text END, 'null')
                || ',"os_version":'
                || coalesce(CASE WHEN cells.is_plain THEN '"' || cells.os_version || '"' ELSE to_json(cells.os_version)::text END, 'null')
                || ',"device_model":'
                || coalesce(CASE WHEN cells.is_plain THEN '"' || cells.shown_device || '"' ELSE to_json(cells.shown_device)::text END, 'null')
                || ',"user_id":'
                || coalesce(CASE WHEN cells.is_plain THEN '"' || cells.shown_user || '"' ELSE to_json(cells.shown_user)::text END, 'null')
                || E'}\n',
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
    SELECT
        cells.*,
        (
\ir batch_joined.sql
        ) !~ '[\x01-\x1f"\\]' AS is_plain
    FROM (
\ir batch_cells.sql
    ) AS cells
    OFFSET 0
) AS cells
