-- The state of a job; who may ask for it has been checked before.
SELECT state FROM jobs WHERE id = :job
