//! Pages for people: the same lockout, refusals and costs as every other door, and no form but our own.

use crate::answer::{Answer, DEAD};
use crate::saml::{file, trust};
use crate::world::{CARRIERS, Door, Question, SEED, World, minutes};

pub const HOME: &str = "/identity-service/home";
pub const SIGN_OUT: &str = "/identity-service/home/sign-out";
const ACS: &str = "/identity-service/acs/5mYdXw9KcJhaf3LrN8pQ2v";
const SSO: &str = "/ma/sso/5mYdXw9KcJhaf3LrN8pQ2v";
const NO_ORG: &str = "That is neither the id nor the name of an organization.";
const PASSWORD: &str = "/identity-service/home/password";

/// A browser: it keeps cookies, and sends what a form on the last page would send.
pub struct Browser<'a> {
    world: &'a World,
    pub cookies: Vec<(String, String)>,
    token: String,
}

impl<'a> Browser<'a> {
    pub async fn at_home(world: &'a World) -> Self {
        let mut browser = Self { world, cookies: Vec::new(), token: String::new() };
        let page = browser.get(HOME).await;
        assert_eq!(page.status, 200, "{page}");
        browser
    }

    async fn signed_in(world: &'a World) -> Self {
        let mut browser = Self::at_home(world).await;
        browser.sign_in("ada", "correct horse").await.is_redirect_home();
        browser.get(HOME).await;
        browser
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn asks(&self, question: Question) -> Question {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { question } else { question.header("Cookie", &cookies.join("; ")) }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.asks(self.world.get(path)).await;
        self.read(answer)
    }

    async fn post(&mut self, path: &str, fields: &str) -> Answer {
        let answer = self.form(path, fields).await;
        self.read(answer)
    }

    async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.post(HOME, &format!("username={name}&password={}", password.replace(' ', "+"))).await
    }

    pub fn form(&self, path: &str, fields: &str) -> Question {
        let body = format!("form_token={}&{fields}", self.token);
        self.asks(self.world.post(path))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
    }

    fn read(&mut self, answer: Answer) -> Answer {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert_eq!(attributes.trim(), if value.is_empty() { REMOVED } else { KEPT }, "{line}");
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        if let Some((_, after)) = answer.body.split_once("name=\"form_token\" value=\"") {
            self.token = after.split_once('"').unwrap().0.to_owned();
        }
        answer
    }
}

const KEPT: &str = "HttpOnly; SameSite=Lax; Secure; Path=/";
const REMOVED: &str = "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";

pub trait Page {
    fn is_redirect_home(&self);
    fn trouble(&self) -> &str;
    fn but_what_differs(&self) -> String;
}

impl Page for Answer {
    #[track_caller]
    fn is_redirect_home(&self) {
        assert_eq!((self.status.as_u16(), self.header("location")), (303, HOME), "{self}");
    }

    #[track_caller]
    fn trouble(&self) -> &str {
        let after = self.body.split_once("id=\"trouble\">").unwrap_or_else(|| panic!("{self}")).1;
        after.split_once('<').unwrap().0
    }

    /// The page without its token, its secret and the name of its request.
    fn but_what_differs(&self) -> String {
        let cut = |text: &str, from: &str, to: &str| {
            let (before, after) = text.split_once(from).unwrap();
            format!("{before}{from}{to}{}", after.split_once(to).unwrap().1)
        };
        let text = cut(&self.body, "name=\"form_token\" value=\"", "\"");
        format!("{} {}", self.status, cut(&text, "Reference: ", "<"))
    }
}

