-- The SAML identity provider that an org trusts. `terms` is JSON.
CREATE TABLE saml_provider (
    org_id {BLOB} PRIMARY KEY REFERENCES org (id) ON DELETE CASCADE,
    id {BLOB} NOT NULL,
    terms TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A group of the provider by its name there, and the group that it is here.
CREATE TABLE saml_group (
    org_id {BLOB} NOT NULL REFERENCES org (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    group_id {BLOB} NOT NULL REFERENCES user_group (id) ON DELETE CASCADE,
    PRIMARY KEY (org_id, name)
);

CREATE INDEX saml_group_here ON saml_group (group_id);

-- A role of the provider by its name there, and a role that it is here; the built-in ones are in no table.
CREATE TABLE saml_role (
    org_id {BLOB} NOT NULL REFERENCES org (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role_id {BLOB} NOT NULL,
    PRIMARY KEY (org_id, name, role_id)
);

CREATE INDEX saml_role_here ON saml_role (role_id);
