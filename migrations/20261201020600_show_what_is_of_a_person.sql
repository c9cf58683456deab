-- What is of a person and stands in the rows of others, for the file of all that is kept of them: what they answered
-- as a publisher, and the teams that they are in.

CREATE VIEW review_answers AS
SELECT l.publisher_id, l.slug, r.review_id, r.answer, r.answered_at
FROM listings l JOIN reviews r ON r.listing_id = l.listing_id
WHERE r.answer IS NOT NULL;

CREATE VIEW joined_teams AS
SELECT m.user_id, t.team_id, t.slug, t.name, m.role, m.joined_at
FROM team_members m JOIN teams t ON t.team_id = m.team_id;
