-- How much the agents of a person may use in a month, and what they have used.

-- The nil UUID in the place of an agent stands for all agents of the owner together.
CREATE TABLE budgets (
    owner_id      UUID        NOT NULL,
    agent_id      UUID        NOT NULL,
    max_tokens    BIGINT,
    max_micro_usd BIGINT,
    updated_at    TIMESTAMPTZ NOT NULL,
    CONSTRAINT budgets_pkey PRIMARY KEY (owner_id, agent_id),
    CONSTRAINT budgets_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT budgets_max_check CHECK (max_tokens > 0 AND max_micro_usd > 0)
);

-- Months are those of UTC, told by their first day. What a person grants on top holds for the month.
CREATE TABLE budget_use (
    owner_id         UUID   NOT NULL,
    agent_id         UUID   NOT NULL,
    month            DATE   NOT NULL,
    tokens           BIGINT NOT NULL DEFAULT 0,
    micro_usd        BIGINT NOT NULL DEFAULT 0,
    raised_tokens    BIGINT NOT NULL DEFAULT 0,
    raised_micro_usd BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT budget_use_pkey PRIMARY KEY (owner_id, agent_id, month),
    CONSTRAINT budget_use_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

-- What the call of a model that is under way may use at most: one for each session.
CREATE TABLE budget_reservations (
    owner_id   UUID   NOT NULL,
    session_id UUID   NOT NULL,
    agent_id   UUID   NOT NULL,
    tokens     BIGINT NOT NULL,
    micro_usd  BIGINT NOT NULL,
    CONSTRAINT budget_reservations_pkey PRIMARY KEY (owner_id, session_id),
    CONSTRAINT budget_reservations_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);
