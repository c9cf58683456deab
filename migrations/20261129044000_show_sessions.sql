-- A publisher may show one of their own sessions of the listing's present version on its page: what is
-- shown of it, and which one it is, so that it goes when its link is taken back.

ALTER TABLE listings ADD COLUMN showcase JSONB;
ALTER TABLE listings ADD COLUMN showcase_session_id UUID;
