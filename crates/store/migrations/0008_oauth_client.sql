-- Programs that get tokens for themselves (RFC 6749 section 4.4). Of a secret only its SHA-256 is kept.
CREATE TABLE oauth_client (
    id {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL REFERENCES org (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    is_disabled BIGINT NOT NULL,
    token_minutes BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX oauth_client_of_org ON oauth_client (org_id, created_at);

CREATE TABLE oauth_client_role (
    client_id {BLOB} NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    role_id {BLOB} NOT NULL,
    PRIMARY KEY (client_id, role_id)
);

CREATE INDEX oauth_client_with_role ON oauth_client_role (role_id);

CREATE TABLE oauth_client_secret (
    id {BLOB} PRIMARY KEY,
    client_id {BLOB} NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    digest {BLOB} NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE INDEX oauth_client_secret_of ON oauth_client_secret (client_id, created_at);

-- Tokens that were withdrawn before their time: SHA-256 of the `jti`, and until when the token would have lived.
CREATE TABLE revoked_token (
    digest {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL,
    until BIGINT NOT NULL
);

CREATE INDEX revoked_token_by_end ON revoked_token (until);
CREATE INDEX revoked_token_of_org ON revoked_token (org_id);
