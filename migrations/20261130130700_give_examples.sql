-- Publishers give goals to try their listings with.

ALTER TABLE listing_submissions ADD COLUMN examples JSONB NOT NULL DEFAULT '[]';
