-- Every listing ran at least no times.

ALTER TABLE listings VALIDATE CONSTRAINT listings_sessions_check;
