-- In place of batch_page.sql where a page lies within one crash: its rows come from ix_occurrences_list as they stand.
SELECT
    crash_id, (SELECT identifier FROM crashes WHERE id = :upto_crash::bigint) AS crash_identifier,
    id, log_row, log_id, number, occurred_at, described,
    app_version, app_build, os_name, os_version, device_model, user_id
FROM occurrences
WHERE crash_id = (SELECT id FROM crashes WHERE id = :upto_crash::bigint AND app_id = :app)
    -- Where the page before ended, or with what the batch is of.
    AND (occurred_at, id) > (
        CASE
            WHEN :after_crash::bigint = :upto_crash::bigint THEN :after_at::timestamptz
            ELSE coalesce(:since::timestamptz, '-infinity')
        END,
        CASE WHEN :after_crash::bigint = :upto_crash::bigint THEN :after_id::bigint ELSE 0 END
    )
    AND (occurred_at, id) <= (:upto_at::timestamptz, :upto_id::bigint)
    AND id + 0 <= :last_row::bigint
    AND id + 0 > :after_row::bigint
ORDER BY crash_id, occurred_at, id
