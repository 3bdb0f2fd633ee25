-- The occurrences of a page that no digest described: only their logs can tell of them. Columns: app.db.queries.batch_text.
SELECT page.id, page.log_row, page.number
FROM (
\ir batch_page.sql
) AS page
WHERE page.described IS NOT TRUE
