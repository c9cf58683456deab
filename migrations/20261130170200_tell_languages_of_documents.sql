-- A document is searched by the words of its own language, and tells which pages could not be read.

ALTER TABLE knowledge_documents
    ADD COLUMN language     TEXT      NOT NULL DEFAULT 'english',
    ADD COLUMN unread_pages INTEGER[] NOT NULL DEFAULT '{}',
    -- Text search configurations that every PostgreSQL has.
    ADD CONSTRAINT knowledge_documents_language_check
        CHECK (language IN ('simple', 'danish', 'dutch', 'english', 'finnish', 'french', 'german',
                            'hungarian', 'italian', 'norwegian', 'portuguese', 'romanian', 'russian',
                            'spanish', 'swedish', 'turkish')) NOT VALID;
