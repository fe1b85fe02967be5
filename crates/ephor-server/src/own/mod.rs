//! Ephor's own paths: activities and usage events pushed in, keys, the Analytics API's switch, the organization that
//! this node serves, the log that proves what it holds, findings, lists, reports, and evidence for auditors.
//! Promises that what can be done here can be done on the command line too, and the other way round.
//! Never shows a secret twice.

mod analytics_switch;
mod evidence;
mod findings;
mod intake;
mod keys;
mod lists;
mod log;
mod organization;
mod reports;
mod usage;

pub(crate) use evidence::known;

use crate::route::Routes;

pub(crate) fn mount(routes: Routes) -> Routes {
    routes
        .serve(&intake::PUSH, intake::push)
        .serve(&usage::PUSH, usage::push)
        .serve(&keys::LIST, keys::list)
        .serve(&keys::CREATE, keys::create)
        .serve(&keys::ROTATE, keys::rotate)
        .serve(&keys::REVOKE, keys::revoke)
        .serve(&analytics_switch::READ, analytics_switch::read)
        .serve(&analytics_switch::WRITE, analytics_switch::write)
        .serve(&organization::SHOW, organization::show)
        .serve(&findings::LIST, findings::list)
        .serve(&findings::SHOW, findings::show)
        .serve(&findings::STEP, findings::step)
        .serve(&lists::READ, lists::read)
        .serve(&lists::PUT, lists::put)
        .serve(&lists::TAKE_OFF, lists::take_off)
        .serve(&reports::LIST, reports::list)
        .serve(&reports::SHOW, reports::show)
        .serve(&reports::ROSTER, reports::put_roster)
        .serve(&log::CHECKPOINT, log::checkpoint)
        .serve(&log::TILE, log::tile)
        .serve(&log::KEYS, log::keys)
        .serve(&log::CONSISTENCY, log::consistency)
        .serve(&log::PROOFS, log::proofs)
        .serve(&log::SEALS, log::seals)
        .serve(&log::REMOVALS, log::removals)
        .serve(&log::TIME_STAMPS, log::time_stamps)
        .serve(&evidence::FRAMEWORKS, evidence::frameworks)
        .serve(&evidence::COVERAGE, evidence::coverage)
}
