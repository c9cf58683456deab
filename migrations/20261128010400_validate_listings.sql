-- The constraints that listings got while they were in use hold for all of them.

ALTER TABLE listings VALIDATE CONSTRAINT listings_publisher_id_fkey;
ALTER TABLE listings VALIDATE CONSTRAINT listings_state_check;
