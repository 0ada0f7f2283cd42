-- The key with which this service signs what it says to SAML identity providers, and the certificate that they know it by.
-- There is one.
CREATE TABLE saml_key (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    private_key {BLOB} NOT NULL,
    certificate {BLOB} NOT NULL,
    created_at BIGINT NOT NULL
);
