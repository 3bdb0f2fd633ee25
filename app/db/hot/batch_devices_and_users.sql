-- The devices and users of a page, each once: what the app's rules may take out of its rows.
SELECT DISTINCT page.device_model, page.user_id
FROM (
\ir batch_page.sql
) AS page
WHERE page.described
