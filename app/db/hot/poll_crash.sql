-- Part of poll_by_key.sql and poll_by_id.sql: the columns of a poll, and the crash if the token's owner is a member.
SELECT
    tokens.user_id,
    job_askers.seen_at,
    crashes.id AS crash_id,
    crashes.app_id AS crash_app_id,
    crashes.revision AS crash_revision,
    crashes.occurrences_count AS crash_occurrences_count,
    apps.reports_revision AS crash_reports_revision,
    jobs.id AS job_id,
    jobs.kind AS job_kind,
    jobs.attempt AS job_attempt,
    jobs.state AS job_state,
    jobs.created_at AS job_created_at,
    jobs.progress_done AS job_progress_done,
    jobs.progress_total AS job_progress_total,
    jobs.finished_at AS job_finished_at,
    jobs.expires_at AS job_expires_at,
    jobs.preview_key AS job_preview_key,
    jobs.data_revision AS job_data_revision,
    jobs.result_text AS job_result_text,
    jobs.result_key AS job_result_key,
    jobs.result_size AS job_result_size,
    jobs.result_sha256 AS job_result_sha256,
    jobs.result_filename AS job_result_filename,
    jobs.result_media_type AS job_result_media_type
FROM tokens
JOIN memberships ON memberships.user_id = tokens.user_id
JOIN crashes ON crashes.app_id = memberships.app_id
JOIN apps ON apps.id = crashes.app_id
