-- A version of a listing that its publisher deletes is shown and installed no more, and is kept for those
-- who have a copy of it: without it their next update would not know what they changed themselves.

ALTER TABLE listing_versions ADD COLUMN deleted_at TIMESTAMPTZ;
