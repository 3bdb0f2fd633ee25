-- Part of the statements whose commit does not wait for the disk; each says what makes up for that.
-- app/db/async_commit.py leaves it out.
set_config('synchronous_commit', 'off', true)
