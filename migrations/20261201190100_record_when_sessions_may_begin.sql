-- A session that shall begin later says when, to whoever looks at it: the queue knows it, and forgets it.

ALTER TABLE sessions ADD COLUMN run_at TIMESTAMPTZ;
