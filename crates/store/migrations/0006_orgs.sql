-- What people read about an org, who wrote it, and which writing it is.
ALTER TABLE org ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
ALTER TABLE org ADD COLUMN created_by TEXT NOT NULL DEFAULT 'System';
ALTER TABLE org ADD COLUMN updated_by TEXT NOT NULL DEFAULT 'System';
ALTER TABLE org ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

CREATE INDEX org_below ON org (parent_id, name);

-- A token of the user that was issued at this instant or before is good no more: the password was changed then.
ALTER TABLE account ADD COLUMN tokens_after BIGINT;

-- When and how a user signed in last; written with the session.
ALTER TABLE account ADD COLUMN signed_in_at BIGINT;
ALTER TABLE account ADD COLUMN signed_in_by TEXT;
