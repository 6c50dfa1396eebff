//! Examples of each format.

use super::format;

/// Formats, with texts that are in it and texts that are not.
pub(super) const EXAMPLES: [(&str, &[&str], &[&str]); 17] = [
    ("date", &["2028-02-29", "0000-02-29", "1999-12-31"], &["2027-02-29", "2028-2-9", "2028-04-31", "20280229", ""]),
    (
        "date-time",
        &["2028-02-29T23:59:59Z", "1985-04-12t23:20:50.52z", "1990-12-31T15:59:60-08:00"],
        &["2028-02-29 23:59:59Z", "2028-02-29T23:59:59", "2027-02-29T00:00:00Z", "1990-12-31T23:59:60+01:00"],
    ),
    (
        "duration",
        &["P1Y2M3DT4H5M6S", "P4W", "PT0S", "P2M3D", "PT36H"],
        &["P", "P1YT", "P1Y3D", "PT1H1S", "P1D4W", "P1.5D", "15m", "P1H", "PT1M2H", "P1", "PD"],
    ),
    (
        "email",
        &["joe@example.com", "\"joe bloggs\"@example.com", "\"\"@example.com", "a@[127.0.0.1]", "a@[ipv6:::1]", "a@b"],
        &["joe", "joe bloggs@example.com", ".joe@example.com", "jürgen@example.com", "a@-b.com", "a@[300.0.0.1]", "@b"],
    ),
    (
        "hostname",
        &["example.com", "a", "1.2", "xn--mnchen-3ya.de", "xn--ll-0ea", "a--b"],
        &["", "a b", "-a", "a-", "a..b", "a.", "aa--b", "xn--", "xn--X", "xn--l-fda", "XN--MNCHEN-3YA", "bücher.de"],
    ),
    ("ipv4", &["127.0.0.1", "0.0.0.0"], &["127.0.0.01", "256.0.0.1", "1.2.3", "127.0.0.1 "]),
    (
        "ipv6",
        &["::", "2001:db8::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"],
        &["1::2::3", "::1%eth0", "[::1]", "12345::"],
    ),
    ("iri", &["http://bücher.example/ü?ö#ä", "urn:x"], &["//bücher.example", "/ü", "http://[::1", "http:// "]),
    ("iri-reference", &["/ü", "", "#ä", "//bücher.example"], &["\\ü", "a b", "http://[bücher]"]),
    ("json-pointer", &["", "/", "/paths/~1health/get", "/a~0b"], &["a", "#/a", "/a~2", "/~"]),
    ("regex", &["^v\\d+$", "(?<=a)b", "a{1,2}"], &["(", "a**", "[b-a]", "(?i)a", "\\Z"]),
    ("relative-json-pointer", &["0", "1/name", "12#", "0#"], &["/name", "01/a", "-1", "0##", "1a", ""]),
    (
        "time",
        &["23:59:59Z", "08:30:06.283185z", "23:59:60Z", "01:29:60+01:30", "00:00:00-23:59"],
        &["24:00:00Z", "23:59:59", "22:59:60Z", "01:00:00+24:00", "1:00:00Z", "01:00:00.Z", "01:00Z", "01:00:00+0100"],
    ),
    (
        "uri",
        &["https://u:p@example.com:8080/a?b#c", "urn:isbn:1", "mailto:a@b", "http://[2001:db8::1]/", "http://[v1.a:b]"],
        &["//example.com", "/a", "http://exa mple", "http://a:b:c", "http://[::1", "a%2", "http://ü", "1http://a"],
    ),
    ("uri-reference", &["/a", "", "#c", "?b", "//example.com", "a/b:c"], &["a b", "\\", "1a:b", "%zz", "##"]),
    (
        "uri-template",
        &["https://example.com/{user}{?page,size*}", "{+path:40}", "plain", "", "{a.b}{%41_}", "é'"],
        &["{", "}", "{}", "{a", "{a b}", "{a:0}", "{a:12345}", "{.}", "{a.}", "a b", "%4", "\"", "{a,}"],
    ),
    (
        "uuid",
        &[
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "00000000-0000-0000-0000-000000000000",
            "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
        ],
        &[
            "f81d4fae7dec11d0a76500a0c91e6bf6",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
            "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
        ],
    ),
];

#[test]
fn a_format_is_one_of_the_standard() {
    for (format, valid, invalid) in EXAMPLES {
        let is_in_format = format::find(format).expect(format);
        for text in valid {
            assert!(is_in_format(text), "{format}: `{text}`");
        }
        for text in invalid {
            assert!(!is_in_format(text), "{format}: `{text}`");
        }
    }
}
