-- no-transaction
-- What is told of a person is looked for when the account goes.

CREATE INDEX CONCURRENTLY IF NOT EXISTS account_notices_person_id_idx ON account_notices (person_id)
    WHERE person_id IS NOT NULL;
