//! Values of `format`: those of JSON Schema 2020-12 but for the two of internationalized names, `idn-email` and
//! `idn-hostname`, which need the tables of IDNA.

mod calendar;
mod email;
mod hostname;
mod international_label;
mod json_pointer;
mod uri_template;

use std::net::{Ipv4Addr, Ipv6Addr};

use fluent_uri::{Iri, IriRef, Uri, UriRef};

/// Whether a text is in a format.
pub(super) type FormatCheck = fn(&str) -> bool;

/// All formats.
const FORMATS: [(&str, FormatCheck); 17] = [
    ("date", calendar::is_date),
    ("date-time", calendar::is_date_time),
    ("duration", calendar::is_duration),
    ("email", email::is_email),
    ("hostname", hostname::is_hostname),
    ("ipv4", |text| text.parse::<Ipv4Addr>().is_ok()),
    ("ipv6", |text| text.parse::<Ipv6Addr>().is_ok()),
    ("iri", |text| Iri::parse(text).is_ok()),
    ("iri-reference", |text| IriRef::parse(text).is_ok()),
    ("json-pointer", json_pointer::is_json_pointer),
    ("regex", jsonschema_regex::is_valid_ecma_regex),
    ("relative-json-pointer", json_pointer::is_relative_json_pointer),
    ("time", calendar::is_time),
    ("uri", |text| Uri::parse(text).is_ok()),
    ("uri-reference", |text| UriRef::parse(text).is_ok()),
    ("uri-template", uri_template::is_uri_template),
    ("uuid", is_uuid),
];

/// The check of a format, if there is one of that name.
pub(super) fn find(name: &str) -> Option<FormatCheck> {
    FORMATS.iter().find(|(format, _)| *format == name).map(|(_, check)| *check)
}

/// `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`, of any version and in either case.
fn is_uuid(text: &str) -> bool {
    let is_group =
        |(group, length): (&str, usize)| group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').count() == 5 && text.split('-').zip([8, 4, 4, 4, 12]).all(is_group)
}
