-- What an org decides for itself beside its sessions; what is NULL is the instance's. `trusted_ip_ranges` is a list with
-- spaces between, and empty for anywhere. `expires_since` is when its passwords began to grow old.
CREATE TABLE org_policy (
    org_id {BLOB} PRIMARY KEY REFERENCES org (id) ON DELETE CASCADE,
    password_min_length BIGINT,
    password_char_mix BIGINT,
    password_reuse_days BIGINT,
    password_expiration_days BIGINT,
    max_login_attempts BIGINT,
    lock_minutes BIGINT,
    trusted_ip_ranges TEXT,
    chose_session_id BIGINT NOT NULL,
    expires_since BIGINT
);

-- When the password was set, if it is not the one that the account was made with.
ALTER TABLE account ADD COLUMN password_at BIGINT;

-- A slow hash, like that of a password; the question stands in the profile.
ALTER TABLE account ADD COLUMN security_answer TEXT;

-- Hashes of the passwords before, for as long as they may not come back.
CREATE TABLE password_history (
    account_id {BLOB} NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL,
    replaced_at BIGINT NOT NULL
);

CREATE INDEX password_history_of_account ON password_history (account_id, replaced_at);

-- A counter is now kept for each network that tries a name. The one with an empty network counts them all together; what
-- was counted before goes on there.
ALTER TABLE attempt RENAME TO attempt_by_name;

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
);

INSERT INTO attempt (name, network, failures, pending, locked_until, last_at, succeeded_at, version)
    SELECT name, '', failures, pending, locked_until, last_at, 0, version FROM attempt_by_name;

DROP TABLE attempt_by_name;

CREATE INDEX attempt_by_worth ON attempt (succeeded_at, last_at);
