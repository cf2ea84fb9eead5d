//! The documents, and the changes of them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::trail::append;
use super::{Pool, SqlDatabase, on, time};
use crate::store::database::{AuditLine, Documents};
use crate::store::{Document, StoreError, Write};

type DocumentRow = (String, String, String, i64, Option<String>, i64, i64, i64);

#[async_trait]
impl Documents for SqlDatabase {
    async fn read_after(&self, after: i64) -> Result<(i64, Vec<Document>), StoreError> {
        // The revision first: a change in between is then read twice, and never missed.
        let revision = self.revision().await?;
        let rows: Vec<DocumentRow> = on!(self.reader, pool => {
            sqlx::query_as(
                "SELECT kind, name, body, removed, moved_to, version, created_at, changed_at FROM document \
                 WHERE version > $1 ORDER BY version",
            )
            .bind(after)
            .fetch_all(pool)
            .await?
        });
        Ok((revision, rows.into_iter().map(document).collect()))
    }

    async fn revision(&self) -> Result<i64, StoreError> {
        Ok(on!(self.reader, pool => sqlx::query_scalar("SELECT n FROM revision WHERE id = 1").fetch_one(pool).await?))
    }

    async fn commit(
        &self,
        base: i64,
        writes: &[Write],
        lines: Vec<AuditLine>,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        on!(self.writer, pool => {
            // The first statement writes, so that `SQLite` takes its lock at once and none has to be raised later.
            let mut transaction = pool.begin().await?;
            let counted = sqlx::query("UPDATE revision SET n = n + 1 WHERE id = 1 AND n = $1").bind(base);
            if counted.execute(&mut *transaction).await?.rows_affected() == 0 {
                return Ok(None);
            }
            for write in writes {
                sqlx::query(
                    "INSERT INTO document (kind, name, body, removed, moved_to, version, created_at, changed_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
                     ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, removed = excluded.removed, \
                     moved_to = excluded.moved_to, version = excluded.version, changed_at = excluded.changed_at, \
                     created_at = CASE WHEN document.removed = 1 THEN excluded.created_at ELSE document.created_at END",
                )
                .bind(write.kind.as_str())
                .bind(&write.name)
                .bind(&write.body)
                .bind(i64::from(write.removed))
                .bind(&write.moved_to)
                .bind(base + 1)
                .bind(now.as_millisecond())
                .execute(&mut *transaction)
                .await?;
            }
            append!(transaction, lines, now);
            transaction.commit().await?;
            Ok(Some(base + 1))
        })
    }
}

fn document(row: DocumentRow) -> Document {
    let (kind, name, body, removed, moved_to, version, created_at, changed_at) = row;
    let (created_at, changed_at) = (time(created_at), time(changed_at));
    Document { kind, name, body, removed: removed != 0, moved_to, version, created_at, changed_at }
}
