-- What people report about reviews, for the moderators. A report that is decided goes: what was decided stands in the
-- audit log. They stand apart from those of listings, of which the last release would remove the listing.

CREATE TABLE review_reports (
    report_id   UUID        NOT NULL,
    review_id   UUID        NOT NULL,
    reporter_id UUID        NOT NULL,
    reason      TEXT        NOT NULL,
    body        TEXT        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT review_reports_pkey PRIMARY KEY (report_id),
    CONSTRAINT review_reports_reporter_id_key UNIQUE (review_id, reporter_id),
    CONSTRAINT review_reports_review_id_fkey FOREIGN KEY (review_id)
        REFERENCES reviews (review_id) ON DELETE CASCADE,
    CONSTRAINT review_reports_reporter_id_fkey FOREIGN KEY (reporter_id)
        REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT review_reports_reason_check
        CHECK (reason IN ('harmful', 'misleading', 'secrets', 'infringing', 'spam', 'other'))
);

CREATE INDEX review_reports_reporter_id_idx ON review_reports (reporter_id);
