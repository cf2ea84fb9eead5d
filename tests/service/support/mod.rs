//! What the tests stand on.

mod http;
mod logs;
mod test_app;

pub use self::test_app::TestApp;
