-- Which session answers a call of the MCP server that waits: whoever called may take the call back, at
-- whichever process.

CREATE TABLE mcp_calls (
    owner_id   UUID        NOT NULL,
    session_id UUID        NOT NULL,
    -- The conversation and the number of the request in it, as the caller names them.
    name       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT mcp_calls_pkey PRIMARY KEY (owner_id, session_id),
    CONSTRAINT mcp_calls_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

CREATE INDEX mcp_calls_name_idx ON mcp_calls (owner_id, name);
