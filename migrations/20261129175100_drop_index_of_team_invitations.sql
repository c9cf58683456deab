-- no-transaction
-- The index that holds the order too stands in its place.

DROP INDEX CONCURRENTLY IF EXISTS team_invitations_invitee_id_idx;
