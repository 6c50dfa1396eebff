//! Splitting of names into words: `githubAppPrivateKey` is *github app private key*.

use super::vocabulary::glued::{FRONTS, PRODUCTS, SHORT_HEADS, TAILS_OF_HEADS};
use super::vocabulary::{HEADS, SecretFamily};

/// Words that end a longer word written without a separator: `PGPASSWORD`, `SECRETACCESSKEY`.
///
/// Longest first, so that `secretaccesskey` gives `accesskey` and not less. Bare `key`, `pass`, `token` and `auth` are
/// missing on purpose: *monkey*, *compass*, *bypass*.
const STEMS: &[&str] = &[
    "encryptionkey",
    "refreshtoken",
    "sessiontoken",
    "accesstoken",
    "bearertoken",
    "credentials",
    "passphrase",
    "privatekey",
    "signingkey",
    "accesskey",
    "adminpass",
    "authtoken",
    "masterkey",
    "passwords",
    "redispass",
    "secretkey",
    "storepass",
    "usertoken",
    "apitoken",
    "bindpass",
    "bottoken",
    "ldappass",
    "mailpass",
    "password",
    "rootpass",
    "smtppass",
    "userpass",
    "apikeys",
    "authkey",
    "ftppass",
    "keypass",
    "secrets",
    "sshpass",
    "userkey",
    "apikey",
    "bindpw",
    "dbpass",
    "passwd",
    "rootpw",
    "secret",
    "pwd",
];

/// Minimum length of a compound; a shorter word merely happens to end in a stem.
const SHORTEST_COMPOUND: usize = 6;

/// Maximum length of a compound; people do not use longer words as names.
const LONGEST_COMPOUND: usize = 48;

/// Lower-case words after an acronym, as in `APIkey` or `DBpassword`: there the capital belongs to
/// the acronym and does not begin a word.
const TAILS: &[&str] = &["key", "keys", "pass", "password", "passwd", "pwd", "secret", "secrets", "token", "tokens"];

/// Word pairs that result from splitting `passWord`, `OAuth` or `MOT_DE_PASSE`, with the joined word.
const HALVES: &[(&str, &str, &str)] = &[
    ("o", "auth", "oauth"),
    ("pass", "code", "passcode"),
    ("pass", "phrase", "passphrase"),
    ("pass", "word", "password"),
    ("pass", "words", "passwords"),
    ("de", "passe", "motdepasse"),
];

/// Splits a name into lower-case words.
///
/// Characters other than letters and digits separate words, capitals separate (acronyms stay whole), digits separate
/// and are dropped (`password1`, `CONTEXT7_API_KEY`), and glued words are split.
pub(super) fn split_name(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut before = "";
    for run in name.split_inclusive(|char: char| !char.is_alphabetic()) {
        let letters = run.trim_end_matches(|char: char| !char.is_alphabetic());
        if before == "1" && letters.eq_ignore_ascii_case("password") {
            // the product, not a password
            words.push("onepassword".to_owned());
        } else {
            split_capitals(letters, &mut words);
        }
        before = run;
    }
    join_halves(&mut words);
    words.into_iter().flat_map(unglue).collect()
}

/// Splits a run of letters at its capitals.
fn split_capitals(run: &str, words: &mut Vec<String>) {
    let mut word = String::new();
    let mut rest = run.chars();
    let mut before: Option<char> = None;
    while let Some(char) = rest.next() {
        let following = rest.as_str();
        let starts = match before {
            Some(before) if char.is_uppercase() => before.is_lowercase() || ends_acronym(following),
            // `APIkey`: the lower-case tail begins the word
            Some(before) => before.is_uppercase() && word.chars().count() > 1 && is_tail(char, following),
            None => false,
        };
        if starts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(char.to_lowercase());
        before = Some(char);
    }
    if !word.is_empty() {
        words.push(word);
    }
}

/// Whether the capital before `following` begins a word after an acronym: `JWT|Secret`, but not
/// `URL|s` and not `AP|Ikey`.
fn ends_acronym(following: &str) -> bool {
    let tail = lower_run(following);
    !tail.is_empty() && tail != "s" && !TAILS.contains(&tail)
}

fn is_tail(char: char, following: &str) -> bool {
    let tail = lower_run(following);
    TAILS.iter().any(|word| word.strip_prefix(char) == Some(tail))
}

fn lower_run(text: &str) -> &str {
    text.split(|char: char| !char.is_lowercase()).next().unwrap_or_default()
}

fn join_halves(words: &mut Vec<String>) {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    for word in words.drain(..) {
        let whole = joined.last().and_then(|last| {
            HALVES.iter().find(|(first, second, _)| last == first && word == *second).map(|(_, _, whole)| *whole)
        });
        match whole {
            Some(whole) => {
                joined.pop();
                joined.push(whole.to_owned());
            }
            None => joined.push(word),
        }
    }
    *words = joined;
}

