-- The trace of the request that queued a session goes on in the worker that runs it.

ALTER TABLE session_queue ADD COLUMN traceparent TEXT;
