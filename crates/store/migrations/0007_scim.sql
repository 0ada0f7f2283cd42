-- The bearer tokens of SCIM, as digests. An org has as many places for them as it may have tokens.
CREATE TABLE scim_token (
    id {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL REFERENCES org (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    digest {BLOB} NOT NULL UNIQUE,
    made_by {BLOB} NOT NULL,
    privileges TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    UNIQUE (org_id, place)
);

-- What the client of SCIM calls a user or a group; it need not be unique (RFC 7643 section 3.1).
ALTER TABLE account ADD COLUMN external_id TEXT;
ALTER TABLE user_group ADD COLUMN external_id TEXT;

CREATE INDEX account_by_external_id ON account (org_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX group_by_external_id ON user_group (org_id, external_id) WHERE external_id IS NOT NULL;
