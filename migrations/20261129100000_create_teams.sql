-- People use agents together: teams, who is in them with which role, who is invited, and which agents
-- are shared. An agent stays its owner's and stays where the owner's things are; only here stands with
-- whom it is shared.

CREATE TABLE teams (
    team_id    UUID        NOT NULL,
    slug       TEXT        NOT NULL,
    name       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT teams_pkey PRIMARY KEY (team_id),
    CONSTRAINT teams_slug_key UNIQUE (slug),
    CONSTRAINT teams_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);

CREATE TABLE team_members (
    user_id   UUID        NOT NULL,
    team_id   UUID        NOT NULL,
    role      TEXT        NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT team_members_pkey PRIMARY KEY (user_id, team_id),
    CONSTRAINT team_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT team_members_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams (team_id)
        ON DELETE CASCADE,
    CONSTRAINT team_members_role_check
        CHECK (role IN ('viewer', 'runner', 'editor', 'admin', 'owner'))
);

CREATE INDEX team_members_team_id_idx ON team_members (team_id);
-- A team has one owner.
CREATE UNIQUE INDEX team_members_owner_idx ON team_members (team_id) WHERE role = 'owner';

-- For an account, or for whoever comes first with the token of a link, of which only the hash is here.
CREATE TABLE team_invitations (
    invitation_id UUID        NOT NULL,
    team_id       UUID        NOT NULL,
    role          TEXT        NOT NULL,
    invitee_id    UUID,
    token_hash    BYTEA,
    invited_by    UUID,
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    CONSTRAINT team_invitations_pkey PRIMARY KEY (invitation_id),
    CONSTRAINT team_invitations_invitee_id_key UNIQUE (team_id, invitee_id),
    CONSTRAINT team_invitations_token_hash_key UNIQUE (token_hash),
    CONSTRAINT team_invitations_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams (team_id)
        ON DELETE CASCADE,
    CONSTRAINT team_invitations_invitee_id_fkey FOREIGN KEY (invitee_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT team_invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES users (user_id)
        ON DELETE SET NULL,
    CONSTRAINT team_invitations_role_check CHECK (role IN ('viewer', 'runner', 'editor', 'admin')),
    CONSTRAINT team_invitations_for_check CHECK ((invitee_id IS NULL) <> (token_hash IS NULL)),
    CONSTRAINT team_invitations_token_hash_check CHECK (octet_length(token_hash) = 32)
);

CREATE INDEX team_invitations_invitee_id_idx ON team_invitations (invitee_id)
    WHERE invitee_id IS NOT NULL;
CREATE INDEX team_invitations_invited_by_idx ON team_invitations (invited_by)
    WHERE invited_by IS NOT NULL;

-- Who leaves a team takes their agents along.
CREATE TABLE team_agents (
    team_id        UUID        NOT NULL,
    agent_id       UUID        NOT NULL,
    agent_owner_id UUID        NOT NULL,
    shared_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT team_agents_pkey PRIMARY KEY (team_id, agent_id),
    CONSTRAINT team_agents_owner_fkey FOREIGN KEY (agent_owner_id, team_id)
        REFERENCES team_members (user_id, team_id) ON DELETE CASCADE
);

-- Whether an agent that is not the caller's own is shared with them is asked for by the agent.
CREATE INDEX team_agents_agent_id_idx ON team_agents (agent_id);
CREATE INDEX team_agents_owner_idx ON team_agents (agent_owner_id, team_id);
