//! The assertions that were used.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Pool, SqlDatabase, on};
use crate::store::StoreError;
use crate::store::database::Assertions;

#[async_trait]
impl Assertions for SqlDatabase {
    async fn first_use(
        &self,
        client: &str,
        jti: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        on!(self.writer, pool => {
            sqlx::query("DELETE FROM used_assertion WHERE expires_at < $1").bind(now.as_millisecond()).execute(pool).await?;
            let noted = sqlx::query(
                "INSERT INTO used_assertion (client, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT (client, jti) DO NOTHING",
            );
            let noted = noted.bind(client).bind(jti).bind(expires_at.as_millisecond()).execute(pool).await?;
            Ok(noted.rows_affected() == 1)
        })
    }
}
