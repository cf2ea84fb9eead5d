-- One text for SQLite and PostgreSQL. Times are milliseconds since 1970, ids are text.

-- Spaces, feeds, clients and what else admins make, each as JSON. What was removed stays, as a tombstone.
CREATE TABLE document (
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    removed    BIGINT NOT NULL,
    moved_to   TEXT,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX document_version ON document (version);

-- One row: how many changes there were. A change counts it up, and only from where its maker saw it.
CREATE TABLE revision (
    id BIGINT PRIMARY KEY,
    n  BIGINT NOT NULL
);
INSERT INTO revision (id, n) VALUES (1, 0);

-- The audit trail. `body` is the line as it was hashed; the columns beside it are copies, to search by.
CREATE TABLE audit (
    seq            BIGINT PRIMARY KEY,
    at             BIGINT NOT NULL,
    hash           TEXT   NOT NULL,
    body           TEXT   NOT NULL,
    event          TEXT   NOT NULL,
    outcome        TEXT   NOT NULL,
    client         TEXT,
    feed           TEXT,
    kid            TEXT,
    jti            TEXT,
    session_name   TEXT,
    aws_request_id TEXT
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_client ON audit (client, seq);
CREATE INDEX audit_feed ON audit (feed, seq);
CREATE INDEX audit_kid ON audit (kid, seq);
CREATE INDEX audit_jti ON audit (jti);
CREATE INDEX audit_session ON audit (session_name);
CREATE INDEX audit_request ON audit (aws_request_id);

-- One row: the last line's number and hash, and those of the last line that was let go for its age.
CREATE TABLE audit_head (
    id          BIGINT PRIMARY KEY,
    seq         BIGINT NOT NULL,
    hash        TEXT   NOT NULL,
    pruned_seq  BIGINT NOT NULL,
    pruned_hash TEXT   NOT NULL
);
INSERT INTO audit_head (id, seq, hash, pruned_seq, pruned_hash) VALUES (
    1, 0, '0000000000000000000000000000000000000000000000000000000000000000',
    0, '0000000000000000000000000000000000000000000000000000000000000000'
);

-- Assertions that were taken once and are not taken again (RFC 7523 section 3, `jti`).
CREATE TABLE used_assertion (
    client     TEXT   NOT NULL,
    jti        TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client, jti)
);
CREATE INDEX used_assertion_end ON used_assertion (expires_at);