#[tokio::test]
async fn the_first_page_is_a_form_that_needs_no_script() {
    let world = World::new().await;
    let page = world.get(HOME).await;
    assert_eq!(page.status, 200);
    for part in [
        "<html lang=\"en\">",
        "<title>Sign in - Latchkey</title>",
        "<form method=\"post\" action=\"/identity-service/home\">",
        "<label for=\"username\">User name</label>",
        "<input id=\"username\" name=\"username\" type=\"text\" autocomplete=\"username\"",
        "<label for=\"password\">Password</label>",
        "<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\"",
        "<button id=\"sign-in\" type=\"submit\">Sign in</button>",
    ] {
        assert!(page.body.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.body.contains("<script") && !page.body.contains("http"), "{page}");
    let policy = page.header("content-security-policy");
    let (before, after) = policy.split_once("style-src 'sha256-").unwrap();
    assert_eq!(before, "default-src 'none'; script-src 'none'; ");
    let rest = "'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    assert!(after.ends_with(rest), "{policy}");
    let headers = [
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    for (name, value) in headers {
        assert_eq!(page.header(name), value, "{name}");
    }
    let begin = world.get("/ma/home").await;
    begin.is_redirect_home();
}

#[tokio::test]
async fn a_person_signs_in_sees_who_they_are_and_signs_out() {
    let world = World::new().await;
    let mut browser = Browser::at_home(&world).await;
    assert_eq!(browser.cookie("USER_SESSION"), None);
    let answer = browser.sign_in("ADA", "correct horse").await;
    answer.is_redirect_home();
    assert_eq!(answer.body, "");
    let session = browser.cookie("USER_SESSION").unwrap().to_owned();
    assert_eq!(session.len(), 22);
    let page = browser.get(HOME).await;
    for part in [
        "<title>Signed in - Latchkey</title>",
        "<dd id=\"user\">ada</dd>",
        "<dd id=\"org\">Acme Prod</dd>",
        "<time id=\"ends\" datetime=\"2026-01-15T11:00:00.000Z\">2026-01-15 11:00 UTC</time>",
        "<button id=\"sign-out\" type=\"submit\">Sign out</button>",
    ] {
        assert!(page.body.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.body.contains(&session), "{page}");
    for carrier in CARRIERS {
        let asked = world.get("/identity-service/api/v1/CurrentUserInfo").carrying(carrier(&session)).await;
        assert_eq!(asked.status, 200, "{asked}");
    }
    browser.post(SIGN_OUT, "").await.is_redirect_home();
    assert_eq!(browser.cookies, []);
    assert!(!world.is_alive(&session).await);
    let page = browser.get(HOME).await;
    assert!(page.body.contains("id=\"username\""), "{page}");
    let events = world.events().await;
    let opened = events.iter().find(|event| event["event"] == "signed_in").unwrap();
    assert_eq!((&opened["method"], &opened["visit"]["door"]), (&"password".into(), &"web".into()));
}

#[tokio::test]
async fn every_refusal_looks_and_costs_the_same() {
    let world = World::new().await;
    let mut pages = Vec::new();
    for (name, password) in [
        ("ada", "wrong"),
        ("nobody.here", "wrong"),
        ("disabled.dan", "once right"),
        ("disabled.dan", "wrong"),
        ("saml.sam", "any"),
    ] {
        let before = world.compared();
        let page = Browser::at_home(&world).await.sign_in(name, password).await;
        assert_eq!(world.compared(), before + 1, "{name}");
        assert_eq!(page.status, 401, "{page}");
        assert_eq!(page.trouble(), "User name or password is not valid.");
        assert!(!page.body.contains(name), "{page}");
        pages.push(page.but_what_differs());
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:#?}");
}

#[tokio::test]
async fn ten_failures_on_the_page_lock_the_name_for_every_door() {
    let world = World::new().await;
    let mut browser = Browser::at_home(&world).await;
    for _ in 0..10 {
        assert_eq!(browser.sign_in("ada", "wrong").await.status, 401);
    }
    let compared = world.compared();
    let locked = browser.sign_in("ada", "correct horse").await;
    assert_eq!(locked.status, 401, "{locked}");
    assert_eq!(locked.trouble(), "User account is locked. Try again later, or ask an administrator.");
    for door in Door::ALL {
        assert!(world.sign_in(door, "ada", "correct horse").await.body.contains("IDS_086"));
    }
    assert_eq!(world.compared(), compared);
    world.later(minutes(15));
    browser.sign_in("ada", "correct horse").await.is_redirect_home();
}

#[tokio::test]
async fn what_is_not_filled_in_is_asked_for_again() {
    let world = World::new().await;
    let mut browser = Browser::at_home(&world).await;
    let long = "x".repeat(256);
    for fields in [
        "",
        "username=ada",
        "username=&password=p",
        "username=a&username=b&password=p",
        &format!("username={long}&password=p"),
    ] {
        let page = browser.post(HOME, fields).await;
        assert_eq!(page.status, 400, "{page}");
        assert_eq!(page.trouble(), "Enter your user name and your password.");
    }
    assert_eq!(world.compared(), 0);
}

#[tokio::test]
async fn no_form_is_taken_but_our_own() {
    let world = World::new().await;
    let mut ours = Browser::at_home(&world).await;
    let other = Browser::at_home(&world).await;
    let fields = "username=ada&password=correct+horse";
    let from = |header: &'static str, value: &'static str| ours.form(HOME, fields).header(header, value);
    let refused = [
        // without a token, with that of another browser, without the cookie
        ours.asks(world.post(HOME)).header("Content-Type", "application/x-www-form-urlencoded").body(fields),
        Browser { world: &world, cookies: ours.cookies.clone(), token: other.token.clone() }
            .form(HOME, fields),
        Browser { world: &world, cookies: Vec::new(), token: ours.token.clone() }.form(HOME, fields),
        // from somebody else's page
        from("Sec-Fetch-Site", "cross-site"),
        from("Sec-Fetch-Site", "same-site"),
        from("Origin", "https://evil.test"),
        from("Origin", "https://dm-us.latchkey.test.evil.test"),
        from("Origin", "null"),
        from("Sec-Fetch-Site", "cross-site").header("Origin", "https://dm-us.latchkey.test"),
    ];
    for question in refused {
        let answer = question.await;
        assert_eq!(answer.status, 403, "{answer}");
        assert!(
            answer.trouble().starts_with("This form is too old, or it was not sent from our page."),
            "{answer}"
        );
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(world.compared(), 0);
    let as_text = format!("form_token={}&{fields}", ours.token);
    let answer = ours.asks(world.post(HOME)).header("Content-Type", "text/plain").body(as_text).await;
    assert_eq!(answer.status, 400, "{answer}");
    for (header, value) in [("Sec-Fetch-Site", "same-origin"), ("Origin", "https://dm-us.latchkey.test")] {
        let answer = ours.form(HOME, fields).header(header, value).await;
        answer.is_redirect_home();
    }
    ours.sign_in("ada", "correct horse").await.is_redirect_home();
}

#[tokio::test]
async fn the_token_of_one_session_is_none_for_another() {
    let world = World::new().await;
    let mut browser = Browser::at_home(&world).await;
    let to_sign_in = (browser.cookies.clone(), browser.token.clone());
    browser.sign_in("ada", "correct horse").await;
    let session = browser.cookie("USER_SESSION").unwrap().to_owned();
    // Whoever set the secret of forms before the sign-in knows no token of the session.
    let mut known = Browser { world: &world, cookies: to_sign_in.0, token: to_sign_in.1 };
    known.cookies.push(("USER_SESSION".to_owned(), session.clone()));
    for path in [SIGN_OUT, PASSWORD] {
        let answer = known.form(path, "old_password=correct+horse&new_password=a&new_password_again=a").await;
        assert_eq!(answer.status, 403, "{answer}");
    }
    assert!(world.is_alive(&session).await);
}

#[tokio::test]
async fn a_session_is_never_one_that_somebody_chose() {
    let world = World::new().await;
    let eve = world.session(Door::V1, "eve", "other side").await;
    for chosen in ["3fTqk0ZpXyLr9bWcV2uN7e", &eve] {
        let mut browser = Browser::at_home(&world).await;
        browser.cookies.push(("USER_SESSION".to_owned(), chosen.to_owned()));
        let answer = browser.sign_in("bob", "battery staple").await;
        answer.is_redirect_home();
        let session = browser.cookie("USER_SESSION").unwrap();
        assert_ne!(session, chosen);
        assert!(world.is_alive(session).await);
    }
    assert!(!world.is_alive(&eve).await, "the session that the browser had before is over");
    // No id in a URL or a form becomes a cookie.
    let mut browser = Browser::at_home(&world).await;
    browser
        .get(&format!("{HOME}?USER_SESSION=3fTqk0ZpXyLr9bWcV2uN7e&sessionId=3fTqk0ZpXyLr9bWcV2uN7e"))
        .await;
    assert_eq!(browser.cookie("USER_SESSION"), None);
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_with_the_cookie_alone() {
    let world = World::new().await;
    let ada = world.ada().await;
    let cookie = format!("USER_SESSION={ada}");
    let foreign = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-site")];
    world.post("/identity-service/api/v1/Logout").headers(foreign).await.is(DEAD);
    for path in ["/ma/api/v2/user/logoutall", "/saas/public/core/v3/logout"] {
        assert_eq!(world.post(path).headers(foreign).await.status, 401, "{path}");
    }
    let foreign = [("Cookie", cookie.as_str()), ("Origin", "https://evil.test")];
    world.post("/identity-service/api/v1/Logout").headers(foreign).await.is(DEAD);
    assert!(world.is_alive(&ada).await);
    // Reading is no change, a header is no cookie, and a program is no page.
    let read = world.get("/identity-service/api/v1/CurrentUserInfo").headers(foreign).await;
    assert_eq!(read.status, 200, "{read}");
    let header = world.post("/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1").headers(foreign);
    assert_eq!(header.header("IDS-SESSION-ID", &ada).await.status, 200);
    let program = world.post("/identity-service/api/v1/Logout").header("Cookie", &cookie).await;
    assert_eq!(program.status, 200, "{program}");
    assert!(!world.is_alive(&ada).await);
}

#[tokio::test]
async fn people_change_their_password() {
    let world = World::new().await;
    let elsewhere = world.ada().await;
    let mut browser = Browser::signed_in(&world).await;
    let page = browser.get(PASSWORD).await;
    assert!(page.body.contains("<h1>Change password</h1>"), "{page}");
    for (fields, status, trouble) in [
        ("old_password=correct+horse", 400, "Fill in all three fields, with up to 255 characters each."),
        (
            "old_password=correct+horse&new_password=one+good&new_password_again=other+good",
            400,
            "The new password is not the same in both fields.",
        ),
        (
            "old_password=wrong&new_password=one+good&new_password_again=one+good",
            401,
            "User name or password is not valid.",
        ),
        (
            "old_password=correct+horse&new_password=short&new_password_again=short",
            400,
            "The password was not taken: a password has at least 8 characters.",
        ),
    ] {
        let page = browser.post(PASSWORD, fields).await;
        assert_eq!((page.status.as_u16(), page.trouble()), (status, trouble));
    }
    assert!(world.is_alive(&elsewhere).await);
    browser
        .post(
            PASSWORD,
            "old_password=correct+horse&new_password=a+better+one&new_password_again=a+better+one",
        )
        .await
        .is_redirect_home();
    assert!(world.is_alive(browser.cookie("USER_SESSION").unwrap()).await);
    assert!(!world.is_alive(&elsewhere).await);
    world.session(Door::V1, "ada", "a better one").await;
    // Who has no session, or no password here, is sent home.
    world.get(PASSWORD).await.is_redirect_home();
    world.post(PASSWORD).await.is_redirect_home();
}

#[tokio::test]
async fn what_people_are_called_is_text_and_nothing_else() {
    let world = World::of(&SEED.replace("Acme Prod", "<script>alert(1)</script> & Söhne")).await;
    let mut browser = Browser::signed_in(&world).await;
    let page = browser.get(HOME).await;
    assert!(
        page.body.contains("<dd id=\"org\">&#60;script&#62;alert(1)&#60;/script&#62; &#38; Söhne</dd>"),
        "{page}"
    );
}

#[tokio::test]
async fn in_the_clear_no_cookie_claims_to_be_for_https() {
    let world =
        World::set_up(SEED, |config| config.public_url = Some("http://localhost:8470".parse().unwrap()))
            .await;
    let page = world.get(HOME).await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("LATCHKEY_FORM=") && !cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn whoever_is_not_signed_in_cannot_be_signed_out() {
    let world = World::new().await;
    let answer = world.post(SIGN_OUT).await;
    answer.is_redirect_home();
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn whoever_has_to_change_their_password_is_asked_to_first() {
    let world = World::new().await;
    let ada = world.ada().await;
    let body = r#"{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","password":"a good one","roles":["Designer"],"forcePasswordChange":true}"#;
    let added = world.post("/saas/public/core/v3/users").header("INFA-SESSION-ID", &ada).json(body).await;
    assert_eq!(added.status, 201, "{added}");
    let mut browser = Browser::at_home(&world).await;
    browser.sign_in("cleo", "a good one").await.is_redirect_home();
    let home = browser.get(HOME).await;
    assert_eq!((home.status.as_u16(), home.header("location")), (303, PASSWORD));
    let page = browser.get(PASSWORD).await;
    assert!(page.body.contains("Choose a password of your own before you go on."), "{page}");
    let fields = "old_password=a+good+one&new_password=a+better+one&new_password_again=a+better+one";
    browser.post(PASSWORD, fields).await.is_redirect_home();
    let home = browser.get(HOME).await;
    assert!(home.body.contains("<dd id=\"user\">cleo</dd>"), "{home}");
}

/// A world in which Acme trusts the provider of the corpus, for messages that a browser brings.
async fn federated(change: fn(&mut serde_json::Value)) -> World {
    let world = World::of(crate::bearer::SEED).await;
    trust(&world, change).await;
    world
}

/// What a browser brings, and the question that it carried away before.
fn brings(world: &World, name: &str, asked: &str) -> Question {
    let message =
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, file(&format!("accepted--{name}.xml")));
    let body = format!(
        "SAMLResponse={}&RelayState=%2Fdocs",
        message.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    );
    let question = world.post(ACS).header("Content-Type", "application/x-www-form-urlencoded");
    let question =
        question.headers([("Sec-Fetch-Site", "cross-site"), ("Origin", "https://idp.acme.test")]).body(body);
    if asked.is_empty() {
        question
    } else {
        question.header("Cookie", &format!("__Host-LATCHKEY_SAML={asked}"))
    }
}

#[tokio::test]
async fn an_answer_is_taken_from_the_browser_that_asked_and_from_no_other() {
    let world = federated(|_| {}).await;
    let name = "in-response-to-what-a-browser-asked";
    for asked in [
        "",
        "5mYdXw9KcJhaf3LrN8pQ2v._other",
        "2rPkV8sQxYdTb6WnJ0cLfH._asked",
        "_asked",
        "5mYdXw9KcJhaf3LrN8pQ2v._asked; __Host-LATCHKEY_SAML=x",
    ] {
        let answer = brings(&world, name, asked).await;
        assert_eq!(answer.status, 401, "{answer}");
        assert!(
            answer.trouble().starts_with("The answer of your identity provider was not accepted."),
            "{answer}"
        );
        assert_eq!(answer.header("set-cookie"), "");
    }
    // Signing out in another window has a cookie of its own.
    let beside = "5mYdXw9KcJhaf3LrN8pQ2v._asked; __Host-LATCHKEY_SAML_OUT=5mYdXw9KcJhaf3LrN8pQ2v._other";
    let answer = brings(&world, name, beside).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/docs"), "{answer}");
    let cookies: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    let session = cookies[0].strip_prefix("USER_SESSION=").unwrap().split(';').next().unwrap();
    assert!(world.is_alive(session).await);
    let over = "__Host-LATCHKEY_SAML=; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=0";
    assert_eq!(cookies[2..], [over]);
    let again = brings(&world, name, "5mYdXw9KcJhaf3LrN8pQ2v._asked").await;
    assert_eq!(again.status, 401, "{again}");
    let reasons = crate::bearer::reasons(&world).await;
    assert_eq!(reasons, [vec!["wrong_request"; 5], vec!["replayed"]].concat());
}

#[tokio::test]
async fn what_nobody_asked_for_is_taken_only_if_the_org_says_so() {
    let world = federated(|_| {}).await;
    assert_eq!(brings(&world, "response-signed", "").await.status, 401);
    let world = federated(|provider| provider["idpInitiated"] = true.into()).await;
    assert_eq!(brings(&world, "response-signed", "").await.status, 303);
    // An assertion that stands alone is for programs.
    assert_eq!(brings(&world, "assertion-alone", "").await.status, 401);
}

#[tokio::test]
async fn a_question_is_signed_with_the_key_that_the_metadata_names() {
    let world = federated(|_| {}).await;
    let metadata = world.get("/identity-service/saml/5mYdXw9KcJhaf3LrN8pQ2v/metadata").await;
    assert_eq!(metadata.header("content-type"), "application/samlmetadata+xml");
    let key = between(&metadata.body, "<ds:X509Certificate>", "<");
    let answer = world.get(&format!("{SSO}?RelayState=%2Fdocs")).await;
    assert_eq!(answer.status, 303, "{answer}");
    let cookie = answer.header("set-cookie");
    let id = between(cookie, "__Host-LATCHKEY_SAML=5mYdXw9KcJhaf3LrN8pQ2v.", ";").to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=1800"), "{cookie}");
    let query = answer.header("location").strip_prefix("https://idp.acme.test/sso?").unwrap();
    let (signed, signature) = query.split_once("&Signature=").unwrap();
    let plain = |text: &str| {
        base64::Engine::decode(
            &base64::prelude::BASE64_STANDARD,
            percent_encoding::percent_decode_str(text).decode_utf8().unwrap().as_bytes(),
        )
        .unwrap()
    };
    let certificate = plain(key);
    let (_, certificate) = x509(&certificate);
    let verifier = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        certificate,
    );
    verifier.verify(signed.as_bytes(), &plain(signature)).unwrap();
    assert!(
        signed.ends_with(
            "&RelayState=%2Fdocs&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256"
        ),
        "{signed}"
    );
    let block = plain(between(signed, "SAMLRequest=", "&"));
    let request = String::from_utf8(block[5..].to_vec()).unwrap();
    assert!(
        request.contains(&format!("ID=\"{id}\""))
            && request.contains("Destination=\"https://idp.acme.test/sso\""),
        "{request}"
    );
    // Another place to go to afterwards than one of ours is forgotten, and the same key signs.
    let answer = world.get(&format!("{SSO}?RelayState=https%3A%2F%2Fevil.test")).await;
    assert!(!answer.header("location").contains("RelayState"), "{answer}");
    assert_eq!(world.get("/identity-service/saml/5mYdXw9KcJhaf3LrN8pQ2v/metadata").await.body, metadata.body);
    let made = world.events().await.iter().filter(|event| event["event"] == "saml_key_made").count();
    assert_eq!(made, 1);
}

/// Whether a certificate is whole, and the RSA key in it: the bit string that begins with the sequence of two numbers.
fn x509(der: &[u8]) -> (usize, Vec<u8>) {
    let start = der.windows(6).position(|at| at == [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82]).unwrap();
    (start, der[start..start + 270].to_vec())
}

pub fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap_or_else(|| panic!("{text}")).1.split_once(to).unwrap().0
}

#[tokio::test]
async fn an_org_without_single_sign_on_is_like_none() {
    let world = World::new().await;
    for org in ["5mYdXw9KcJhaf3LrN8pQ2v", "3fTqk0ZpXyLr9bWcV2uN7e", "Acme%20Prod", "acme"] {
        let answer = world.get(&format!("/ma/sso/{org}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.trouble()),
            (404, "No organization with this id or name has single sign-on here.")
        );
    }
    let answer = world.get("/ma/sso/a%00b").await;
    assert_eq!((answer.status.as_u16(), answer.trouble()), (400, NO_ORG));
    let page = world.get(&format!("{HOME}?org=be0495f9-722a-638d-f6fa-b2dfe92be3e5")).await;
    assert!(page.body.contains(&format!("<a id=\"single-sign-on\" href=\"{SSO}\">")), "{page}");
    let page = world.get(&format!("{HOME}?org=%22%3E%3Cscript%3E%2F..")).await;
    let link = "href=\"/ma/sso/%22%3E%3Cscript%3E%2F..\"";
    assert!(page.body.contains(link) && !page.body.contains("<script>"), "{page}");
    let page = world.get(&format!("{HOME}?org=a%00b")).await;
    assert!(page.body.contains(NO_ORG), "{page}");
}

#[tokio::test]
async fn somebody_finds_the_single_sign_on_of_their_org_by_its_name() {
    let world = World::of(SEED).await;
    trust(&world, |_| {}).await;
    // Whether there is such an org, the page at home does not say.
    for name in ["Acme+Prod", "Nobody+Ltd"] {
        let page = world.get(&format!("{HOME}?org=+{name}")).await;
        let href = format!("href=\"/ma/sso/{}\"", name.replace('+', "%20"));
        assert!(page.status == 200 && page.body.contains(&href), "{page}");
    }
    let found = world.get("/ma/sso/Acme%20Prod").await;
    assert!(
        found.status == 303 && found.header("location").starts_with("https://idp.acme.test/sso?"),
        "{found}"
    );
    let ways = ["Globex", "Nobody%20Ltd", "acme%20prod", "58c5f5a5-7816-9a57-be60-53f02432aec1"];
    for none in ways {
        let answer = world.get(&format!("/ma/sso/{none}")).await;
        let told = "No organization with this id or name has single sign-on here.";
        assert_eq!((answer.status.as_u16(), answer.trouble()), (404, told), "{none}");
    }
}

#[tokio::test]
async fn a_name_that_two_orgs_have_leads_to_neither() {
    let two = SEED.replace("name = \"Globex\"", "name = \"Acme Prod\"");
    let world = World::of(&two).await;
    trust(&world, |_| {}).await;
    assert_eq!(world.get("/ma/sso/Acme%20Prod").await.status, 404);
    assert_eq!(world.get(SSO).await.status, 303);
    let below =
        SEED.replace("name = \"Globex\"", "name = \"Acme Prod\"\nparent = \"5mYdXw9KcJhaf3LrN8pQ2v\"");
    let world = World::of(&below).await;
    trust(&world, |_| {}).await;
    assert_eq!(world.get("/ma/sso/Acme%20Prod").await.status, 303, "an org below another has no say");
}
