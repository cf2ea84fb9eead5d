//! What the tests stand on.

pub mod aws;
pub mod http;
pub mod keys;
pub mod logs;
mod metrics;
pub mod openssl;
pub mod postgres;
mod problems;
pub mod raw;
pub mod stub;
mod test_app;

pub use self::http::{Reply, Request};
pub use self::problems::Expected;
pub use self::test_app::{START, TestApp, TestAppBuilder};
