-- Every document was taken for English before.

ALTER TABLE knowledge_documents VALIDATE CONSTRAINT knowledge_documents_language_check;
