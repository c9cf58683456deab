-- Why a session broke off last, and how often it gave way to others that had set its budget aside.

ALTER TABLE session_queue
    ADD COLUMN last_error   TEXT,
    ADD COLUMN budget_waits INTEGER NOT NULL DEFAULT 0;
