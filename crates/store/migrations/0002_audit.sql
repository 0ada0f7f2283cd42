-- The record becomes a chain: each entry is hashed with the hash of the one before it. An entry without a hash was
-- written by an older release, or while those are being hashed; the next start does it.

ALTER TABLE audit ADD COLUMN hash {BLOB};

CREATE INDEX audit_unsealed ON audit (seq) WHERE hash IS NULL;

-- Signatures over hashes, each with the public half of its key, since keys are forgotten.
CREATE TABLE audit_checkpoint (
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    hash {BLOB} NOT NULL,
    kid TEXT NOT NULL,
    public_key {BLOB} NOT NULL,
    signature {BLOB} NOT NULL,
    PRIMARY KEY (seq, kind)
);

CREATE INDEX audit_checkpoint_by_age ON audit_checkpoint (kind, at);
