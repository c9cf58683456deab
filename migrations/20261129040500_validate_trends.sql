-- The constraint that listings got while they were in use holds for all of them.

ALTER TABLE listings VALIDATE CONSTRAINT listings_trend_check;
