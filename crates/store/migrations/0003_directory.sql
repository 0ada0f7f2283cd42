-- Who wrote a record, and which writing it is: a change that has not seen the last writing is refused.
ALTER TABLE account ADD COLUMN created_by TEXT NOT NULL DEFAULT 'System';
ALTER TABLE account ADD COLUMN updated_by TEXT NOT NULL DEFAULT 'System';
ALTER TABLE account ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

CREATE INDEX account_of_org ON account (org_id, canonical_name);
CREATE INDEX account_with_role ON account_role (role_id);

-- A role that an org has made; the built-in ones are in the program.
CREATE TABLE role (
    id {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL REFERENCES org (id),
    name TEXT NOT NULL,
    canonical_name TEXT NOT NULL,
    description TEXT NOT NULL,
    privileges TEXT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, canonical_name)
);

-- `group` is a reserved word of SQL.
CREATE TABLE user_group (
    id {BLOB} PRIMARY KEY,
    org_id {BLOB} NOT NULL REFERENCES org (id),
    name TEXT NOT NULL,
    canonical_name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, canonical_name)
);

CREATE TABLE group_role (
    group_id {BLOB} NOT NULL REFERENCES user_group (id),
    role_id {BLOB} NOT NULL,
    PRIMARY KEY (group_id, role_id)
);

CREATE INDEX group_with_role ON group_role (role_id);

CREATE TABLE group_member (
    group_id {BLOB} NOT NULL REFERENCES user_group (id),
    account_id {BLOB} NOT NULL REFERENCES account (id),
    PRIMARY KEY (group_id, account_id)
);

CREATE INDEX group_of_member ON group_member (account_id);

-- Where a session was opened from: for the eyes of its owner and of administrators.
ALTER TABLE session ADD COLUMN address TEXT;
ALTER TABLE session ADD COLUMN device TEXT;

CREATE INDEX session_of_user ON session (user_id, expires_at);

CREATE INDEX audit_of_org ON audit (org_id, at, seq);