/// Splits a glued stem from the end of a word.
fn unglue(word: String) -> Vec<String> {
    if word.len() < SHORTEST_COMPOUND || is_head(&word) || PRODUCTS.contains(&word.as_str()) {
        return vec![word];
    }
    if let Some(words) = split_compound(&word) {
        return words;
    }
    let parts = STEMS.iter().find_map(|stem| word.strip_suffix(stem).map(|front| (front.to_owned(), *stem)));
    match parts {
        Some((front, stem)) if !front.is_empty() => vec![front, stem.to_owned()],
        _ => vec![word],
    }
}

fn is_head(word: &str) -> bool {
    HEADS.iter().any(|(head, _)| *head == word)
}

/// Words of a compound without separators, if all of them are known: `mysqlrootpassword`, `githubtoken`,
/// `clientsecretvalue`. *Monkey*, *compass* and *passport* have unknown parts.
fn split_compound(word: &str) -> Option<Vec<String>> {
    if word.len() > LONGEST_COMPOUND {
        return None;
    }
    let mut words: Vec<&str> = Vec::new();
    let mut rest = word;
    // the part after the head, such as *value*
    let tail = TAILS_OF_HEADS.iter().find(|tail| rest.ends_with(**tail) && rest.len() > tail.len());
    if let Some(tail) = tail {
        let front = rest.strip_suffix(tail)?;
        if ends_in_head(front) {
            words.push(tail);
            rest = front;
        }
    }
    let (front, head) = split_head(rest)?;
    words.push(head);
    rest = front;
    while !rest.is_empty() {
        let known = FRONTS.iter().filter(|front| rest.ends_with(**front)).max_by_key(|front| front.len())?;
        words.push(known);
        rest = rest.strip_suffix(known)?;
    }
    (words.len() > 1).then(|| words.into_iter().rev().map(str::to_owned).collect())
}

fn ends_in_head(text: &str) -> bool {
    split_head(text).is_some()
}

/// Splits the name of a secret from the end of a compound.
fn split_head(text: &str) -> Option<(&str, &'static str)> {
    let long =
        HEADS.iter().filter(|(head, family)| head.len() > 4 && *family != SecretFamily::File).map(|(head, _)| *head);
    let heads = long.chain(SHORT_HEADS.iter().copied()).filter(|head| text.ends_with(head));
    let head = heads.max_by_key(|head| head.len())?;
    text.strip_suffix(head).map(|front| (front, head))
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn names_come_apart_into_words() {
        for (name, expected) in [
            ("webhook.github.secret", "webhook github secret"),
            ("database__connection__password", "database connection password"),
            ("x-api-key", "x api key"),
            ("githubAppPrivateKey", "github app private key"),
            ("JWTSecretKey", "jwt secret key"),
            ("ConnectionPassword", "connection password"),
            ("password1", "password"),
            ("S3_SECRET_KEY", "s secret key"),
            ("CONTEXT7_API_KEY", "context api key"),
            ("CALLBACK_URLs", "callback urls"),
            ("allowedIDsList", "allowed ids list"),
            ("APIkey", "api key"),
            ("DBpassword", "db password"),
            ("OAuthToken", "oauth token"),
            ("passWord", "password"),
            ("Größe", "größe"),
            ("1password-token", "onepassword token"),
            ("1PASSWORD_CONNECT_HOST", "onepassword connect host"),
            ("DB_1_PASSWORD", "db password"),
            ("db1password", "db password"),
            ("", ""),
            ("__--..", ""),
        ] {
            assert_eq!(split_name(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn glued_stems_come_off_and_lookalikes_stay_whole() {
        for (name, expected) in [
            ("PGPASSWORD", "pg password"),
            ("rootpasswd", "root passwd"),
            ("mysqlrootpassword", "mysql root password"),
            ("githubtoken", "github token"),
            ("GITLABTOKEN", "gitlab token"),
            ("smtppassword", "smtp password"),
            ("dbuserpass", "db userpass"),
            ("clientsecretvalue", "client secret value"),
            ("stripeapikey", "stripe apikey"),
            ("sshprivatekey", "ssh privatekey"),
            ("appkey", "app key"),
            ("tokenttl secretname passwordfile", "tokenttl secretname passwordfile"),
            ("hotkey turnkey donkey passport", "hotkey turnkey donkey passport"),
            ("onepassword keepass", "onepassword keepass"),
            ("SSHPASS", "sshpass"),
            ("htpasswd", "htpasswd"),
            ("SECRETACCESSKEY", "secret accesskey"),
            ("JWTSECRET", "jwt secret"),
            ("pushover_api_userkey", "pushover api userkey"),
            ("csrftoken", "csrf token"),
            ("monkey turkey compass bypass", "monkey turkey compass bypass"),
            ("Passthrough tokenizer author keyspace", "passthrough tokenizer author keyspace"),
            ("passwordless", "passwordless"),
            ("clientid", "clientid"),
        ] {
            assert_eq!(split_name(name).join(" "), expected, "{name}");
        }
    }
}
