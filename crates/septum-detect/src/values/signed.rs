//! Detectors for addresses and keys whose possession grants access: webhooks, signed URLs, Azure's keys.

use std::ops::Range;

use super::check::is_dummy;
use super::pattern::CredentialPattern;
use super::{Detector, DetectorFinding, DetectorInput};

pub(super) static DETECTORS: &[Detector] = &[
    Detector {
        name: "webhook-url",
        keywords: &["hooks.slack.com", "webhook.office.com", "/api/webhooks/"],
        find: webhook,
    },
    Detector { name: "signed-url", keywords: &["x-amz-signature=", "x-goog-signature=", "sig="], find: signed },
    Detector {
        name: "azure-key",
        keywords: &["accountkey=", "sharedaccesskey=", "azconfig.io", "azure", "storage"],
        find: azure,
    },
    Detector { name: "azure-client-secret", keywords: &["q~"], find: azure_client_secret },
];

fn first_real(patterns: &[&'static CredentialPattern], text: &str) -> Option<Range<usize>> {
    let mut matches = patterns.iter().flat_map(|pattern| pattern.matches(text));
    matches.find(|(body, _)| !is_dummy(body)).map(|(_, range)| range)
}

fn webhook(scan: &DetectorInput) -> Option<DetectorFinding> {
    static SLACK: CredentialPattern = CredentialPattern::having(
        0,
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{40,80})",
    );
    static TEAMS: CredentialPattern = CredentialPattern::having(
        0,
        &["webhook.office.com/"],
        r"webhook\.office\.com/[a-z0-9/@-]*/IncomingWebhook/([0-9a-f]{32}/[0-9a-f-]{36})",
    );
    static DISCORD: CredentialPattern = CredentialPattern::having(
        0,
        &["/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/[0-9]{15,20}/([A-Za-z0-9_-]{60,80})",
    );
    let range = first_real(&[&SLACK, &TEAMS, &DISCORD], scan.literal)?;
    Some(DetectorFinding::certain("webhook address that lets anyone post", range))
}

fn signed(scan: &DetectorInput) -> Option<DetectorFinding> {
    static CLOUD: CredentialPattern =
        CredentialPattern::having(0, &["-Signature="], r"(?i)[?&]X-(?:Amz|Goog)-Signature=([0-9a-f]{64,})");
    static AZURE: CredentialPattern = CredentialPattern::having(
        0,
        &["&sig="],
        r"(?i)\bsv=[0-9]{4}-[0-9]{2}-[0-9]{2}[^\s]*?&sig=([A-Za-z0-9%+/=]{40,})",
    );
    static AZURE_SIGNATURE_FIRST: CredentialPattern = CredentialPattern::having(
        0,
        &["sig="],
        r"(?i)\bsig=([A-Za-z0-9%+/=]{40,})&[^\s]*?\bsv=[0-9]{4}-[0-9]{2}-[0-9]{2}",
    );
    let range = first_real(&[&CLOUD, &AZURE, &AZURE_SIGNATURE_FIRST], scan.literal)?;
    Some(DetectorFinding::certain("signed URL", range))
}

fn azure(scan: &DetectorInput) -> Option<DetectorFinding> {
    static STORAGE: CredentialPattern =
        CredentialPattern::having(0, &["AccountKey="], r"(?i)AccountKey=([A-Za-z0-9+/]{86}==)");
    static BUS: CredentialPattern =
        CredentialPattern::having(0, &["SharedAccessKey="], r"(?i)SharedAccessKey=([A-Za-z0-9+/]{43}=)");
    static CONFIGURATION: CredentialPattern =
        CredentialPattern::having(0, &["azconfig.io"], r"(?i)azconfig\.io;Id=[^;\s]+;Secret=([A-Za-z0-9+/=]{36,100})");
    static BARE: CredentialPattern =
        CredentialPattern::having(88, &["=="], r"(?:\A|[^A-Za-z0-9+/])([A-Za-z0-9+/]{86}==)(?:\z|[^A-Za-z0-9+/=])");
    if let Some(range) = first_real(&[&STORAGE, &BUS, &CONFIGURATION], scan.literal) {
        return Some(DetectorFinding::certain("Azure connection string with its key", range));
    }
    // 64 bytes in Base64 are also a SHA-512
    let range = first_real(&[&BARE], scan.literal).filter(|range| scan.mentions(&["azure", "storage"], range.start))?;
    Some(DetectorFinding::certain("Azure storage account key", range))
}

fn azure_client_secret(scan: &DetectorInput) -> Option<DetectorFinding> {
    static PATTERN: CredentialPattern =
        CredentialPattern::having(0, &["Q~"], r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,34}");
    let mut matches = PATTERN.matches(scan.text);
    let found = matches.find(|(text, range)| !is_dummy(text) && super::pattern::stands_alone(scan.text, range));
    found.map(|(_, range)| DetectorFinding::certain("Azure AD client secret", range))
}

#[cfg(test)]
mod tests {
    use super::super::detect_credential;

    const BODY: &str = "hZ8fQ2mX7vKp4TnR";

    fn found(key: &str, text: &str) -> Option<&'static str> {
        detect_credential(key, text).map(|hit| hit.detector)
    }

    #[test]
    fn addresses_that_are_permissions_are_found() {
        let long = BODY.repeat(6);
        let hex = "0123456789abcdef".repeat(4);
        for (detector, text) in [
            (
                "webhook-url",
                format!("https://hooks.slack.com/services/T0{}/B1{}/{}", &long[..9], &long[..9], &long[..24]),
            ),
            ("webhook-url", format!("https://discord.com/api/webhooks/123456789012345678/{}", &long[..68])),
            ("signed-url", format!("https://b.s3.amazonaws.com/x?X-Amz-Date=1&X-Amz-Signature={hex}")),
            ("signed-url", format!("https://a.blob.core.windows.net/c?sv=2024-01-01&sp=r&sig={}%3D", &long[..43])),
            (
                "webhook-url",
                format!("https://x.webhook.office.com/webhookb2/a@b/IncomingWebhook/{}/{}", &hex[..32], &hex[..36]),
            ),
            ("signed-url", format!("https://a.blob.core.windows.net/c?sig={}%3D&sv=2024-01-01", &long[..43])),
            ("azure-key", format!("Endpoint=https://x.azconfig.io;Id=a;Secret={}", &long[..43])),
            ("azure-key", format!("AccountName=a;AccountKey={}==", &long[..86])),
            ("azure-key", format!("Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={}=", &long[..43])),
            ("azure-client-secret", format!("abc8Q~{}", &long[..34])),
        ] {
            assert_eq!(found("X", &text), Some(detector), "{text}");
        }
        let key = format!("{}==", &long[..86]);
        assert_eq!(found("azurestorageaccount", &key), Some("azure-key"));
        assert_eq!(found("CHECKSUM", &key), None);
    }

    #[test]
    fn samples_and_unsigned_addresses_are_not() {
        for text in [
            concat!("https://hooks.slack.com/services/", "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"),
            "https://hooks.slack.com/services/${SLACK_PATH}",
            "https://a.blob.core.windows.net/container",
            "AccountName=a;AccountKey=${KEY}",
            "what about q~ and others",
        ] {
            assert_eq!(found("X", text), None, "{text}");
        }
    }
}
