//! An empty store without a seed file: one org, one administrator, and three lines that work when pasted.

use domain::access;
use domain::entropy;
use domain::founding::{self, FoundingError, NewOrg, NewPassword, NewUser};
use domain::name::UserName;
use domain::org::Authentication;
use domain::role::Role;
use domain::user::{Profile, Status};
use domain::{Cx, Operator};
use wire::{OrgId, Secret};

/// The name of the first administrator.
const ADMIN: &str = "admin";

/// What a person needs to know once.
#[derive(Debug)]
pub struct Welcome {
    name: &'static str,
    password: Secret,
    org: OrgId,
}

/// Makes the first org and its administrator.
pub async fn found(
    cx: &Cx,
    operator: &Operator,
    dice: &dyn entropy::Entropy,
) -> Result<Welcome, FoundingError> {
    let password = entropy::word(dice, 22);
    let orgs = founding::found(cx, access::may_found(operator), vec![first_org(password.clone())?]).await?;
    let org = orgs.first().map_or(domain::org::ROOT, |org| org.id);
    Ok(Welcome { name: ADMIN, password, org })
}

fn first_org(password: Secret) -> Result<NewOrg, FoundingError> {
    let name: UserName = ADMIN.parse().map_err(|_| FoundingError::Twice(ADMIN.into()))?;
    let profile = Profile {
        first_name: "First".into(),
        last_name: "Administrator".into(),
        timezone: "UTC".into(),
        ..Profile::default()
    };
    let admin = NewUser {
        name,
        password: NewPassword::Plain(password),
        status: Status::Active,
        roles: vec![Role::Admin],
        profile,
        must_change_password: false,
        max_login_attempts: None,
    };
    Ok(NewOrg {
        id: None,
        name: "First Org".into(),
        parent: None,
        region: None,
        authentication: Authentication::SessionId,
        idle_minutes: None,
        absolute_minutes: None,
        session_limit: None,
        users: vec![admin],
    })
}

impl Welcome {
    /// The one text that shows the password.
    pub fn text(&self, url: &str) -> String {
        let (name, password, org) = (self.name, self.password.expose(), self.org.base62());
        let v1 = format!("{url}/identity-service/api/v1");
        let field = |name: &str| format!(r#"sed -E 's/.*"{name}":"([^"]+)".*/\1/'"#);
        let (session, token) = (field("sessionId"), field("jwt_token"));
        format!(
            r#"
This folder was empty, so an administrator was made. The password is shown this once:

    user      {name}
    password  {password}

Sign in, get a token, use it:

SESSION=$(curl -s {v1}/Login -H 'Content-Type: application/json' -d '{{"username":"{name}","password":"{password}"}}' | {session}); echo "$SESSION"
TOKEN=$(curl -s -X POST "{v1}/jwt/Token?client_id=idmc_api&nonce=1234" -H "cookie: USER_SESSION=$SESSION" -H "IDS-SESSION-ID: $SESSION" | {token}); echo "$TOKEN"
curl -si {url}/gate -H "Authorization: Bearer $TOKEN" -H "X-INFA-ORG-ID: {org}"

"#
        )
    }
}
