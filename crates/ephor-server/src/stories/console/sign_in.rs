//! Signing in, staying in, and being out.

use ephor_wire::timestamp::DAY_MICROS;

use super::*;

const PASSWORD: &str = "marble teapot forgets winter";

/// Six digits of a secret as any authenticator makes them.
fn digits(secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp =
        totp_rs::Builder::new().with_secret(secret).with_account_name("x").with_issuer(Some("Ephor")).build().unwrap();
    totp.generate(u64::try_from(now() / SECOND).unwrap()).to_string()
}

/// Goes from an invitation to a password with one-time passwords; what comes back is their secret.
async fn set_up(browser: &mut Browser<'_>, user_id: &str) -> String {
    let code = code(browser.house, user_id, Opens::SetUp).await;
    browser.get("/sign-in").await;
    browser.post("/sign-in/code", &[("code", &code)]).await;
    let page = browser.get("/set-up").await;
    let sealed = between(&page.text, "name=\"secret\" value=\"", "\"").unwrap().to_owned();
    let secret = between(&page.text, "class=\"mono wrap\">", "<").unwrap().replace(' ', "");
    let one_time = digits(&secret);
    let fields = |password: &'static str, again: &'static str| [("password", password), ("again", again)];
    let common = [("secret", sealed.as_str()), ("one_time", one_time.as_str())];
    let weak =
        browser.post("/account/password", &[&common[..], &fields("password1234", "password1234")].concat()).await;
    assert_eq!(weak.status, 422);
    let differs =
        browser.post("/account/password", &[&common[..], &fields(PASSWORD, "something else entirely")].concat()).await;
    assert!(differs.status == 422 && differs.text.contains("The two passwords differ"), "{}", differs.text);
    let set = browser.post("/account/password", &[&common[..], &fields(PASSWORD, PASSWORD)].concat()).await;
    assert_eq!((set.status.as_u16(), set.header("location")), (303, "/"), "{}", set.text);
    assert!(browser.is_in().await);
    secret
}

