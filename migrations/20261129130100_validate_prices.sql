-- Every listing and submission has a price by the rules.

ALTER TABLE listings VALIDATE CONSTRAINT listings_price_check;
ALTER TABLE listing_submissions VALIDATE CONSTRAINT listing_submissions_price_check;
