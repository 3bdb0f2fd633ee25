-- Ends digests: the first statement of their transaction, which guards all that follows it.
-- :rows is JSON (digest_steps.EndedLog). Columns: row ids of the logs whose digest was still this worker's; the others must
-- leave no trace.
UPDATE logs
SET status = given.status,
    format = given.format,
    error_message = given.error_message,
    digested_at = :now,
    holder = NULL,
    lease_expires_at = NULL
FROM json_to_recordset(:rows::json) AS given (
    id bigint, attempt integer, holder text, status text, format text, error_message text
)
WHERE logs.id = given.id
    -- The same once more, as a list: a plan made while there are few logs would else read all of them, also when many are.
    AND logs.id = ANY (ARRAY (SELECT id FROM json_to_recordset(:rows::json) AS wanted (id bigint)))
    -- Taken over meanwhile: another attempt has another number.
    AND logs.attempt = given.attempt
    -- Claimed with the same number, after a crash of the database that lost the first claim: another claim has another holder.
    AND logs.holder = given.holder
    -- Ended meanwhile, by the sweep or because its bytes are lost. Not spelled out as in claims: a plan that can use the
    -- index of waiting logs reads all that wait.
    AND logs.status = (SELECT 'received')
    -- Freed meanwhile: the log waits for its next attempt.
    AND logs.lease_expires_at IS NOT NULL
RETURNING logs.id
