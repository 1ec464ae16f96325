//! Reads that may touch the disk, away from the threads that must not wait.

use crate::api::limits::READS_MAX;
use crate::api::{Backend, ReadError};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tonic::Status;

/// Runs reads of the backend on threads that may block, a few at a time. Cheap to clone.
pub(crate) struct Reads<B> {
    backend: Arc<B>,
    gate: Arc<Semaphore>,
}

impl<B> Clone for Reads<B> {
    fn clone(&self) -> Self {
        Self { backend: self.backend.clone(), gate: self.gate.clone() }
    }
}

impl<B: Backend> Reads<B> {
    pub(crate) fn new(backend: Arc<B>) -> Self {
        Self { backend, gate: Arc::new(Semaphore::new(READS_MAX)) }
    }

    pub(crate) fn backend(&self) -> &B {
        &self.backend
    }

    /// Runs `read` and waits for its answer.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` if the entries are no longer kept, `INTERNAL` if the store fails.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&B) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Status> {
        let permit = self.gate.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Status::unavailable("the server is shutting down"))?;
        let backend = self.backend.clone();
        let answer = spawn_blocking(move || {
            let answer = read(&backend);
            drop(permit);
            answer
        });
        answer.await.map_err(|_| Status::internal("a read failed in this server"))?.map_err(status)
    }
}

fn status(error: ReadError) -> Status {
    match error {
        ReadError::Pruned { .. } => Status::out_of_range(error.to_string()),
        ReadError::Store(_) => Status::internal(error.to_string()),
    }
}
