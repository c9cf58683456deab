-- What is queued of an agent that is paused or archived is put off until it is active again. It is parked
-- meanwhile, as what waits for a person is, so that no worker comes upon it.

ALTER TABLE session_queue ADD COLUMN is_put_off BOOLEAN NOT NULL DEFAULT FALSE;
