//! The audit trail.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::QueryBuilder;

use super::{Pool, SqlDatabase, on, time};
use crate::store::StoreError;
use crate::store::database::line::COLUMNS;
use crate::store::database::{AuditLine, LineFilter, Pruned, Receiver, Trail, TrailEnds, WrittenLine};

/// Lines to a statement: `SQLite` takes 32,766 values in one, `PostgreSQL` 65,535.
pub(super) const LINES_AT_ONCE: usize = 500;

/// Numbers, chains and inserts lines in an open transaction, and counts the tokens that they tell of. The head's row is the lock that makes one process wait
/// for another.
macro_rules! append {
    ($transaction:ident, $lines:expr, $now:expr) => {
        let lines: Vec<$crate::store::database::AuditLine> = $lines;
        if !lines.is_empty() {
            let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
            let (last, mut hash): (i64, String) =
                sqlx::query_as("UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash")
                    .bind(count)
                    .fetch_one(&mut *$transaction)
                    .await?;
            let mut numbered = Vec::with_capacity(lines.len());
            for (seq, line) in (last - count + 1..).zip(lines) {
                let row = $crate::store::database::line::Numbered::new(seq, line, &hash, $now)?;
                hash.clone_from(&row.hash);
                numbered.push(row);
            }
            $crate::store::database::sql::signed::count_signed!($transaction, &numbered);
            for rows in numbered.chunks($crate::store::database::sql::trail::LINES_AT_ONCE) {
                let mut insert = sqlx::QueryBuilder::new(
                    "INSERT INTO audit (seq, at, hash, body, event, outcome, client, feed, space, kid, jti, \
                     session_name, aws_request_id) ",
                );
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(row.seq).push_bind(row.at);
                    values.push_bind(&row.hash).push_bind(&row.body);
                    for column in &row.columns {
                        values.push_bind(column);
                    }
                });
                insert.build().execute(&mut *$transaction).await?;
            }
            sqlx::query("UPDATE audit_head SET hash = $1 WHERE id = 1").bind(&hash).execute(&mut *$transaction).await?;
        }
    };
}
pub(super) use append;

type Text = Option<String>;
type LineRow = (i64, String, String, i64, Text, Text, Text, Text, Text, Text, Text, Text, Text);
type ReceiverRow = (String, i64, i64, i64);

#[async_trait]
impl Trail for SqlDatabase {
    async fn append(&self, lines: Vec<AuditLine>, now: Timestamp) -> Result<(), StoreError> {
        on!(self.writer, pool => {
            let mut transaction = pool.begin().await?;
            append!(transaction, lines, now);
            transaction.commit().await?;
            Ok(())
        })
    }

    async fn lines(&self, filter: &LineFilter, limit: i64) -> Result<Vec<WrittenLine>, StoreError> {
        let rows: Vec<LineRow> = on!(self.reader, pool => {
            let mut query = QueryBuilder::new(
                "SELECT seq, body, hash, at, event, outcome, client, feed, space, kid, jti, session_name, aws_request_id \
                 FROM audit WHERE 1 = 1",
            );
            for (condition, bound) in [(" AND seq > ", filter.after), (" AND seq < ", filter.before)] {
                if let Some(bound) = bound {
                    query.push(condition).push_bind(bound);
                }
            }
            for (condition, bound) in [(" AND at >= ", filter.since), (" AND at < ", filter.until)] {
                if let Some(bound) = bound {
                    query.push(condition).push_bind(bound.as_millisecond());
                }
            }
            for (condition, wanted) in [
                (" AND event = ", &filter.event),
                (" AND outcome = ", &filter.outcome),
                (" AND client = ", &filter.client),
                (" AND feed = ", &filter.feed),
                (" AND kid = ", &filter.kid),
                (" AND jti = ", &filter.jti),
                (" AND session_name = ", &filter.session_name),
                (" AND aws_request_id = ", &filter.aws_request_id),
            ] {
                if let Some(wanted) = wanted {
                    query.push(condition).push_bind(wanted);
                }
            }
            match filter.spaces.as_deref() {
                None => {}
                // No list in SQL is empty.
                Some([]) => {
                    query.push(" AND 1 = 0");
                }
                Some(spaces) => {
                    let mut list = query.push(" AND space IN (").separated(", ");
                    for space in spaces {
                        list.push_bind(space);
                    }
                    query.push(")");
                }
            }
            query.push(if filter.newest_first { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " }).push_bind(limit);
            query.build_query_as().fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(written).collect())
    }

    async fn ends(&self) -> Result<TrailEnds, StoreError> {
        let (seq, hash, pruned_seq, pruned_hash) = on!(self.reader, pool => {
            sqlx::query_as("SELECT seq, hash, pruned_seq, pruned_hash FROM audit_head WHERE id = 1").fetch_one(pool).await?
        });
        Ok(TrailEnds { seq, hash, pruned_seq, pruned_hash })
    }

    async fn receivers(&self, session_name: &str) -> Result<Vec<Receiver>, StoreError> {
        let rows: Vec<ReceiverRow> = on!(self.reader, pool => {
            sqlx::query_as(
                "SELECT client, MIN(at), MAX(at), COUNT(*) FROM audit WHERE session_name = $1 AND outcome = 'ok' \
                 AND event IN ('credentials', 'session') AND client IS NOT NULL GROUP BY client ORDER BY MIN(seq)",
            )
            .bind(session_name)
            .fetch_all(pool)
            .await?
        });
        Ok(rows.into_iter().map(receiver).collect())
    }

    async fn prune(
        &self,
        before: Timestamp,
        now: Timestamp,
        tell: &(dyn Fn(Pruned) -> AuditLine + Sync),
    ) -> Result<Option<Pruned>, StoreError> {
        on!(self.writer, pool => {
            let mut transaction = pool.begin().await?;
            // A write first, as in every transaction here.
            sqlx::query("UPDATE audit_head SET seq = seq WHERE id = 1").execute(&mut *transaction).await?;
            // Up to the first line that stays, whatever the clock did in between: the trail has no holes.
            let last: Option<(i64, String)> = sqlx::query_as(
                "SELECT seq, hash FROM audit WHERE seq < COALESCE((SELECT MIN(seq) FROM audit WHERE at >= $1), \
                 (SELECT seq + 1 FROM audit_head WHERE id = 1)) ORDER BY seq DESC LIMIT 1",
            )
            .bind(before.as_millisecond())
            .fetch_optional(&mut *transaction)
            .await?;
            let Some((through, hash)) = last else { return Ok(None) };
            let gone = sqlx::query("DELETE FROM audit WHERE seq <= $1").bind(through).execute(&mut *transaction).await?;
            sqlx::query("UPDATE audit_head SET pruned_seq = $1, pruned_hash = $2 WHERE id = 1")
                .bind(through)
                .bind(&hash)
                .execute(&mut *transaction)
                .await?;
            let pruned = Pruned { lines: gone.rows_affected(), through };
            append!(transaction, vec![tell(pruned)], now);
            transaction.commit().await?;
            Ok(Some(pruned))
        })
    }
}

fn written(row: LineRow) -> WrittenLine {
    let (seq, body, hash, at, event, outcome, client, feed, space, kid, jti, session_name, aws_request_id) = row;
    let columns: [_; COLUMNS.len()] = [event, outcome, client, feed, space, kid, jti, session_name, aws_request_id];
    WrittenLine { seq, body, hash, copies: (at, columns) }
}

fn receiver((client, first_at, last_at, times): ReceiverRow) -> Receiver {
    Receiver { client, first_at: time(first_at), last_at: time(last_at), times }
}
