//! Stories of signing in: sessions that end, codes that are used up, people whom a provider vouches for.
//! They promise that each change is told, and that nothing that was taken back works once more.
//! Never look into a table: only what the door answers.

#![allow(clippy::unwrap_used)]

use ephor_wire::actor::Actor;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::control::{Control, Role};

const NOON: i64 = 1_767_268_800_000_000;
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

struct Scene {
    _dir: TempDir,
    control: Control,
    rng: StdRng,
}

impl Scene {
    /// With a primary owner, ada, and an auditor, audrey.
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        let mut rng = StdRng::seed_from_u64(7);
        for (name, role) in [("ada", Role::PrimaryOwner), ("audrey", Role::Auditor)] {
            let (mail, id) = (format!("{name}@example.com"), format!("user_{name}"));
            control.members().grant(&mail, Some(&id), role, &person("ada"), NOON, &mut rng).await.unwrap();
        }
        Self { _dir: dir, control, rng }
    }

    async fn begin(&mut self, name: &str, provider: Option<ProviderSession>) -> (SessionToken, Session) {
        let new = NewSession {
            user_id: format!("user_{name}"),
            method: "password",
            opens: Opens::Console,
            provider,
            ends_at_micros: NOON + 12 * HOUR,
        };
        self.control.console().sessions().begin(new, &person(name), NOON, &mut self.rng).await.unwrap()
    }

    async fn works(&self, token: &SessionToken, at: i64) -> bool {
        self.control.console().sessions().find(token.expose(), HOUR, at).await.unwrap().is_some()
    }

    async fn told(&self) -> Vec<String> {
        let items = self.control.outbox().pending(1000).await.unwrap();
        let kind = |raw: &str| serde_json::from_str::<Value>(raw).unwrap()["type"].as_str().unwrap().to_owned();
        items.iter().map(|item| kind(&item.raw)).filter(|kind| kind.starts_with("ephor_")).collect()
    }
}

fn person(name: &str) -> Actor {
    Actor::user(&format!("user_{name}"), &format!("{name}@example.com"), Some("127.0.0.1"), Some("test"))
}

