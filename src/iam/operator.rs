//! Condition operators: what they are called and when they hold.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;

use super::wildcard;

/// A condition operator with its set prefix and `IfExists` suffix, `ForAnyValue:StringLikeIfExists`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Operator {
    set: Option<Set>,
    test: Test,
    /// `StringNotEquals` and its like: the test's opposite.
    negated: bool,
    if_exists: bool,
}

/// How an operator goes over the values of a multivalued key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Set {
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Bool,
    Null,
    Numeric(Comparison),
    Date(Comparison),
    Ip,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Every operator without prefix and suffix; the flag says that it is its test's opposite.
///
/// `ArnEquals` and `ArnLike` behave identically (IAM User Guide, "Condition operators").
const OPERATORS: [(&str, Test, bool); 26] = [
    ("StringEquals", Test::Equals, false),
    ("StringNotEquals", Test::Equals, true),
    ("StringEqualsIgnoreCase", Test::EqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::EqualsIgnoreCase, true),
    ("StringLike", Test::Like, false),
    ("StringNotLike", Test::Like, true),
    ("ArnEquals", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnLike", Test::Arn, false),
    ("ArnNotLike", Test::Arn, true),
    ("Bool", Test::Bool, false),
    ("Null", Test::Null, false),
    ("NumericEquals", Test::Numeric(Comparison::Equal), false),
    ("NumericNotEquals", Test::Numeric(Comparison::Equal), true),
    ("NumericLessThan", Test::Numeric(Comparison::Less), false),
    ("NumericLessThanEquals", Test::Numeric(Comparison::LessOrEqual), false),
    ("NumericGreaterThan", Test::Numeric(Comparison::Greater), false),
    ("NumericGreaterThanEquals", Test::Numeric(Comparison::GreaterOrEqual), false),
    ("DateEquals", Test::Date(Comparison::Equal), false),
    ("DateNotEquals", Test::Date(Comparison::Equal), true),
    ("DateLessThan", Test::Date(Comparison::Less), false),
    ("DateLessThanEquals", Test::Date(Comparison::LessOrEqual), false),
    ("DateGreaterThan", Test::Date(Comparison::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Comparison::GreaterOrEqual), false),
    ("IpAddress", Test::Ip, false),
    ("NotIpAddress", Test::Ip, true),
];

impl Operator {
    /// Reads an operator's name; `None` where it names none that is known here.
    pub(super) fn parse(written: &str) -> Option<Self> {
        let (set, rest) = match written.split_once(':') {
            None => (None, written),
            Some(("ForAllValues", rest)) => (Some(Set::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Set::ForAnyValue), rest),
            Some(_) => return None,
        };
        let (name, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |name| (name, true));
        let (_, test, negated) = *OPERATORS.iter().find(|(operator, _, _)| *operator == name)?;
        // `Null` asks whether the key is there, so neither makes sense with it.
        (test != Test::Null || (!if_exists && set.is_none())).then_some(Self { set, test, negated, if_exists })
    }

    /// Whether it is its test's opposite.
    pub(super) fn is_negated(self) -> bool {
        self.negated
    }

    /// Whether `*` and `?` in its values stand for other text.
    pub(super) fn has_wildcards(self) -> bool {
        matches!(self.test, Test::Like | Test::Arn)
    }

    /// Whether the operator holds of what was `sent` (`None`: the key is absent) and the values
    /// that the policy expects.
    ///
    /// An absent key fails an operator, save a negated one, one with `IfExists` and, notoriously,
    /// `ForAllValues`. Without a set prefix, a key with several values fails and so holds negated.
    pub(super) fn holds(self, expected: &[String], sent: Option<&[String]>) -> bool {
        if self.test == Test::Null {
            return expected.iter().any(|value| value.eq_ignore_ascii_case("true") == sent.is_none());
        }
        let Some(sent) = sent else {
            return self.if_exists
                || match self.set {
                    None => self.negated,
                    Some(Set::ForAllValues) => true,
                    Some(Set::ForAnyValue) => false,
                };
        };
        let one = |value: &String| expected.iter().any(|expected| self.test.matches(expected, value)) != self.negated;
        match (self.set, sent) {
            // A value without text is as none at all.
            (Some(Set::ForAllValues), _) => sent.iter().all(|value| value.is_empty() || one(value)),
            (Some(Set::ForAnyValue), _) => sent.iter().any(one),
            (None, [value]) => one(value),
            (None, _) => self.negated,
        }
    }

    /// What is wrong with a policy's value for this operator, if anything is.
    pub(super) fn objection(self, expected: &str) -> Option<&'static str> {
        let right = match self.test {
            Test::Bool | Test::Null => expected.eq_ignore_ascii_case("true") || expected.eq_ignore_ascii_case("false"),
            Test::Numeric(_) => expected.parse::<f64>().is_ok_and(f64::is_finite),
            Test::Date(_) => date(expected).is_some(),
            Test::Ip => network(expected).is_some(),
            Test::Equals | Test::EqualsIgnoreCase | Test::Like | Test::Arn => true,
        };
        (!right).then_some(match self.test {
            Test::Bool | Test::Null => "it is \"true\" or \"false\"",
            Test::Numeric(_) => "it is a number",
            Test::Date(_) => "it is a date as in \"2026-11-23T12:00:00Z\", or seconds since 1970",
            _ => "it is an address or a block of addresses, as in \"203.0.113.0/24\"",
        })
    }
}

