//! AWS account ids and role ARNs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Partition;
use super::invalid::{Invalid, text_value};

/// An AWS account: 12 digits, kept as text since the first may be zero.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

text_value!(AccountId);

impl FromStr for AccountId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("an AWS account id", text, "it is 12 digits, in quotes, as in \"123456789012\""))
        }
    }
}

/// The ARN of an IAM role, `arn:aws:iam::123456789012:role/path/name`; 20 to 2048 characters.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleArn {
    text: String,
    account: AccountId,
}

impl RoleArn {
    /// The ARN's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that owns the role.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The partition that the role lies in.
    #[must_use]
    pub fn partition(&self) -> Partition {
        match self.text.split(':').nth(1) {
            Some("aws-cn") => Partition::AwsCn,
            Some("aws-us-gov") => Partition::AwsUsGov,
            _ => Partition::Aws,
        }
    }

    /// The role's name, without its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected: &str| Invalid::new("a role ARN", text, expected);
        let form = "it is written as in `arn:aws:iam::123456789012:role/feedpass-images`";
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return Err(invalid(form));
        };
        if !["aws", "aws-cn", "aws-us-gov"].contains(partition) {
            return Err(invalid("its partition is aws, aws-cn or aws-us-gov"));
        }
        let account = account.parse().map_err(|_| invalid("its fifth part is the account, 12 digits"))?;
        let path = resource.strip_prefix("role/").ok_or_else(|| invalid("its last part starts with `role/`"))?;
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.is_empty()
            || name.len() > 64
            || !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"+=,.@-_".contains(&c))
        {
            return Err(invalid("a role's name is 1 to 64 of letters, digits and `+=,.@-_`"));
        }
        // IAM: a path is any of U+0021 to U+007E between slashes, 512 characters at most.
        if path.len() > 512 + 64
            || !path.bytes().all(|c| c.is_ascii_graphic())
            || path.contains("//")
            || path.starts_with('/')
        {
            return Err(invalid(form));
        }
        Ok(Self { text: text.to_owned(), account })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for RoleArn {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<RoleArn> for String {
    fn from(arn: RoleArn) -> Self {
        arn.text
    }
}

/// The ARN of an IAM user, `arn:aws:iam::123456789012:user/path/name`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UserArn {
    text: String,
    partition: Partition,
    account: AccountId,
}

impl UserArn {
    /// The ARN of the user `name`.
    #[must_use]
    pub fn new(partition: Partition, account: AccountId, name: &str) -> Self {
        Self { text: format!("arn:{partition}:iam::{account}:user/{name}"), partition, account }
    }

    /// The ARN's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that owns the user.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The partition that the user lies in.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }
}

impl FromStr for UserArn {
    type Err = Invalid;

    /// A user's ARN differs from a role's by one word.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let as_role = text.replacen(":user/", ":role/", 1);
        let role: RoleArn = if as_role == text { None } else { as_role.parse().ok() }.ok_or_else(|| {
            Invalid::new("a user's ARN", text, "it is written as in `arn:aws:iam::123456789012:user/feedpass`")
        })?;
        Ok(Self { text: text.to_owned(), partition: role.partition(), account: role.account().clone() })
    }
}

impl fmt::Display for UserArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_knows_its_account_partition_and_name() {
        let arn: RoleArn = "arn:aws-cn:iam::012345678901:role/ci/feedpass-images".parse().unwrap();
        assert_eq!(arn.account().as_str(), "012345678901");
        assert_eq!(arn.partition(), Partition::AwsCn);
        assert_eq!(arn.name(), "feedpass-images");
    }

    #[test]
    fn what_is_not_a_role_arn_is_refused() {
        for bad in [
            "",
            "feedpass-images",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::12345678901:role/x",
            "arn:aws:iam:us-east-1:123456789012:role/x",
            "arn:aws:sts::123456789012:assumed-role/x/y",
            "arn:aws-iso:iam::123456789012:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role//a",
        ] {
            assert!(bad.parse::<RoleArn>().is_err(), "{bad} must be refused");
        }
    }
}
