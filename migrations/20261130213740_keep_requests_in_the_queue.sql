-- The request that queued a session, or let it go on, is known to the worker that runs it, beside its trace.

ALTER TABLE session_queue ADD COLUMN request_id TEXT;
