//! What a platform engineer looks at: health, readiness, metrics, and the description of the API.
//! Promises answers without a key and without a fact about any person.
//! Never changes anything.

pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod openapi;

use crate::route::Routes;

pub(crate) fn mount(routes: Routes) -> Routes {
    let routes = routes.serve(&health::ALIVE, health::alive).serve(&health::READY, health::ready);
    openapi::mount(routes.serve(&metrics::METRICS, metrics::render))
}
