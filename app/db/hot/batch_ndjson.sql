-- A page of a batch as NDJSON: one object to a line, every key in each. Values are quoted by to_json, which leaves null out.
-- Columns: the text, occurrences read, rows that it holds, occurrences whose facts nobody knows.
SELECT
    convert_to(
        coalesce(
            string_agg(
                -- Nothing in ids, times and the crash's identifier needs quoting. By hand: row_to_json takes a fifth longer.
                '{"id":"' || cells.id || '","date":"' || left(cells.occurred, 10) || '","log_id":"' || cells.log_id
                || '","occurred_at":"' || cells.occurred || '","crash_identifier":"' || cells.crash_identifier
                || '","app_version":' || coalesce(to_json(cells.app_version)::text, 'null')
                || ',"app_build":' || coalesce(to_json(cells.app_build)::text, 'null')
                || ',"os_name":' || coalesce(to_json(cells.os_name)::text, 'null')
                || ',"os_version":' || coalesce(to_json(cells.os_version)::text, 'null')
                || ',"device_model":' || coalesce(to_json(cells.shown_device)::text, 'null')
                || ',"user_id":' || coalesce(to_json(cells.shown_user)::text, 'null') || E'}\n',
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
