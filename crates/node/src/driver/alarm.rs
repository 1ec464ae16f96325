//! What ends a server when a part of it panics.

use super::Event;
use tokio::sync::mpsc::UnboundedSender;

/// Held by a thread or task that the server cannot do without. Dropped by a panic, it stops the driver:
/// a server that goes on deaf, or without certificates, would look healthy and be none.
pub(super) struct Alarm {
    who: &'static str,
    driver: UnboundedSender<Event>,
}

impl Alarm {
    /// For the part of this name.
    pub(super) fn new(who: &'static str, driver: UnboundedSender<Event>) -> Self {
        Self { who, driver }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The driver may have ended already.
            let _ = self.driver.send(Event::Panicked(self.who));
        }
    }
}
