-- Notes what the logs of a digest would have been named by (awaited_symbols.Waiting): they are read again once it has come.
INSERT INTO awaited_symbols (app_id, awaited, log_row)
SELECT given.app_id, given.awaited, given.log_row
FROM json_to_recordset(:rows::json) AS given (app_id integer, awaited text, log_row bigint)
-- A row that is there already says the same.
ON CONFLICT DO NOTHING
