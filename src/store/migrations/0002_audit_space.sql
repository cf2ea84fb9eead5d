-- A line's space, to search by: the part of `feed` before the slash. `LIKE 'space/%'` goes through no index.
ALTER TABLE audit ADD COLUMN space TEXT;
-- Both databases have `rtrim` with characters to take away: those of the feed's own slug, and then the slash.
UPDATE audit SET space = rtrim(rtrim(feed, replace(feed, '/', '')), '/') WHERE feed LIKE '%/%';
CREATE INDEX audit_space ON audit (space, seq);
