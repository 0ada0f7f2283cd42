-- Entries of the record that have no number yet: where many nodes write, numbers are given afterwards, in the order of
-- the commits. `placed_at` is the instant by the clock of the database. SQLite numbers at once and keeps nothing here.
CREATE TABLE audit_waiting (
    id {BLOB} PRIMARY KEY,
    placed_at BIGINT NOT NULL,
    at BIGINT NOT NULL,
    org_id {BLOB},
    event TEXT NOT NULL
);

CREATE INDEX audit_waiting_by_place ON audit_waiting (placed_at, at, id);
