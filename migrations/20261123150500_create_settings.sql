-- What the installation makes for itself once and every process must share: the key of its cursors.

CREATE TABLE settings (
    name       TEXT        NOT NULL,
    value      BYTEA       NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT settings_pkey PRIMARY KEY (name)
);
