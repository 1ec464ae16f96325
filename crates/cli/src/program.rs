//! This program, and how to end it.

use crate::failure::{Exit, Failure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// It was interrupted.
const INTERRUPTED: &str = "ALLY-0603";

/// The command that runs this program again: short if it is on the path.
pub fn program() -> String {
    let Ok(own) = std::env::current_exe() else { return "ally".to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        std::env::split_paths(&path).map(|dir| dir.join("ally")).find(|file| file.exists());
    match on_path.and_then(|file| file.canonicalize().ok()) {
        Some(found) if found == own => "ally".to_owned(),
        _ => own.display().to_string(),
    }
}

/// SIGINT, SIGTERM and SIGHUP: somebody wants this to end.
pub struct Stop([Signal; 3]);

impl Stop {
    /// Listens from now on, so that a signal finds the servers ended and the files gone.
    ///
    /// # Errors
    /// [`Failure`] if the system does not allow it.
    pub fn new() -> Result<Self, Failure> {
        let own = |kind| signal(kind).map_err(Failure::internal);
        Ok(Self([
            own(SignalKind::interrupt())?,
            own(SignalKind::terminate())?,
            own(SignalKind::hangup())?,
        ]))
    }

    /// Completes when one has come.
    pub async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// What comes of `work`; nothing if a signal has come first.
    pub async fn or<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.wait() => None,
        }
    }
}

/// Whether somebody wants this to end, for work outside of a runtime, which looks now and then.
pub struct Stopped(Arc<AtomicBool>);

impl Stopped {
    /// Listens from now on. Who asks twice does not want to wait: the program ends at once.
    ///
    /// # Errors
    /// [`Failure`] if the system does not allow it.
    pub fn new() -> Result<Self, Failure> {
        let flag = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&flag);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::internal)?;
        let mut stop = runtime.block_on(async { Stop::new() })?;
        thread::spawn(move || {
            runtime.block_on(stop.wait());
            own.store(true, Ordering::Relaxed);
            runtime.block_on(stop.wait());
            std::process::exit(Exit::No as i32);
        });
        Ok(Self(flag))
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Somebody has ended what was under way.
pub fn interrupted() -> Failure {
    Failure::new(Exit::No, INTERRUPTED, "interrupted")
}
