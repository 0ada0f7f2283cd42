-- A use of a session writes one page. What a use changes stands in no index, so what is over is found by walking along
-- the digests. On SQLite a row stands where its digest is, beside those that are written with it, and so does a counter
-- beside the other one of its name.

{SQLITE}
ALTER TABLE saml_session RENAME TO saml_session_before;
ALTER TABLE session RENAME TO session_before;
ALTER TABLE attempt RENAME TO attempt_before;

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
    ended_at BIGINT,
    address TEXT,
    device TEXT
) WITHOUT ROWID;

-- The condition makes it read along the index of the digests instead of sorting everything in memory.
INSERT INTO session (digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, expires_at, unique_id,
        ended_at, address, device)
    SELECT digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, expires_at, unique_id,
        ended_at, address, device
    FROM session_before WHERE digest >= x'' ORDER BY digest;

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
) WITHOUT ROWID;

INSERT INTO saml_session (digest, org_id, provider_id, subject, name_id, format, name_qualifier,
        sp_name_qualifier, session_index)
    SELECT digest, org_id, provider_id, subject, name_id, format, name_qualifier,
        sp_name_qualifier, session_index
    FROM saml_session_before WHERE digest >= x'' ORDER BY digest;

CREATE TABLE attempt (
    name {BLOB} NOT NULL,
    network TEXT NOT NULL,
    failures BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    locked_until BIGINT,
    last_at BIGINT NOT NULL,
    succeeded_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (name, network)
) WITHOUT ROWID;

INSERT INTO attempt (name, network, failures, pending, locked_until, last_at, succeeded_at, version)
    SELECT name, network, failures, pending, locked_until, last_at, succeeded_at, version
    FROM attempt_before WHERE name >= x'' ORDER BY name, network;

-- A session may go when nothing refers to it any more.
DROP TABLE saml_session_before;
DROP TABLE session_before;
DROP TABLE attempt_before;

CREATE INDEX saml_session_of_subject ON saml_session (subject);
CREATE INDEX saml_session_of_org ON saml_session (org_id);

{BOTH}
CREATE INDEX session_by_org ON session (org_id, ends_at, ended_at);
CREATE INDEX session_by_user ON session (user_id);

{POSTGRES}
DROP INDEX IF EXISTS session_of_org;
DROP INDEX IF EXISTS session_by_expiry;
DROP INDEX IF EXISTS session_of_user;
DROP INDEX IF EXISTS attempt_by_worth;