impl Test {
    fn matches(self, expected: &str, sent: &str) -> bool {
        match self {
            Self::Equals => expected == sent,
            Self::EqualsIgnoreCase => expected.to_lowercase() == sent.to_lowercase(),
            Self::Like => wildcard::matches(expected, sent),
            Self::Arn => wildcard::arn_matches(expected, sent),
            Self::Bool => expected.eq_ignore_ascii_case(sent),
            Self::Numeric(comparison) => {
                let (Ok(expected), Ok(sent)) = (expected.parse::<f64>(), sent.parse::<f64>()) else { return false };
                sent.partial_cmp(&expected).is_some_and(|order| comparison.holds(order))
            }
            Self::Date(comparison) => {
                let (Some(expected), Some(sent)) = (date(expected), date(sent)) else { return false };
                comparison.holds(sent.cmp(&expected))
            }
            Self::Ip => {
                let (Some((network, prefix)), Ok(sent)) = (network(expected), sent.parse()) else { return false };
                in_network(network, prefix, sent)
            }
            // Answered before any value is looked at.
            Self::Null => false,
        }
    }
}

impl Comparison {
    /// Whether the sent value may stand in this order to the expected one.
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// A date as policies write it: ISO 8601 with a zone, a plain day (midnight UTC), or epoch seconds.
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse().ok()?)),
        None => (text.parse().ok()?, None),
    };
    let longest = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
    let prefix = prefix.unwrap_or(longest);
    (prefix <= longest).then_some((address, prefix))
}

