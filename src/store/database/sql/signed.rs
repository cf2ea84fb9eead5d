//! The counts of what was signed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Pool, SqlDatabase, on};
use crate::domain::TOKEN_LEEWAY;
use crate::store::StoreError;
use crate::store::database::line::Numbered;
use crate::store::database::{Signed, SignedTokens};

/// Counts the tokens that numbered lines tell of, in an open transaction that has had its turn at the head's row. By
/// that turn no two processes write counts at once, so that neither waits for a row of the other's.
macro_rules! count_signed {
    ($transaction:ident, $numbered:expr) => {
        let counts = $crate::store::database::sql::signed::counts($numbered);
        for counts in counts.chunks($crate::store::database::sql::trail::LINES_AT_ONCE) {
            let mut upsert = sqlx::QueryBuilder::new("INSERT INTO signed_tokens (kid, expires_at, tokens) ");
            upsert.push_values(counts, |mut values, (kid, expires_at, tokens)| {
                values.push_bind(*kid).push_bind(*expires_at).push_bind(*tokens);
            });
            upsert.push(" ON CONFLICT (kid, expires_at) DO UPDATE SET tokens = signed_tokens.tokens + excluded.tokens");
            upsert.build().execute(&mut *$transaction).await?;
        }
    };
}
pub(super) use count_signed;

/// How many tokens the lines tell of, by key and end: no pair twice, as an upsert asks for.
pub(super) fn counts(lines: &[Numbered]) -> Vec<(&str, i64, i64)> {
    let mut counts = BTreeMap::new();
    for (kid, expires_at) in lines.iter().filter_map(Numbered::signed) {
        *counts.entry((kid, expires_at)).or_insert(0) += 1;
    }
    counts.into_iter().map(|((kid, expires_at), tokens)| (kid, expires_at, tokens)).collect()
}

#[async_trait]
impl SignedTokens for SqlDatabase {
    async fn signed(&self, now: Timestamp) -> Result<Vec<Signed>, StoreError> {
        // Ends are whole seconds, and so none is between `now` and the second that it is in.
        let leeway = i64::try_from(TOKEN_LEEWAY.as_secs()).unwrap_or(i64::MAX);
        let ended = now.as_second().saturating_sub(leeway);
        let rows: Vec<(String, i64, i64)> = on!(self.reader, pool => {
            // A sum of BIGINT is no BIGINT in `PostgreSQL`.
            sqlx::query_as(
                "SELECT kid, MAX(expires_at), CAST(SUM(CASE WHEN expires_at > $1 THEN tokens ELSE 0 END) AS BIGINT) \
                 FROM signed_tokens GROUP BY kid",
            )
            .bind(ended)
            .fetch_all(pool)
            .await?
        });
        let mut signed: Vec<_> = rows.into_iter().map(of_key).collect();
        signed.sort_by(|one, other| one.kid.cmp(&other.kid));
        Ok(signed)
    }

    async fn forget_signed(&self, before: Timestamp) -> Result<(), StoreError> {
        on!(self.writer, pool => {
            let mut transaction = pool.begin().await?;
            // A turn, as for those who count.
            sqlx::query("UPDATE audit_head SET seq = seq WHERE id = 1").execute(&mut *transaction).await?;
            sqlx::query(
                "DELETE FROM signed_tokens WHERE expires_at < $1 AND expires_at < \
                 (SELECT MAX(longest.expires_at) FROM signed_tokens AS longest WHERE longest.kid = signed_tokens.kid)",
            )
            .bind(before.as_second())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(())
        })
    }
}

fn of_key((kid, longest, live): (String, i64, i64)) -> Signed {
    let longest_expires_at = Timestamp::from_second(longest).unwrap_or(Timestamp::MAX);
    Signed { kid, longest_expires_at, live: u64::try_from(live).unwrap_or_default() }
}
