-- What a single logout has to know of a session that SAML opened: who opened it, and what they call the person and their
-- own session. It is forgotten with the session. `subject` is a digest of the provider and the name.
CREATE TABLE saml_session (
    digest {BLOB} PRIMARY KEY REFERENCES session (digest) ON DELETE CASCADE,
    org_id {BLOB} NOT NULL REFERENCES org (id) ON DELETE CASCADE,
    provider_id {BLOB} NOT NULL,
    subject {BLOB} NOT NULL,
    name_id TEXT NOT NULL,
    format TEXT,
    name_qualifier TEXT,
    sp_name_qualifier TEXT,
    session_index TEXT
);

CREATE INDEX saml_session_of_subject ON saml_session (subject);
CREATE INDEX saml_session_of_org ON saml_session (org_id);
