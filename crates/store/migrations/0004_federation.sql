-- What was used once, and until when it could be used again. A digest tells nothing about what it was.
CREATE TABLE spent (
    digest {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL,
    until BIGINT NOT NULL
);

CREATE INDEX spent_by_end ON spent (until);
CREATE INDEX spent_by_org ON spent (org_id);

-- Whose assertions an org accepts. `terms` is JSON; the issuer stands beside it, for an org has each issuer once.
CREATE TABLE identity_provider (
    id {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL REFERENCES org (id),
    issuer TEXT NOT NULL,
    terms TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, issuer)
);
