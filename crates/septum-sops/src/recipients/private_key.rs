//! Private keys in world-readable files in which recipients are expected.

use septum_base::diagnostic::{Diagnostic, Rule};
use septum_base::span::{Source, Span};

/// Prefix of an age identity, and the minimum number of characters after it: a text about identities has fewer.
const AGE: (&str, usize) = ("AGE-SECRET-KEY-", 20);

/// Refuses a file that contains a private key, anywhere in it, comments included. The key is not shown.
pub fn refuse_private_key(source: &Source) -> Result<(), Diagnostic> {
    let Some(at) = find_private_key(source.text()) else { return Ok(()) };
    let message = format!("`{}` contains a private key, which anyone with the file can use", source.name());
    Err(Diagnostic::error(Rule::PrivateKey, message)
        .at_masked(source.place(Span::locate(source.text(), at, at)))
        .note("it can decrypt everything encrypted for it, and Git history keeps it")
        .hint("treat it as leaked: generate a new one with `septum keygen`, write its recipient (`age1…`) here, and run `septum rekey`")
        .hint("keep private keys outside the repository; `septum keygen -y KEYFILE` prints the recipient of a key"))
}

/// Offset of the first private key.
fn find_private_key(text: &str) -> Option<usize> {
    // ASCII letters alone change, so that offsets stay
    let upper = text.to_ascii_uppercase();
    let (start, least) = AGE;
    let is_key = |at: &usize| {
        let rest = upper.get(at + start.len()..).unwrap_or_default();
        rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count() >= least
    };
    let age = upper.match_indices(start).map(|(at, _)| at).find(is_key);
    let is_pem = |at: &usize| {
        let line = upper.get(*at..).unwrap_or_default().lines().next().unwrap_or_default();
        line.contains("PRIVATE KEY-----")
    };
    let pem = upper.match_indices("-----BEGIN ").map(|(at, _)| at).find(is_pem);
    age.into_iter().chain(pem).min()
}

#[cfg(test)]
mod tests {
    use super::find_private_key;

    #[test]
    fn keys_are_found_and_texts_about_them_are_not() {
        let key = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0S2VHRY2";
        for (text, expected) in [
            (format!("# {key}\n"), Some(2)),
            (format!("age: {}\n", key.to_lowercase()), Some(5)),
            ("a: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n".to_owned(), Some(7)),
            ("# never an AGE-SECRET-KEY-1… here\n-----BEGIN PUBLIC KEY-----\n".to_owned(), None),
        ] {
            assert_eq!(find_private_key(&text), expected, "{text}");
        }
    }
}
