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
