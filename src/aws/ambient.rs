//! The process's own identity, for feeds that say that they go by it, and for no other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_sts::config::{ProvideCredentials, SharedHttpClient};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::connection::{Connection, sdk_region};
use super::credentials::AwsCredentials;
use crate::clock::Clock;
use crate::domain::Region;

/// How long the surroundings may take to answer: the machine's metadata service is asked last, and may not be there.
const LONGEST: Duration = Duration::from_secs(10);

/// Finds what AWS's programs would find in this process's place: the environment, a web identity token's file, the
/// profile, the container's endpoint, the machine's metadata service, in AWS's own order. Cloning shares it.
#[derive(Clone)]
pub struct Ambient {
    chain: Arc<OnceCell<DefaultCredentialsChain>>,
    http: SharedHttpClient,
    clock: Arc<dyn Clock>,
}

/// There is nothing in the process's surroundings. The operator's to mend.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the process has no AWS credentials of its own: {0}")]
pub struct NothingAmbient(String);

impl Ambient {
    /// Looks for nothing yet.
    #[must_use]
    pub fn new(connection: &Connection) -> Self {
        let (http, clock) = (connection.aws_http(), Arc::clone(&connection.clock));
        Self { chain: Arc::default(), http, clock }
    }

    /// What there is now.
    ///
    /// # Errors
    /// [`NothingAmbient`] where there is none, or none in time.
    pub async fn credentials(&self, region: &Region) -> Result<AwsCredentials, NothingAmbient> {
        let found = async {
            let chain = self.chain.get_or_init(|| self.chain_in(region)).await;
            chain.provide_credentials().await
        };
        let found = tokio::select! {
            found = found => found.map_err(|error| NothingAmbient(innermost(&error)))?,
            () = self.clock.sleep(LONGEST) => return Err(NothingAmbient("its surroundings did not answer in time".into())),
        };
        Ok(AwsCredentials {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: SecretString::from(found.secret_access_key()),
            session_token: found.session_token().map(SecretString::from),
        })
    }

    async fn chain_in(&self, region: &Region) -> DefaultCredentialsChain {
        let config = ProviderConfig::default().with_http_client(self.http.clone());
        DefaultCredentialsChain::builder().configure(config).region(sdk_region(region)).build().await
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient")
    }
}

/// The words of the first cause: those of the SDK above it only name its own layers.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
