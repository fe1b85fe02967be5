//! The Compliance API as published, for everything that is metadata: the feed, the directory, the settings in force.
//! Promises that a client written for the original reads this one unchanged.
//! Never opens a content path: each of them is here, and refuses.

mod activities;
mod content;
mod enablement;
mod groups;
mod listing;
mod organizations;
mod projects;
mod published;
mod roles;
mod settings;
mod users;

use crate::route::Routes;

#[cfg(any(test, fuzzing))]
pub(crate) use activities::hold_feed_question;
pub(crate) use content::CONTENT_PATHS;
pub(crate) use enablement::{Switch, WishedState, maker_of};
#[cfg(any(test, fuzzing))]
pub(crate) use listing::hold_listing_token;

pub(crate) fn mount(routes: Routes) -> Routes {
    let routes = routes
        .serve(&activities::FEED, activities::feed)
        .serve(&activities::SEED_FEED, activities::seed_feed)
        .serve(&organizations::LIST, organizations::list)
        .serve(&users::LIST, users::list)
        .serve(&roles::LIST, roles::list)
        .serve(&roles::ONE, roles::one)
        .serve(&roles::PERMISSIONS, roles::permissions)
        .serve(&settings::EFFECTIVE, settings::effective)
        .serve(&groups::LIST, groups::list)
        .serve(&groups::ONE, groups::one)
        .serve(&groups::MEMBERS, groups::members)
        .serve(&projects::LIST, projects::list)
        .serve(&projects::COLLABORATORS, projects::collaborators)
        .serve(&enablement::READ, enablement::read)
        .serve(&enablement::WRITE, enablement::write);
    CONTENT_PATHS.iter().fold(routes, |routes, route| routes.serve(route, content::refuse))
}
