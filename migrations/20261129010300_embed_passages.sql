-- What a passage means, as a model of the operator's tells it: numbers, whose direction is compared.

-- They are plain arrays, so that the table is the same with pgvector and without. A search compares those
-- of one agent, which are bounded; an index over all owners would be leafed through for nothing.
CREATE TABLE knowledge_embeddings (
    owner_id    UUID    NOT NULL,
    document_id UUID    NOT NULL,
    position    INTEGER NOT NULL,
    agent_id    UUID    NOT NULL,
    model       TEXT    NOT NULL,
    embedding   REAL[]  NOT NULL,
    CONSTRAINT knowledge_embeddings_pkey PRIMARY KEY (owner_id, document_id, position),
    CONSTRAINT knowledge_embeddings_position_fkey FOREIGN KEY (owner_id, document_id, position)
        REFERENCES knowledge_passages (owner_id, document_id, position) ON DELETE CASCADE
);

CREATE INDEX knowledge_embeddings_agent_id_idx ON knowledge_embeddings (owner_id, agent_id);

ALTER TABLE knowledge_documents
    ADD COLUMN embedded_by    TEXT,
    ADD COLUMN embed_attempts INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN embed_at       TIMESTAMPTZ;

-- The documents that no model has read yet, for whoever has it done.
CREATE INDEX knowledge_documents_embed_idx
    ON knowledge_documents ((coalesce(embed_at, created_at))) WHERE embedded_by IS NULL;

-- How like two meanings are, from -1 to 1; unknown where the database cannot tell.
CREATE FUNCTION meaning_likeness(one REAL[], other REAL[]) RETURNS REAL
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT NULL::REAL';

-- Lets the database compare meanings, when pgvector is there; may be called again once it is. Answers
-- whether it can.
CREATE FUNCTION use_vectors() RETURNS BOOLEAN
    LANGUAGE plpgsql VOLATILE
    AS $body$
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
            RETURN FALSE;
        END IF;
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN insufficient_privilege THEN
            RETURN FALSE;
        END;
        EXECUTE $sql$
            CREATE OR REPLACE FUNCTION meaning_likeness(one REAL[], other REAL[]) RETURNS REAL
                LANGUAGE sql IMMUTABLE PARALLEL SAFE
                AS 'SELECT CASE WHEN cardinality(one) = cardinality(other)
                           THEN (1 - (one::vector <=> other::vector))::REAL END'
        $sql$;
        RETURN TRUE;
    END
    $body$;

SELECT use_vectors();
