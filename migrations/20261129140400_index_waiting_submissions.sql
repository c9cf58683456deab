-- no-transaction
-- What waits for a moderator is read page by page, and many may have been handed in at the same instant.

CREATE INDEX CONCURRENTLY IF NOT EXISTS listing_submissions_waiting_idx
    ON listing_submissions (submitted_at, submission_id)
    WHERE state = 'in_review';
