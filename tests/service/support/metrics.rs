//! What `/metrics` says.

use super::http::Reply;

/// The figures at one moment.
pub struct Figures(String);

impl Figures {
    pub(super) fn read(reply: &Reply) -> Self {
        assert_eq!(reply.status, 200);
        Self(reply.text())
    }

    /// The value of a series, `feedpass_mints_total{outcome="ok"}`; nought where it has none yet.
    pub fn of(&self, series: &str) -> u64 {
        let mut lines = self.0.lines().filter_map(|line| line.rsplit_once(' '));
        lines.find_map(|(name, value)| (name == series).then(|| value.parse().unwrap())).unwrap_or_default()
    }

    /// The names of all series, labels included.
    pub fn series(&self) -> Vec<&str> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap().0).collect()
    }

    /// The text as it was answered.
    pub fn text(&self) -> &str {
        &self.0
    }
}