#[tokio::test]
async fn a_session_ends_by_idleness_by_its_time_and_with_its_member() {
    let mut scene = Scene::open().await;
    let (token, session) = scene.begin("audrey", None).await;
    let found = scene.control.console().sessions().find(token.expose(), HOUR, NOON + 1).await.unwrap().unwrap();
    assert_eq!((found.session.id.as_str(), found.member.role), (session.id.as_str(), Role::Auditor));
    assert!(!scene.works(&token, NOON + HOUR).await, "an hour without use");
    scene.control.console().sessions().touch(&session.id, NOON + 50 * MINUTE).await.unwrap();
    assert!(scene.works(&token, NOON + HOUR + MINUTE).await);
    scene.control.console().sessions().touch(&session.id, NOON + 12 * HOUR - 1).await.unwrap();
    assert!(!scene.works(&token, NOON + 12 * HOUR).await, "its time is up");
    scene.control.members().remove("audrey@example.com", &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert!(!scene.works(&token, NOON + 11 * HOUR).await, "no member any more");
}

#[tokio::test]
async fn a_role_that_changes_is_the_session_s_role_at_once() {
    let mut scene = Scene::open().await;
    let (token, _) = scene.begin("audrey", None).await;
    scene
        .control
        .members()
        .grant("audrey@example.com", None, Role::Viewer, &person("ada"), NOON, &mut scene.rng)
        .await
        .unwrap();
    let found = scene.control.console().sessions().find(token.expose(), HOUR, NOON).await.unwrap().unwrap();
    assert_eq!(found.member.role, Role::Viewer);
}

#[tokio::test]
async fn a_replaced_token_works_for_another_minute_and_is_replaced_once() {
    let mut scene = Scene::open().await;
    let (old, session) = scene.begin("ada", None).await;
    let sessions = scene.control.console().sessions();
    let new = sessions.turn(&session, NOON + MINUTE, &mut scene.rng).await.unwrap().unwrap();
    assert!(
        sessions.turn(&session, NOON + MINUTE, &mut scene.rng).await.unwrap().is_none(),
        "another request was first"
    );
    assert!(scene.works(&old, NOON + 2 * MINUTE - 1).await && scene.works(&new, NOON + 2 * MINUTE).await);
    assert!(!scene.works(&old, NOON + 2 * MINUTE).await);
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_or_all_but_one() {
    let mut scene = Scene::open().await;
    let (first, _) = scene.begin("ada", None).await;
    let (second, kept) = scene.begin("ada", None).await;
    let (third, last) = scene.begin("ada", None).await;
    let (other, _) = scene.begin("audrey", None).await;
    let sessions = scene.control.console().sessions();
    sessions.end(&last.id, SessionEnd::SignedOut, &person("ada"), NOON, &mut scene.rng).await.unwrap();
    sessions.end(&last.id, SessionEnd::SignedOut, &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert!(!scene.works(&third, NOON).await);
    let why = SessionEnd::SignInChanged;
    let ended =
        sessions.end_all_of("user_ada", Some(&kept.id), why, &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(ended, 1);
    assert!(!scene.works(&first, NOON).await && scene.works(&second, NOON).await && scene.works(&other, NOON).await);
    let (began, ended) = ("ephor_console_signed_in", "ephor_console_signed_out");
    let told = scene.told().await;
    assert_eq!(told.iter().filter(|kind| *kind == began).count(), 4);
    assert_eq!(told.iter().filter(|kind| *kind == ended).count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_provider_ends_the_sessions_that_rest_on_it() {
    let mut scene = Scene::open().await;
    let at = |subject: &str, sid: Option<&str>| ProviderSession {
        issuer: "https://login.example.com".to_owned(),
        subject: subject.to_owned(),
        sid: sid.map(str::to_owned),
    };
    let (one, _) = scene.begin("ada", Some(at("ada", Some("s1")))).await;
    let (two, _) = scene.begin("ada", Some(at("ada", Some("s2")))).await;
    let (own, _) = scene.begin("ada", None).await;
    let by = Actor::system("openid_connect");
    let sessions = scene.control.console().sessions();
    assert_eq!(sessions.end_at_provider(&at("eve", Some("s1")), &by, NOON, &mut scene.rng).await.unwrap(), 0);
    assert_eq!(sessions.end_at_provider(&at("", Some("s1")), &by, NOON, &mut scene.rng).await.unwrap(), 1);
    assert!(!scene.works(&one, NOON).await && scene.works(&two, NOON).await);
    assert_eq!(sessions.end_at_provider(&at("ada", None), &by, NOON, &mut scene.rng).await.unwrap(), 1);
    assert!(!scene.works(&two, NOON).await && scene.works(&own, NOON).await);
}

#[tokio::test]
async fn a_code_works_once_or_until_its_time_is_up() {
    let mut scene = Scene::open().await;
    let codes = scene.control.console().codes();
    let made = |works| (Opens::SetUp, works);
    let (by, until) = (person("ada"), NOON + HOUR);
    let once = codes.make("user_audrey", made(CodeUse::Once), until, &by, NOON, &mut scene.rng).await.unwrap();
    let often = codes.make("user_ada", made(CodeUse::UntilItExpires), until, &by, NOON, &mut scene.rng).await.unwrap();
    let from = (Some("127.0.0.1"), None);
    for (code, at, works) in [
        (&once, NOON, true),
        (&once, NOON, false),
        (&often, NOON, true),
        (&often, NOON + 1, true),
        (&often, NOON + HOUR, false),
    ] {
        let taken = codes.redeem(code.expose(), |_| NOON + 2 * HOUR, from, at, &mut scene.rng).await.unwrap();
        assert_eq!(taken.is_some(), works);
        if let Some(taken) = taken {
            assert_eq!(taken.session.opens, Opens::SetUp);
            assert!(scene.works(&taken.token, at).await);
        }
    }
    assert!(codes.redeem("7KQ2-nonsense", |_| 0, from, NOON, &mut scene.rng).await.unwrap().is_none());
    assert_eq!(format!("{once:?}"), "AccessCode(…)");
}

#[tokio::test]
async fn a_one_time_password_is_taken_once() {
    let mut scene = Scene::open().await;
    let passwords = scene.control.console().passwords();
    let password =
        Password {
            hash: "$argon2id$…".into(), totp_secret: "GEZDGNBV".into(), totp_last_step: 9, set_at_micros: NOON
        };
    passwords.set("user_ada", &password, &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(passwords.take_step("user_ada", 10).await.unwrap(), TakenStep::Now);
    for step in [10, 9] {
        assert_eq!(passwords.take_step("user_ada", step).await.unwrap(), TakenStep::Before);
    }
    assert_eq!(passwords.take_step("user_ada", 11).await.unwrap(), TakenStep::Now);
    passwords.remove("user_ada", &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(passwords.of("user_ada").await.unwrap(), None);
}

#[tokio::test]
async fn a_passkey_belongs_to_one_person() {
    let mut scene = Scene::open().await;
    let passkey = Passkey {
        credential_id: "abc".into(),
        user_id: "user_ada".into(),
        name: "laptop".into(),
        fixed_state: "f".into(),
        moving_state: "m".into(),
        added_at_micros: NOON,
        last_used_at_micros: None,
    };
    let passkeys = scene.control.console().passkeys();
    passkeys.add(&passkey, &person("ada"), NOON, &mut scene.rng).await.unwrap();
    passkeys.add(&passkey, &person("ada"), NOON, &mut scene.rng).await.unwrap_err();
    passkeys.used("abc", "m2", NOON + 1).await.unwrap();
    passkeys.remove("user_audrey", "abc", &person("audrey"), NOON, &mut scene.rng).await.unwrap();
    let kept = passkeys.find("abc").await.unwrap().unwrap();
    assert_eq!((kept.moving_state.as_str(), kept.last_used_at_micros), ("m2", Some(NOON + 1)));
    passkeys.remove("user_ada", "abc", &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert!(passkeys.of("user_ada").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_provider_s_groups_give_the_role_and_never_touch_the_primary_owner() {
    let mut scene = Scene::open().await;
    let identities = scene.control.console().identities();
    let vouched = |subject: &str, email: &str, role| ProviderPerson {
        issuer: "https://login.example.com".into(),
        subject: subject.into(),
        email: email.into(),
        role,
    };
    let new = identities.admit(&vouched("n", "New@example.com", Role::Analyst), NOON, &mut scene.rng).await.unwrap();
    assert_eq!((new.email.as_str(), new.role), ("new@example.com", Role::Analyst));
    let renamed = identities.admit(&vouched("n", "wed@example.com", Role::Viewer), NOON, &mut scene.rng).await.unwrap();
    assert_eq!((renamed.user_id, renamed.email.as_str()), (new.user_id, "new@example.com"));
    assert_eq!(renamed.role, Role::Viewer);
    let audrey =
        identities.admit(&vouched("a", "audrey@example.com", Role::Auditor), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(audrey.user_id, "user_audrey");
    let ada = identities.admit(&vouched("o", "ada@example.com", Role::Viewer), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(ada.role, Role::PrimaryOwner);
    assert_eq!(identities.of("user_ada").await.unwrap(), ["https://login.example.com"]);
}

#[tokio::test]
async fn a_saved_view_is_its_owner_s_alone() {
    let mut scene = Scene::open().await;
    let views = scene.control.console().saved_views();
    for number in 0..60 {
        let view = (format!("view {number:02}"), "/activity", "q=x");
        views.save("user_ada", (&view.0, view.1, view.2), NOON + number, &mut scene.rng).await.unwrap();
    }
    let saved = views.of("user_ada", "/activity").await.unwrap();
    assert_eq!((saved.len(), saved[0].name.as_str()), (50, "view 10"));
    views.forget("user_audrey", &saved[0].id).await.unwrap();
    assert_eq!(views.of("user_ada", "/activity").await.unwrap().len(), 50);
    views.forget("user_ada", &saved[0].id).await.unwrap();
    assert_eq!(views.of("user_ada", "/activity").await.unwrap().len(), 49);
    assert!(views.of("user_audrey", "/activity").await.unwrap().is_empty());
}
