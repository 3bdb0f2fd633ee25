-- Of the groups that a digest has found, those that people have merged into another crash.
-- :rows is JSON ({identifier}). Columns: identifier of the group, identifier of the crash that it is counted in.
SELECT merged.identifier, merged.into_identifier
FROM json_to_recordset(:rows::json) AS given (identifier text)
CROSS JOIN LATERAL (
    SELECT decisions.identifier, decisions.into_identifier
    FROM grouping_decisions AS decisions
    WHERE decisions.identifier = given.identifier
        -- A group that was split off again is a crash of its own.
        AND decisions.into_identifier <> decisions.identifier
        -- A crash that is not there can count nothing: until it is, the group is a crash of its own.
        AND EXISTS (SELECT FROM crashes WHERE crashes.identifier = decisions.into_identifier)
    OFFSET 0  -- each group is looked up: a plan made while there are few decisions would else read all of them
) AS merged
