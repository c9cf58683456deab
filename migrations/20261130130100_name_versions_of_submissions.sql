-- Which version of its listing an approved submission became: what the listing says and shows goes back to
-- that when the versions after it are deleted.

ALTER TABLE listing_submissions ADD COLUMN listing_version INTEGER;

-- Each approval made the next version, and no number was given twice.
UPDATE listing_submissions s
SET listing_version = approved.number
FROM (
    SELECT submission_id,
           row_number() OVER (PARTITION BY publisher_id, agent_id
                              ORDER BY decided_at, submission_id)::INTEGER AS number
    FROM listing_submissions
    WHERE state = 'approved'
) approved
WHERE s.submission_id = approved.submission_id;
