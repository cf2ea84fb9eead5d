//! AWS partitions and regions.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};

/// An isolated part of AWS. Provider, role and endpoint of a feed all lie in one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Partition {
    /// `aws`: the commercial regions.
    Aws,
    /// `aws-cn`: China.
    AwsCn,
    /// `aws-us-gov`: GovCloud (US).
    AwsUsGov,
}

impl Partition {
    /// The name that stands second in an ARN.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
        }
    }

    /// The suffix of the partition's host names.
    #[must_use]
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "amazonaws.com",
            Self::AwsCn => "amazonaws.com.cn",
        }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The code of an AWS region, `us-east-1`, in one of the partitions that feedpass serves.
///
/// Only the form is checked: AWS opens regions more often than feedpass is upgraded.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

text_value!(Region);

impl Region {
    /// The partition that the region lies in.
    #[must_use]
    pub fn partition(&self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::AwsCn
        } else if self.0.starts_with("us-gov-") {
            Partition::AwsUsGov
        } else {
            Partition::Aws
        }
    }
}

impl FromStr for Region {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected| Err(Invalid::new("an AWS region", text, expected));
        let parts: Vec<&str> = text.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase());
        match parts.as_slice() {
            // `aws-global` and the like are pseudo-regions; the isolated partitions reach no public issuer.
            ["aws", ..] => invalid("name a real region, as in `us-east-1`"),
            ["eusc", ..] => {
                invalid("the European sovereign partition is not supported; use a region of aws, aws-cn or aws-us-gov")
            }
            [first, ..] if first.contains("iso") || parts.get(1).is_some_and(|part| part.contains("iso")) => {
                invalid("the isolated partitions cannot reach an issuer; use a region of aws, aws-cn or aws-us-gov")
            }
            [words @ .., number]
                if (2..=3).contains(&words.len())
                    && words.iter().all(word)
                    && (1..=2).contains(&number.len())
                    && number.bytes().all(|c| c.is_ascii_digit()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => invalid("it is written as in `us-east-1`, `cn-north-1` or `us-gov-west-1`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_knows_its_partition() {
        for (region, partition) in [
            ("us-east-1", Partition::Aws),
            ("ap-southeast-2", Partition::Aws),
            ("cn-northwest-1", Partition::AwsCn),
            ("us-gov-west-1", Partition::AwsUsGov),
        ] {
            assert_eq!(region.parse::<Region>().unwrap().partition(), partition, "{region}");
        }
    }

    #[test]
    fn what_is_not_a_region_is_refused() {
        for bad in [
            "",
            "us-east",
            "US-EAST-1",
            "us_east_1",
            "us-east-1a",
            "aws-global",
            "us-iso-east-1",
            "eusc-de-east-1",
            "a.b",
            "us-east-1/x",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad} must be refused");
        }
    }
}
