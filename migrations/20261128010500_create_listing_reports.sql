-- What people report about listings, for the moderators.

CREATE TABLE listing_reports (
    report_id   UUID        NOT NULL,
    listing_id  UUID        NOT NULL,
    reporter_id UUID        NOT NULL,
    reason      TEXT        NOT NULL,
    body        TEXT        NOT NULL,
    outcome     TEXT,
    decided_by  UUID,
    decided_at  TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT listing_reports_pkey PRIMARY KEY (report_id),
    CONSTRAINT listing_reports_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE,
    CONSTRAINT listing_reports_reporter_id_fkey FOREIGN KEY (reporter_id)
        REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT listing_reports_decided_by_fkey FOREIGN KEY (decided_by)
        REFERENCES users (user_id) ON DELETE SET NULL,
    CONSTRAINT listing_reports_reason_check
        CHECK (reason IN ('harmful', 'misleading', 'secrets', 'infringing', 'spam', 'other')),
    CONSTRAINT listing_reports_outcome_check CHECK (outcome IN ('dismissed', 'removed')),
    CONSTRAINT listing_reports_decided_check CHECK ((decided_at IS NULL) = (outcome IS NULL))
);

-- Somebody's open report of a listing counts once.
CREATE UNIQUE INDEX listing_reports_open_key ON listing_reports (listing_id, reporter_id)
    WHERE outcome IS NULL;
CREATE INDEX listing_reports_queue_idx ON listing_reports (report_id) WHERE outcome IS NULL;
