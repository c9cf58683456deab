-- Every row kept the narrower rule before.

ALTER TABLE knowledge_documents VALIDATE CONSTRAINT knowledge_documents_format_check;
