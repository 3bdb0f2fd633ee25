-- Part of batch_csv.sql and batch_ndjson.sql: the facts of `cells` as one text, for one test of all of them. A delete
-- character stands before each. Commas of the device are left out: models of iPhones have one, as batch_csv.sql knows.
E'\x7f' || coalesce(cells.app_version, '') || E'\x7f' || coalesce(cells.app_build, '') || E'\x7f'
|| coalesce(cells.os_name, '') || E'\x7f' || coalesce(cells.os_version, '') || E'\x7f'
|| coalesce(replace(cells.shown_device, ',', ''), '') || E'\x7f' || coalesce(cells.shown_user, '')
