-- What the agent of a listing was copied from: another listing, and which of its versions. It may be gone.

ALTER TABLE listing_submissions ADD COLUMN forked_from UUID;
ALTER TABLE listing_submissions ADD COLUMN forked_version INTEGER;
ALTER TABLE listings ADD COLUMN forked_from UUID;
ALTER TABLE listings ADD COLUMN forked_version INTEGER;
