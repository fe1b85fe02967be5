//! One thing that is right as long as its key is: read again when the key has changed, and by one reader at a time.
//! Never tells anything of another key than the one that is asked for.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Mutex;

/// The newest of a kind, under the key that it was made for.
#[derive(Debug)]
pub(in crate::console) struct Exact<K, T> {
    newest: Mutex<Option<(K, Arc<T>)>>,
}

impl<K, T> Default for Exact<K, T> {
    fn default() -> Self {
        Self { newest: Mutex::new(None) }
    }
}

impl<K: PartialEq, T> Exact<K, T> {
    /// What belongs to this key.
    pub(in crate::console) async fn of<E>(
        &self,
        key: K,
        make: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut newest = self.newest.lock().await;
        if let Some((known, value)) = &*newest
            && *known == key
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(make.await?);
        *newest = Some((key, Arc::clone(&value)));
        Ok(value)
    }
}
