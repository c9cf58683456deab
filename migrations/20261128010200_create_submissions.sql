-- Listings that people publish: what they hand in, what moderators say to it, and how it stands in the
-- marketplace.

ALTER TABLE listings ADD COLUMN agent_id UUID;
ALTER TABLE listings ADD COLUMN state TEXT NOT NULL DEFAULT 'published';
ALTER TABLE listings ADD COLUMN tags TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE listings ADD CONSTRAINT listings_state_check
    CHECK (state IN ('published', 'paused', 'unlisted', 'removed')) NOT VALID;

ALTER TABLE listing_versions ADD COLUMN change_log TEXT NOT NULL DEFAULT '';
ALTER TABLE listing_versions ADD COLUMN agent_version INTEGER;

CREATE TABLE listing_submissions (
    submission_id UUID        NOT NULL,
    publisher_id  UUID        NOT NULL,
    agent_id      UUID        NOT NULL,
    agent_version INTEGER     NOT NULL,
    state         TEXT        NOT NULL DEFAULT 'draft',
    name          TEXT        NOT NULL,
    tagline       TEXT        NOT NULL,
    category      TEXT        NOT NULL,
    description   TEXT        NOT NULL,
    tags          TEXT[]      NOT NULL,
    change_log    TEXT        NOT NULL,
    spec          JSONB       NOT NULL,
    comment       TEXT        NOT NULL DEFAULT '',
    decided_by    UUID,
    created_at    TIMESTAMPTZ NOT NULL,
    submitted_at  TIMESTAMPTZ,
    decided_at    TIMESTAMPTZ,
    CONSTRAINT listing_submissions_pkey PRIMARY KEY (submission_id),
    CONSTRAINT listing_submissions_publisher_id_fkey FOREIGN KEY (publisher_id)
        REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT listing_submissions_decided_by_fkey FOREIGN KEY (decided_by)
        REFERENCES users (user_id) ON DELETE SET NULL,
    CONSTRAINT listing_submissions_state_check
        CHECK (state IN ('draft', 'in_review', 'approved', 'changes_requested')),
    CONSTRAINT listing_submissions_submitted_check
        CHECK (state = 'draft' OR submitted_at IS NOT NULL),
    CONSTRAINT listing_submissions_decided_check
        CHECK ((decided_at IS NOT NULL) = (state IN ('approved', 'changes_requested')))
);

-- One on its way at a time.
CREATE UNIQUE INDEX listing_submissions_open_key ON listing_submissions (publisher_id, agent_id)
    WHERE state IN ('draft', 'in_review');
CREATE INDEX listing_submissions_agent_id_idx
    ON listing_submissions (publisher_id, agent_id, submission_id DESC);
-- What waits for a moderator, the longest first.
CREATE INDEX listing_submissions_queue_idx ON listing_submissions (submitted_at)
    WHERE state = 'in_review';