#[tokio::test]
async fn an_invited_person_sets_a_password_and_comes_in_with_it_and_six_digits() {
    let house = house().await;
    let id = member(&house, Role::Auditor).await;
    let mut browser = Browser::new(&house);
    let secret = set_up(&mut browser, &id).await;
    let mut elsewhere = Browser::new(&house);
    elsewhere.get("/sign-in").await;
    let email = email_of(Role::Auditor);
    let used = digits(&secret);
    let again =
        elsewhere.post("/sign-in/password", &[("email", &email), ("password", PASSWORD), ("one_time", &used)]).await;
    assert!(again.header("location").starts_with("/sign-in?said=wrong"), "digits are taken once");
    wait(30 * SECOND);
    let fresh = digits(&secret);
    let fields = [("email", email.as_str()), ("password", PASSWORD), ("one_time", fresh.as_str()), ("to", "/people")];
    let answer = elsewhere.post("/sign-in/password", &fields).await;
    assert_eq!(answer.header("location"), "/people");
    assert!(elsewhere.is_in().await && browser.is_in().await);
    // A password that is taken away takes the other sessions with it.
    elsewhere.get("/account").await;
    assert_eq!(elsewhere.post("/account/password/remove", &[]).await.header("location"), "/account?said=no_password");
    assert!(elsewhere.is_in().await && !browser.is_in().await);
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer_and_are_recorded() {
    let mut house = house().await;
    let id = member(&house, Role::Auditor).await;
    let mut browser = Browser::new(&house);
    set_up(&mut browser, &id).await;
    let mut stranger = Browser::new(&house);
    stranger.get("/sign-in").await;
    let mut told = Vec::new();
    for (email, password) in [
        ("auditor@example.com", "not the password"),
        ("nobody@example.com", PASSWORD),
        ("auditor@example.com", PASSWORD),
    ] {
        let answer = stranger
            .post("/sign-in/password", &[("email", email), ("password", password), ("one_time", "000000")])
            .await;
        told.push((answer.status, answer.header("location").to_owned(), answer.text));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    drop((browser, stranger));
    let failed = house.settled("ephor_console_sign_in_failed").await;
    // All three at the same instant of the test's clock, so in no order.
    let mut tried: Vec<&str> =
        failed.iter().filter_map(|row| row["actor"]["unauthenticated_email_address"].as_str()).collect();
    tried.sort_unstable();
    assert_eq!(tried, ["auditor@example.com", "auditor@example.com", "nobody@example.com"]);
    assert!(!failed.iter().any(|row| row.to_string().contains("not the password")));
}

#[tokio::test]
async fn guessing_is_slow_from_the_sixth_try_on_and_codes_count_too() {
    let house = house().await;
    let mut guesser = Browser::new(&house);
    guesser.get("/sign-in").await;
    let guess = [("email", "ada@example.com"), ("password", "guess"), ("one_time", "123456")];
    for _ in 0..5 {
        assert!(guesser.post("/sign-in/password", &guess).await.header("location").starts_with("/sign-in?said=wrong"));
    }
    assert!(guesser.post("/sign-in/password", &guess).await.header("location").starts_with("/sign-in?said=wait"));
    wait(16 * SECOND);
    assert!(guesser.post("/sign-in/password", &guess).await.header("location").starts_with("/sign-in?said=wrong"));
    for _ in 0..5 {
        assert!(
            guesser
                .post("/sign-in/code", &[("code", "7KQ2-nonsense")])
                .await
                .header("location")
                .starts_with("/sign-in?said=code")
        );
    }
    let right = code(&house, "user_ada", Opens::Console).await;
    assert!(
        guesser.post("/sign-in/code", &[("code", &right)]).await.header("location").starts_with("/sign-in?said=wait")
    );
}

#[tokio::test]
async fn a_token_that_was_there_before_the_sign_in_is_worth_nothing_after_it() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    browser.cookies.insert("ephor-session-8787".to_owned(), "planted".to_owned());
    browser.sign_in(Role::Analyst).await;
    let first = browser.cookies["ephor-session-8787"].clone();
    assert_ne!(first, "planted");
    browser.sign_in(Role::Analyst).await;
    assert_ne!(browser.cookies["ephor-session-8787"], first);
}

#[tokio::test]
async fn a_session_turns_its_token_ends_unused_and_ends_in_any_case() {
    let house = house().await;
    let mut browser = Browser::signed_in(&house, Role::Analyst).await;
    let first = browser.cookies.clone();
    wait(16 * MINUTE);
    assert!(browser.is_in().await);
    assert_ne!(browser.cookies, first, "after a quarter of an hour");
    let mut thief = Browser { cookies: first, ..Browser::new(&house) };
    wait(2 * MINUTE);
    assert!(!thief.is_in().await, "the old one works no more");
    assert!(browser.is_in().await);
    // The time of last use is written beside requests; here it is read from the end of each wait.
    wait(61 * MINUTE);
    assert!(!browser.is_in().await, "an hour without use");
    let mut day = Browser::signed_in(&house, Role::Analyst).await;
    wait(DAY_MICROS);
    assert!(!day.is_in().await);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_node_and_a_role_taken_away_counts_at_once() {
    let house = house().await;
    let mut browser = Browser::signed_in(&house, Role::Admin).await;
    let kept = browser.cookies.clone();
    assert_eq!(browser.get("/settings/keys").await.status, 200);
    house
        .app
        .control()
        .members()
        .grant("admin@example.com", None, Role::Viewer, &House::owner(), now(), &mut rand::rng())
        .await
        .unwrap();
    assert_eq!(browser.get("/settings/keys").await.status, 403);
    assert_eq!(browser.post("/sign-out", &[]).await.header("location"), "/signed-out");
    let mut thief = Browser { cookies: kept, ..Browser::new(&house) };
    assert!(!thief.is_in().await);
}

#[tokio::test]
async fn after_signing_in_one_is_sent_to_this_console_only() {
    let house = house().await;
    for (to, expected) in [
        ("/people?role=user", "/people?role=user"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
    ] {
        let mut browser = Browser::new(&house);
        browser.get("/sign-in").await;
        let code = code(&house, "user_ada", Opens::Console).await;
        assert_eq!(
            browser.post("/sign-in/code", &[("code", &code), ("to", to)]).await.header("location"),
            expected,
            "{to}"
        );
    }
}

#[tokio::test]
async fn a_way_of_signing_in_changes_only_soon_after_a_sign_in() {
    let house = house().await;
    let mut browser = Browser::signed_in(&house, Role::Analyst).await;
    assert_eq!(browser.get("/set-up").await.status, 200);
    wait(16 * MINUTE);
    assert_eq!(browser.get("/set-up").await.header("location"), "/sign-in?said=again&to=/set-up");
    browser.get("/account").await;
    let refused = browser.post("/account/password/remove", &[]).await;
    assert_eq!(refused.header("location"), "/sign-in?said=again&to=/account");
}

#[tokio::test]
async fn nobody_gives_a_role_or_makes_a_code_above_their_own() {
    let house = house().await;
    let mut owner = Browser::signed_in(&house, Role::Owner).await;
    let code = owner.post("/settings/members/invite", &[("email", OWNER)]).await;
    assert_eq!(code.status, 403, "a code is whoever holds it: {}", code.text);
    let own = house.app.control().members().find(OWNER).await.unwrap().unwrap();
    assert_eq!(own.role, Role::PrimaryOwner);
    let given = owner.post("/settings/members", &[("email", "eve@example.com"), ("role", "primary_owner")]).await;
    assert_ne!(given.status, 303, "{}", given.text);
    assert_eq!(house.app.control().members().primary_owner().await.unwrap().unwrap().email, OWNER);
}
