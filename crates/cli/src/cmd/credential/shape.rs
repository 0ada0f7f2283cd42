//! How each tool spells a credential.

use client::Token;
use serde_json::json;

/// A server for Maven's settings.xml. The token stays in the environment, where `latchkey exec` puts it.
pub const MAVEN: &str = r#"<!-- In the <servers> of ~/.m2/settings.xml; then run: latchkey exec -- mvn deploy -->
<server>
  <id>latchkey</id>
  <configuration>
    <httpHeaders>
      <property>
        <name>Authorization</name>
        <value>Bearer ${env.IDMC_JWT}</value>
      </property>
    </httpHeaders>
  </configuration>
</server>"#;

/// What kubectl reads from an exec plugin. It asks again when the token has expired.
pub fn kubernetes(token: &Token) -> String {
    json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "expirationTimestamp": token.expires.rfc3339(),
            "token": token.value.expose(),
        },
    })
    .to_string()
}

/// What docker reads from a credential helper.
pub fn docker(registry: &str, user: &str, token: &Token) -> String {
    json!({"ServerURL": registry, "Username": user, "Secret": token.value.expose()}).to_string()
}

/// What the AWS tools read from a `credential_process`. A store that takes it finds the token in
/// `x-amz-security-token`; AWS itself knows nothing of it.
pub fn aws_process(user: &str, token: &Token) -> String {
    json!({
        "Version": 1,
        "AccessKeyId": user,
        "SecretAccessKey": token.value.expose(),
        "SessionToken": token.value.expose(),
        "Expiration": token.expires.rfc3339(),
    })
    .to_string()
}

/// What git reads from a credential helper.
pub fn git(user: &str, token: &Token) -> String {
    let (password, expires) = (token.value.expose(), token.expires.as_seconds());
    format!("username={user}\npassword={password}\npassword_expiry_utc={expires}")
}

/// The URL that git asks about.
pub fn git_place(heard: &str) -> Option<String> {
    let value = |name: &str| heard.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    Some(format!("{}://{}", value("protocol")?, value("host")?))
}

/// A line of a .netrc.
pub fn netrc(host: &str, user: &str, token: &Token) -> String {
    format!("machine {host} login {user} password {}", token.value.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_says_where_it_goes() {
        let heard = "capability[]=authtype\nprotocol=https\nhost=git.example.com:8443\npath=a.git\n\n";
        assert_eq!(git_place(heard).as_deref(), Some("https://git.example.com:8443"));
        assert_eq!(git_place("protocol=https\n"), None);
    }
}
