-- Letters to people about their accounts, and the links in them: for who has forgotten the password, and for
-- another e-mail address.

-- Written where it is asked for and sent from here. A link is made when its letter is sent, so that its token
-- stands in that alone.
CREATE TABLE account_letters (
    letter_id       UUID        NOT NULL,
    -- What its link is for; absent: it has none.
    purpose         TEXT,
    -- Whose address it is to become; absent: whoever has it when the letter is sent.
    user_id         UUID,
    email           TEXT        NOT NULL,
    subject         TEXT        NOT NULL,
    text            TEXT        NOT NULL,
    attempts        INTEGER     NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT account_letters_pkey PRIMARY KEY (letter_id),
    CONSTRAINT account_letters_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT account_letters_purpose_check CHECK (purpose IN ('password', 'address')),
    CONSTRAINT account_letters_user_check
        CHECK ((purpose IS NOT DISTINCT FROM 'address') = (user_id IS NOT NULL))
);

-- Whoever asks again gets one letter. For another address each has their own: two may want the same one.
CREATE UNIQUE INDEX account_letters_password_key ON account_letters (email) WHERE purpose = 'password';
CREATE INDEX account_letters_next_attempt_at_idx ON account_letters (next_attempt_at);
CREATE INDEX account_letters_user_id_idx ON account_letters (user_id) WHERE user_id IS NOT NULL;

-- Of a purpose an account has one: a newer one takes its place.
CREATE TABLE account_links (
    user_id    UUID        NOT NULL,
    purpose    TEXT        NOT NULL,
    token_hash BYTEA       NOT NULL,
    -- Where it was sent.
    email      TEXT        NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT account_links_pkey PRIMARY KEY (user_id, purpose),
    CONSTRAINT account_links_token_hash_key UNIQUE (token_hash),
    CONSTRAINT account_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT account_links_purpose_check CHECK (purpose IN ('password', 'address')),
    CONSTRAINT account_links_token_hash_check CHECK (octet_length(token_hash) = 32)
);

CREATE INDEX account_links_expires_at_idx ON account_links (expires_at);
