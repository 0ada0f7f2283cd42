-- Ids are 16 bytes, digests 32, instants microseconds since 1970, enums words. Nothing here decides anything.

CREATE TABLE org (
    id {BLOB} PRIMARY KEY,
    name TEXT NOT NULL,
    parent_id {BLOB} NOT NULL,
    region TEXT,
    authentication_type TEXT NOT NULL,
    jwt_minutes BIGINT,
    idle_minutes BIGINT,
    absolute_minutes BIGINT,
    session_limit BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A user with what proves it. `user` is a reserved word of SQL.
CREATE TABLE account (
    id {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL REFERENCES org (id),
    name TEXT NOT NULL,
    canonical_name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    authenticator TEXT NOT NULL,
    password_hash TEXT,
    profile TEXT NOT NULL,
    must_change_password BIGINT NOT NULL,
    max_login_attempts BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE account_role (
    account_id {BLOB} NOT NULL REFERENCES account (id),
    role_id {BLOB} NOT NULL,
    PRIMARY KEY (account_id, role_id)
);

-- The id itself is nowhere: its owner has the only copy.
CREATE TABLE session (
    digest {BLOB} PRIMARY KEY,
    user_id {BLOB} NOT NULL,
    org_id {BLOB} NOT NULL,
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    idle_micros BIGINT,
    expires_at BIGINT NOT NULL,
    unique_id TEXT,
    ended_at BIGINT
);

CREATE INDEX session_of_org ON session (org_id, expires_at);
CREATE INDEX session_by_expiry ON session (expires_at);

-- Names are kept as digests: people type passwords into name fields.
CREATE TABLE attempt (
    name {BLOB} PRIMARY KEY,
    failures BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    locked_until BIGINT,
    last_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE INDEX attempt_by_age ON attempt (last_at);

CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_key {BLOB} NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    org_id {BLOB},
    event TEXT NOT NULL
);
