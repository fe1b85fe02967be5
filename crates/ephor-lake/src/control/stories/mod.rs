//! Stories of the control database, each on a file of its own.
//! They promise what the modules promise: changes and their activities together, roles obeyed, nothing forgotten.
//! Never use a clock: the time is a number.

#![allow(clippy::unwrap_used)]

mod analytics;
mod file;
mod keys;
mod people;
mod records;

use std::time::Duration;

use ephor_wire::actor::Actor;
use ephor_wire::ids::{OrganizationId, OrganizationUuid};
use ephor_wire::scope::{Scope, ScopeSet};
use ephor_wire::timestamp::UtcDay;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const MINUTE: i64 = 60_000_000;
const NOON: i64 = 1_767_268_800_000_000;

struct Scene {
    dir: TempDir,
    control: Control,
    rng: StdRng,
}

impl Scene {
    async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        Self { dir, control, rng: StdRng::seed_from_u64(7) }
    }

    /// With a parent organization, a primary owner (ada), an owner (otto), an admin (adam) and an auditor (audrey).
    async fn staffed() -> Self {
        let mut scene = Self::empty().await;
        scene.control.organizations().ensure(&organization("uuid-parent", "Parent", Place::Parent)).await.unwrap();
        scene.control.organizations().ensure(&organization("uuid-linked", "Linked", Place::Linked)).await.unwrap();
        let people =
            [("ada", Role::PrimaryOwner), ("otto", Role::Owner), ("adam", Role::Admin), ("audrey", Role::Auditor)];
        for (name, role) in people {
            scene.grant(name, role, "ada").await.unwrap();
        }
        let ids: Vec<String> = scene.told().await.into_iter().map(|activity| text(&activity, "/id")).collect();
        scene.control.outbox().delete(&ids).await.unwrap();
        scene
    }

    async fn grant(&mut self, name: &str, role: Role, by: &str) -> Result<Member, ControlError> {
        let user_id = format!("user_{name}");
        self.control.members().grant(&mail(name), Some(&user_id), role, &person(by), NOON, &mut self.rng).await
    }

    async fn key(&mut self, expires_at_micros: Option<i64>) -> IssuedKey {
        let wanted = NewKey { expires_at_micros, ..collector_key() };
        self.control.keys().create(wanted, &person("ada"), NOON, &mut self.rng).await.unwrap()
    }

    async fn works(&self, secret: &KeySecret, at: i64) -> bool {
        self.control.keys().authenticate(secret.expose(), at).await.unwrap().is_some()
    }

    /// What waits in the outbox, parsed.
    async fn told(&self) -> Vec<Value> {
        let items = self.control.outbox().pending(1_000).await.unwrap();
        items.iter().map(|item| serde_json::from_str(&item.raw).unwrap()).collect()
    }

    async fn told_types(&self) -> Vec<String> {
        let mut types: Vec<String> = self.told().await.iter().map(|activity| text(activity, "/type")).collect();
        types.sort();
        types
    }

    async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.control.pool).await.unwrap();
    }
}

fn mail(name: &str) -> String {
    format!("{name}@example.com")
}

fn person(name: &str) -> Actor {
    Actor::user(&format!("user_{name}"), &mail(name), Some("127.0.0.1"), None)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
}

fn organization(uuid: &str, name: &str, place: Place) -> Organization {
    let id = OrganizationId::from(format!("org_{name}"));
    Organization { id, uuid: OrganizationUuid::from(uuid), name: name.to_owned(), created_at_micros: NOON, place }
}

fn collector_key() -> NewKey {
    NewKey {
        name: "collector".to_owned(),
        scopes: [Scope::ReadComplianceActivities, Scope::WriteActivities].into_iter().collect(),
        reach: KeyReach::Parent,
        expires_at_micros: None,
    }
}