fn in_network(network: IpAddr, prefix: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operator, expected values, sent values, answer.
    type Row = (&'static str, &'static [&'static str], Option<&'static [&'static str]>, bool);

    fn holds(operator: &str, expected: &[&str], sent: Option<&[&str]>) -> bool {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let operator = Operator::parse(operator).unwrap();
        operator.holds(&owned(expected), sent.map(owned).as_deref())
    }

    #[test]
    fn an_operator_holds_as_the_user_guide_says() {
        const ABSENT: Option<&[&str]> = None;
        let table: &[Row] = &[
            // "Exact matching, case sensitive"; several expected values are alternatives.
            ("StringEquals", &["a"], Some(&["a"]), true),
            ("StringEquals", &["a"], Some(&["A"]), false),
            ("StringEquals", &["b", "a"], Some(&["a"]), true),
            ("StringEquals", &["a*"], Some(&["ab"]), false),
            // Negated operators: several expected values are alternatives that must all differ.
            ("StringNotEquals", &["a"], Some(&["b"]), true),
            ("StringNotEquals", &["a", "b"], Some(&["b"]), false),
            ("StringEqualsIgnoreCase", &["Straße"], Some(&["STRAßE"]), true),
            ("StringNotEqualsIgnoreCase", &["a"], Some(&["A"]), false),
            // "StringLike … case sensitive … multi-character match wildcard (*) and single (?)".
            ("StringLike", &["space:acme:feed:*"], Some(&["space:acme:feed:prod"]), true),
            ("StringLike", &["Space:*"], Some(&["space:acme"]), false),
            ("StringNotLike", &["space:*"], Some(&["space:acme"]), false),
            // "Each of the six colon-delimited components of the ARN is checked separately".
            ("ArnEquals", &["arn:aws:iam::*:role/x"], Some(&["arn:aws:iam::123456789012:role/x"]), true),
            ("ArnLike", &["arn:*"], Some(&["arn:aws:iam::123456789012:role/x"]), false),
            ("ArnNotEquals", &["arn:aws:iam::1:role/x"], Some(&["arn:aws:iam::2:role/x"]), true),
            ("Bool", &["true"], Some(&["TRUE"]), true),
            ("Bool", &["true"], Some(&["false"]), false),
            // "If the key that you specify in a policy condition is not present in the request
            // context, the values do not match and the condition is false."
            ("StringEquals", &["a"], ABSENT, false),
            ("StringLike", &["*"], ABSENT, false),
            ("Bool", &["false"], ABSENT, false),
            // "negated matching … returns true if the key is not present".
            ("StringNotEquals", &["a"], ABSENT, true),
            ("StringNotLike", &["*"], ABSENT, true),
            ("ArnNotLike", &["*"], ABSENT, true),
            // "…IfExists: if the key is not present, evaluate the condition element as true".
            ("StringEqualsIfExists", &["a"], ABSENT, true),
            ("StringEqualsIfExists", &["a"], Some(&["b"]), false),
            ("ForAnyValue:StringEqualsIfExists", &["a"], ABSENT, true),
            // "Null: true … the key doesn't exist; false … the key exists and is not null".
            ("Null", &["true"], ABSENT, true),
            ("Null", &["true"], Some(&["x"]), false),
            ("Null", &["false"], ABSENT, false),
            ("Null", &["false"], Some(&["x"]), true),
            // "ForAllValues … returns true if there are no context keys in the request".
            ("ForAllValues:StringEquals", &["a", "b"], Some(&["a", "b"]), true),
            ("ForAllValues:StringEquals", &["a", "b"], Some(&["a", "c"]), false),
            ("ForAllValues:StringEquals", &["a"], ABSENT, true),
            ("ForAllValues:StringNotEquals", &["c"], Some(&["a", "b"]), true),
            ("ForAllValues:StringNotEquals", &["b"], Some(&["a", "b"]), false),
            // "ForAnyValue … For no matching key or if the key doesn't exist, returns false".
            ("ForAnyValue:StringEquals", &["a"], Some(&["b", "a"]), true),
            ("ForAnyValue:StringEquals", &["a"], Some(&["b"]), false),
            ("ForAnyValue:StringEquals", &["a"], ABSENT, false),
            ("ForAnyValue:StringNotEquals", &["a"], Some(&["a", "b"]), true),
            ("ForAnyValue:StringNotEquals", &["a"], ABSENT, false),
            // "do not use [single-valued operators] with multivalued context keys".
            ("StringEquals", &["a"], Some(&["a", "b"]), false),
            ("NumericLessThanEquals", &["10"], Some(&["10"]), true),
            ("NumericGreaterThan", &["10"], Some(&["9.5"]), false),
            ("NumericEquals", &["10"], Some(&["ten"]), false),
            ("DateLessThan", &["2026-11-23T00:00:00Z"], Some(&["2026-11-22T23:59:59Z"]), true),
            ("DateGreaterThan", &["0"], Some(&["2026-11-22"]), true),
            ("IpAddress", &["203.0.113.0/24"], Some(&["203.0.113.9"]), true),
            ("IpAddress", &["203.0.113.9"], Some(&["203.0.113.8"]), false),
            ("IpAddress", &["0.0.0.0/0"], Some(&["2001:db8::1"]), false),
            ("IpAddress", &["2001:db8::/32"], Some(&["2001:db8:1::1"]), true),
            ("NotIpAddress", &["203.0.113.0/24"], Some(&["203.0.113.9"]), false),
        ];
        for (operator, expected, sent, answer) in table {
            assert_eq!(holds(operator, expected, *sent), *answer, "{operator} {expected:?} {sent:?}");
        }
    }

    #[test]
    fn what_is_not_an_operator_is_refused() {
        for bad in ["", "stringequals", "BinaryEquals", "ForAll:StringEquals", "NullIfExists", "ForAnyValue:Null"] {
            assert_eq!(Operator::parse(bad), None, "{bad}");
        }
    }
}
