-- The pictures of a listing and of what is handed in, as pages show them: a list of listings is read
-- without a look into other tables.

ALTER TABLE listings ADD COLUMN picture JSONB;
ALTER TABLE listings ADD COLUMN screenshots JSONB NOT NULL DEFAULT '[]';

ALTER TABLE listing_submissions ADD COLUMN picture JSONB;
ALTER TABLE listing_submissions ADD COLUMN screenshots JSONB NOT NULL DEFAULT '[]';
