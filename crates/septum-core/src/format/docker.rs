//! Logins to image registries in Docker's format, byte for byte as kubectl writes them.
//!
//! So a team can adopt a Secret that `kubectl create secret docker-registry` made without a change, and hashed names
//! stay (`pkg/cmd/create/create_secret_docker.go` of kubernetes/kubectl).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::sort::sort_by_key;

/// Key of logins to Docker Hub, for historical reasons.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A login to the registry at a server.
#[derive(Debug)]
pub struct RegistryLogin<'a> {
    /// The server.
    pub server: &'a str,
    /// The user name.
    pub username: Secret<String>,
    /// The password.
    pub password: Secret<String>,
    /// The address, which is no longer used by any reader; omitted if empty.
    pub email: Secret<String>,
}

/// The name under which the login to a server is stored. Docker Hub has a host that users know and a URL that Docker,
/// kubectl and the kubelet look up.
pub fn server_key(server: &str) -> &str {
    if server == "docker.io" { DOCKER_HUB } else { server }
}

/// The text of a `.dockerconfigjson`.
pub fn config_json(logins: Vec<RegistryLogin<'_>>) -> Secret<String> {
    Secret::new(format!(r#"{{"auths":{}}}"#, Zeroizing::new(auths_json(logins)).as_str()))
}

/// The text of a `.dockercfg`, the older form.
pub fn dockercfg_text(logins: Vec<RegistryLogin<'_>>) -> Secret<String> {
    Secret::new(auths_json(logins))
}

fn auths_json(mut logins: Vec<RegistryLogin<'_>>) -> String {
    // Go sorts the keys of maps by their bytes
    sort_by_key(&mut logins, |login| server_key(login.server));
    let mut out = String::from("{");
    for (index, login) in logins.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(&mut out, server_key(login.server));
        out.push(':');
        push_login(&mut out, login);
    }
    out.push('}');
    out
}

fn push_login(out: &mut String, login: &RegistryLogin<'_>) {
    let (username, password) = (login.username.expose(), login.password.expose());
    let pair = Zeroizing::new(format!("{username}:{password}"));
    let auth = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let fields = [("username", username), ("password", password), ("email", login.email.expose()), ("auth", &*auth)];
    let mut separator = '{';
    for (name, value) in fields {
        if !value.is_empty() {
            out.push(separator);
            push_string(out, name);
            out.push(':');
            push_string(out, value);
            separator = ',';
        }
    }
    out.push('}');
}

/// A string as Go writes it: `serde_json` escapes the same except for characters with a meaning in HTML.
fn push_string(out: &mut String, text: &str) {
    let json = Zeroizing::new(serde_json::Value::from(text).to_string());
    for char in json.chars() {
        match char {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login<'a>(server: &'a str, password: &str, email: &str) -> RegistryLogin<'a> {
        let secret = |text: &str| Secret::new(text.to_owned());
        RegistryLogin { server, username: secret("u"), password: secret(password), email: secret(email) }
    }

    #[test]
    fn logins_are_written_as_kubectl_writes_them() {
        let hub = config_json(vec![login("docker.io", "p", "e@x")]);
        let expected =
            r#"{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p","email":"e@x","auth":"dTpw"}}}"#;
        assert_eq!(hub.expose(), expected);
        // the output of kubectl 1.32 for these
        let odd = config_json(vec![login("https://a<b", "p\u{1}\u{8}\u{c}\u{7f}\u{2028}\"\\<>&é\ttab", "")]);
        let expected = "{\"auths\":{\"https://a\\u003cb\":{\"username\":\"u\",\"password\":\"p\\u0001\\b\\f\u{7f}\\u2028\\\"\\\\\
            \\u003c\\u003e\\u0026é\\ttab\",\"auth\":\"dTpwAQgMf+KAqCJcPD4mw6kJdGFi\"}}}";
        assert_eq!(odd.expose(), expected);
    }

    #[test]
    fn servers_are_sorted_and_the_older_form_has_no_auths() {
        let both = dockercfg_text(vec![login("quay.io", "p", ""), login("ghcr.io", "p", "")]);
        let one = r#"{"username":"u","password":"p","auth":"dTpw"}"#;
        assert_eq!(*both.expose(), format!(r#"{{"ghcr.io":{one},"quay.io":{one}}}"#));
    }
}
