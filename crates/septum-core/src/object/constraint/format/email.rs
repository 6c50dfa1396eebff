//! Email addresses (RFC 5321).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr as _;

use email_address::EmailAddress;

use super::hostname::is_hostname;

/// `joe@example.com`, `"joe bloggs"@[127.0.0.1]`
pub(super) fn is_email(text: &str) -> bool {
    // the library refuses an empty local part, which is valid if it is quoted
    let filled = text.strip_prefix("\"\"@").map(|domain| format!("\"a\"@{domain}"));
    EmailAddress::from_str(filled.as_deref().unwrap_or(text))
        .is_ok_and(|address| address.local_part().is_ascii() && is_domain(address.domain()))
}

/// A host name, or an address in brackets: `[127.0.0.1]`, `[IPv6:::1]`.
fn is_domain(domain: &str) -> bool {
    let Some(address) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return is_hostname(domain);
    };
    match address.split_at_checked("IPv6:".len()) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => address.parse::<Ipv6Addr>().is_ok(),
        _ => address.parse::<Ipv4Addr>().is_ok(),
    }
}
