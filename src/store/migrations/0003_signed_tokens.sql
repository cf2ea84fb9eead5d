-- How many tokens each key signed, by the second since 1970 at which they end: what of a key may still be accepted.
CREATE TABLE signed_tokens (
    kid        TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    tokens     BIGINT NOT NULL,
    PRIMARY KEY (kid, expires_at)
);
-- Those of lines that are there. Their ends stand in JSON, which no SQL of both databases reads: the latest ones there can be, 15 minutes and 1 hour.
INSERT INTO signed_tokens (kid, expires_at, tokens)
    SELECT kid, at / 1000 + CASE event WHEN 'mint' THEN 900 ELSE 3600 END AS latest_end, COUNT(*) FROM audit
    WHERE event IN ('mint', 'access_token') AND outcome = 'ok' AND kid IS NOT NULL GROUP BY kid, latest_end;
-- Years of lines, second by second, would be a long table until it is first cleaned.
DELETE FROM signed_tokens WHERE expires_at < (SELECT MAX(at) / 1000 - 7200 FROM audit)
    AND expires_at < (SELECT MAX(longest.expires_at) FROM signed_tokens AS longest WHERE longest.kid = signed_tokens.kid);
