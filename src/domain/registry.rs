//! Host names of ECR registries.

use std::str::FromStr;

use super::invalid::{Invalid, serde_by_text, text_value};
use super::{AccountId, Partition, Region};

/// The host of a registry as AWS or a caller names it, with its port where it has one.
///
/// Lower case, without scheme or path. AWS's own forms are told apart by [`RegistryHost::ecr`];
/// an emulator may answer with any other.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RegistryHost(String);

text_value!(RegistryHost);
serde_by_text!(RegistryHost);

/// The host suffixes of the partitions that feedpass serves: IPv4 and dual-stack forms.
/// For each: the services' labels in front of the region, and whether it is China's.
const SUFFIXES: [(&str, [&str; 2], bool); 4] = [
    (".amazonaws.com", IPV4, false),
    (".amazonaws.com.cn", IPV4, true),
    (".on.aws", DUAL_STACK, false),
    (".on.amazonwebservices.com.cn", DUAL_STACK, true),
];
const IPV4: [&str; 2] = ["dkr.ecr.", "dkr.ecr-fips."];
const DUAL_STACK: [&str; 2] = ["dkr-ecr.", "dkr-ecr-fips."];

impl RegistryHost {
    /// The account and region that the host names, when it is one of ECR's own forms:
    /// `A.dkr.ecr.R.amazonaws.com`, `A.dkr.ecr-fips.R.…`, dual-stack `A.dkr-ecr.R.on.aws`,
    /// and the same in China. One token serves all of them.
    #[must_use]
    pub fn ecr(&self) -> Option<(AccountId, Region)> {
        let (account, rest) = self.0.split_once('.')?;
        let account = account.parse().ok()?;
        SUFFIXES.iter().find_map(|(suffix, services, partition_is_china)| {
            let inner = rest.strip_suffix(suffix)?;
            let region: Region = services.iter().find_map(|service| inner.strip_prefix(service))?.parse().ok()?;
            (*partition_is_china == (region.partition() == Partition::AwsCn))
                .then(|| (AccountId::clone(&account), region))
        })
    }

    /// The plain IPv4 form of an account's registry in a region.
    #[must_use]
    pub fn of(account: &AccountId, region: &Region) -> Self {
        Self(format!("{account}.dkr.ecr.{region}.{}", region.partition().dns_suffix()))
    }
}

impl FromStr for RegistryHost {
    type Err = Invalid;

    /// Reads a host as docker's helper protocol and AWS's `proxyEndpoint` give it: with or
    /// without a scheme and a path.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-.:[]".contains(&c);
        if host.is_empty() || host.len() > 255 || !host.bytes().all(plain) {
            return Err(Invalid::new(
                "a registry host",
                text,
                "it is written as in `123456789012.dkr.ecr.us-east-1.amazonaws.com`",
            ));
        }
        Ok(Self(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_an_ecr_host_names_its_account_and_region() {
        for (host, region) in [
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
            ("https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/", "us-east-1"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
            ("123456789012.dkr-ecr-fips.us-east-2.on.aws", "us-east-2"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        ] {
            let (account, found) = host.parse::<RegistryHost>().unwrap().ecr().unwrap_or_else(|| panic!("{host}"));
            assert_eq!((account.as_str(), found.as_str()), ("123456789012", region), "{host}");
        }
    }

    #[test]
    fn a_host_that_only_looks_like_ecr_names_nothing() {
        for host in [
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
            "evil.example.123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn",
            "123456789012.dkr-ecr.us-east-1.amazonaws.com",
            "12345.dkr.ecr.us-east-1.amazonaws.com",
            "ghcr.io",
            "localhost:5000",
        ] {
            assert!(host.parse::<RegistryHost>().unwrap().ecr().is_none(), "{host}");
        }
    }
}
