-- no-transaction
-- What somebody is invited to is read page by page, the newest first, however many teams invite them.

CREATE INDEX CONCURRENTLY IF NOT EXISTS team_invitations_offered_idx
    ON team_invitations (invitee_id, created_at DESC, invitation_id DESC)
    WHERE invitee_id IS NOT NULL;
