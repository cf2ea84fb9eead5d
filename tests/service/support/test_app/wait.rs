//! The clock, and the end of what it sets off.

use std::time::Duration;

use super::TestApp;

impl TestApp {
    /// Moves the clock on in steps, and lets everything that this sets off come to its end in between.
    pub async fn pass(&self, length: Duration) {
        const STEP: Duration = Duration::from_mins(10);
        let mut left = length;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.clock.advance(step);
            left -= step;
            self.settle().await;
        }
    }

    /// Waits until no exchange with AWS is under way.
    pub async fn settle(&self) {
        self.until_flights(|flights| flights == 0).await;
    }

    /// Waits until as many exchanges with AWS are under way as `wanted` says.
    pub async fn until_flights(&self, wanted: impl Fn(u64) -> bool) {
        let reached = async {
            loop {
                // Whoever the clock woke runs as far as it can: the runtime has one thread.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                if wanted(self.figures().await.of("feedpass_flights")) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.expect("exchanges start and end within 10 s");
    }
}
