-- A page of a batch as CSV, safe to open in a spreadsheet (app/exports/csv_rows.py). Unknown is an empty cell.
-- Columns: the text, occurrences read, rows that it holds, occurrences whose facts nobody knows.
SELECT
    convert_to(
        coalesce(
            string_agg(
                cells.id || ',' || left(cells.occurred, 10) || ',' || cells.log_id || ',' || cells.occurred || ','
                || cells.crash_identifier || ',' || CASE
                    WHEN (
\ir batch_joined.sql
                    ) !~ '[\r\n",]|\x7f[=+@\t-]' THEN
                        -- Nothing to quote but the device, and no formula, as in almost all rows.
                        coalesce(cells.app_version, '') || ',' || coalesce(cells.app_build, '') || ','
                        || coalesce(cells.os_name, '') || ',' || coalesce(cells.os_version, '') || ','
                        || CASE
                            WHEN strpos(cells.shown_device, ',') > 0 THEN '"' || cells.shown_device || '"'
                            ELSE coalesce(cells.shown_device, '')
                        END
                        || ',' || coalesce(cells.shown_user, '')
                    ELSE (
                        SELECT string_agg(
                            CASE
                                WHEN safe.text ~ '[\r\n",]' THEN '"' || replace(safe.text, '"', '""') || '"'
                                ELSE safe.text
                            END,
                            ',' ORDER BY cell.place
                        )
                        FROM unnest(ARRAY[
                            cells.app_version, cells.app_build, cells.os_name, cells.os_version, cells.shown_device,
                            cells.shown_user
                        ]) WITH ORDINALITY AS cell (value, place)
                        CROSS JOIN LATERAL (
                            -- An apostrophe before what a spreadsheet would run.
                            SELECT
                                CASE WHEN cell.value ~ '^[=+@\t\r\n-]' THEN '''' ELSE '' END || coalesce(cell.value, '')
                                AS text
                        ) AS safe
                    )
                END || E'\r\n',
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
