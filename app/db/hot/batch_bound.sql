-- The place at which a page of :size occurrences ends; none where fewer are left.
SELECT page.crash_id, page.occurred_at, page.id
FROM (
\ir batch_page.sql
) AS page
OFFSET :size::bigint - 1
LIMIT 1
