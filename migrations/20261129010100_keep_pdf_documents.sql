-- A document may have been a PDF.

ALTER TABLE knowledge_documents
    DROP CONSTRAINT knowledge_documents_format_check,
    ADD CONSTRAINT knowledge_documents_format_check
        CHECK (format IN ('text', 'markdown', 'html', 'csv', 'pdf')) NOT VALID;
