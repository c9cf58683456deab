-- Who did what, when, from where, to what: written in the transaction of the deed, so what concerns an
-- owner's things lies where those lie, and what concerns accounts and the marketplace lies beside them.
-- Nothing changes an entry; it goes when it is too old, or with the account.

CREATE TABLE owner_audit (
    owner_id     UUID        NOT NULL,
    entry_id     UUID        NOT NULL,
    deed         TEXT        NOT NULL,
    actor_kind   TEXT        NOT NULL,
    actor_id     UUID,
    key_prefix   TEXT,
    subject_kind TEXT,
    subject_id   UUID,
    subject_name TEXT        NOT NULL,
    address      TEXT,
    request_id   TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT owner_audit_pkey PRIMARY KEY (owner_id, entry_id),
    CONSTRAINT owner_audit_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT owner_audit_actor_kind_check
        CHECK (actor_kind IN ('person', 'key', 'system', 'nobody'))
);

-- All entries by time: for admins, and for what is too old.
CREATE INDEX owner_audit_entry_id_idx ON owner_audit (entry_id);
-- What a person did to the things of others, so that it can be forgotten who it was.
CREATE INDEX owner_audit_actor_id_idx ON owner_audit (actor_id) WHERE actor_id <> owner_id;
CREATE INDEX owner_audit_subject_id_idx ON owner_audit (subject_id)
    WHERE subject_kind = 'account';

CREATE TABLE account_audit (
    -- Absent: it concerns the installation.
    account_id   UUID,
    entry_id     UUID        NOT NULL,
    deed         TEXT        NOT NULL,
    actor_kind   TEXT        NOT NULL,
    actor_id     UUID,
    key_prefix   TEXT,
    subject_kind TEXT,
    subject_id   UUID,
    subject_name TEXT        NOT NULL,
    address      TEXT,
    request_id   TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT account_audit_pkey PRIMARY KEY (entry_id),
    CONSTRAINT account_audit_account_id_fkey FOREIGN KEY (account_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT account_audit_actor_kind_check
        CHECK (actor_kind IN ('person', 'key', 'system', 'nobody'))
);

CREATE INDEX account_audit_account_id_idx ON account_audit (account_id, entry_id);
CREATE INDEX account_audit_actor_id_idx ON account_audit (actor_id);
CREATE INDEX account_audit_subject_id_idx ON account_audit (subject_id)
    WHERE subject_kind = 'account';
-- How many sign-ins failed of late, which bounds how many are written down.
CREATE INDEX account_audit_failed_idx ON account_audit (entry_id) WHERE deed = 'sign_in_failed';
