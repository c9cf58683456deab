-- What requests that count once did to things of an owner, where nothing was made under the identity that
-- was set aside for them. Written in the transaction of the effect, and needed for a day.

CREATE TABLE request_effects (
    owner_id   UUID        NOT NULL,
    request_id UUID        NOT NULL,
    effect     JSONB       NOT NULL,
    CONSTRAINT request_effects_pkey PRIMARY KEY (owner_id, request_id),
    CONSTRAINT request_effects_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);
