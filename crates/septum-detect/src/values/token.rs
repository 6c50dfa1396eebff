//! Detectors for tokens that name their provider.

use super::check::{self, is_dummy};
use super::pattern::{CredentialPattern, stands_alone};
use super::{Certainty, Detector, DetectorFinding, DetectorInput, json_in_base64};

/// Form of a token.
pub(super) struct TokenForm {
    /// Description for people.
    what: &'static str,
    /// Texts one of which every token of this form contains, or has nearby.
    pub(super) marks: &'static [&'static str],
    pattern: CredentialPattern,
    check: TokenCheck,
}

/// Check that decides whether a match is a token.
enum TokenCheck {
    /// The form is enough.
    Form,
    /// The form leaves doubt.
    Doubtful,
    /// The text after the mark must pass; a match that fails is an invented example, or a newer form.
    Body(fn(&str) -> bool),
    /// The whole token must pass.
    Whole(fn(&str) -> bool),
    /// The mark is a word that must be nearby: other tools use the same form.
    Near,
}

const fn token_form(what: &'static str, marks: &'static [&'static str], pattern: &'static str) -> TokenForm {
    checked_form(what, marks, pattern, TokenCheck::Form)
}

const fn checked_form(
    what: &'static str,
    marks: &'static [&'static str],
    pattern: &'static str,
    check: TokenCheck,
) -> TokenForm {
    TokenForm { what, marks, pattern: CredentialPattern::having(0, marks, pattern), check }
}

/// A form that counts only with one of some words nearby; `parts` are those of the token itself.
const fn near_form(
    what: &'static str,
    words: &'static [&'static str],
    parts: &'static [&'static str],
    pattern: &'static str,
) -> TokenForm {
    TokenForm { what, marks: words, pattern: CredentialPattern::having(0, parts, pattern), check: TokenCheck::Near }
}

const CRC: TokenCheck = TokenCheck::Body(check::ends_in_crc32);

/// All forms, grouped by the kind of service they give access to.
pub(super) static FORMS: [TokenForm; 82] = [
    // code and packages
    checked_form("GitHub token", &["ghp_"], r"ghp_[0-9A-Za-z]{36}", CRC),
    checked_form("GitHub token", &["gho_"], r"gho_[0-9A-Za-z]{36}", CRC),
    checked_form("GitHub token", &["ghu_"], r"ghu_[0-9A-Za-z]{36}", CRC),
    checked_form("GitHub token", &["ghs_"], r"ghs_[0-9A-Za-z]{36}", CRC),
    token_form("GitHub token", &["ghr_"], r"ghr_[0-9A-Za-z]{36,76}"),
    token_form("GitHub token", &["github_pat_"], r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"),
    token_form(
        "GitLab token",
        &[
            "glpat-", "gldt-", "glrt-", "glft-", "glimt-", "glptt-", "glagent-", "gloas-", "glsoat-", "glffct-",
            "glcbt-",
        ],
        r"gl(?:pat|dt|rt|ft|imt|ptt|agent|oas|soat|ffct|cbt)-[0-9A-Za-z_-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7})?",
    ),
    checked_form("npm token", &["npm_"], r"npm_[0-9A-Za-z]{36}", CRC),
    token_form("PyPI token", &["pypi-"], r"pypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}"),
    near_form("crates.io token", &["cargo", "crates"], &["cio"], r"cio[0-9A-Za-z]{32}"),
    token_form("RubyGems key", &["rubygems_"], r"rubygems_[0-9a-f]{48}"),
    near_form("NuGet key", &["nuget"], &["oy2"], r"oy2[0-9a-z]{43}"),
    token_form("Docker Hub token", &["dckr_"], r"dckr_(?:pat_[A-Za-z0-9_-]{27}|oat_[A-Za-z0-9_-]{32})"),
    token_form("Postman key", &["PMAK-"], r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    token_form("Linear key", &["lin_api_"], r"lin_api_[0-9A-Za-z]{40}"),
    token_form("Notion token", &["ntn_"], r"ntn_[0-9A-Za-z]{40,}"),
    // clouds and platforms
    token_form("AWS Bedrock key", &["ABSK"], r"ABSK[A-Za-z0-9+/]{109,}={0,2}"),
    token_form("Google API key", &["AIza"], r"AIza[0-9A-Za-z_-]{35}"),
    token_form("Google OAuth client secret", &["GOCSPX-"], r"GOCSPX-[A-Za-z0-9_-]{28}"),
    token_form("Google access token", &["ya29."], r"ya29\.[0-9A-Za-z_-]{30,}"),
    token_form("Google Gemini key", &["AQ.Ab8RN6"], r"AQ\.Ab8RN6[A-Za-z0-9_-]{44}"),
    token_form("DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[0-9a-f]{64}"),
    token_form("Databricks token", &["dapi"], r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    token_form("Doppler token", &["dp."], r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]+\.)?[0-9A-Za-z]{40,44}"),
    token_form("Pulumi token", &["pul-"], r"pul-[0-9a-f]{40}"),
    token_form("Fly.io token", &["fo1_"], r"fo1_[\w-]{43}"),
    token_form("Fly.io token", &["fm1", "fm2"], r"fm[12][ar]?_[A-Za-z0-9+/=]{100,}"),
    token_form("Heroku key", &["HRKU-"], r"HRKU-AA[0-9A-Za-z_-]{58}"),
    token_form("PlanetScale token", &["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}"),
    token_form("Neon key", &["napi_"], r"napi_[0-9a-z]{64}"),
    token_form("Supabase token", &["sbp_"], r"sbp_[0-9a-f]{40}"),
    token_form("Supabase secret key", &["sb_secret_"], r"sb_secret_[A-Za-z0-9_-]{31}"),
    token_form("Vercel token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], r"vc[aikpr]_[A-Za-z0-9]{56}"),
    token_form("Tailscale key", &["tskey-"], r"tskey-[a-z]+-[0-9A-Za-z_]{8,}-[0-9A-Za-z_]{16,}"),
    token_form("Cloudflare origin key", &["v1.0-"], r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    token_form("OpenShift token", &["sha256~"], r"sha256~[\w-]{43}"),
    token_form(
        "Docker Swarm token",
        &["SWMTKN-", "SWMKEY-"],
        r"SWM(?:TKN-1-[0-9a-z]{50}-[0-9a-z]{25}|KEY-1-[A-Za-z0-9+/]{43})",
    ),
    // secret stores and identities
    token_form("Vault token", &["hvs.", "hvb.", "hvr."], r"hv[bsr]\.[A-Za-z0-9_-]{24,}"),
    near_form("Vault token", &["vault"], &["s."], r"s\.[0-9A-Za-z]{24}"),
    token_form("Terraform token", &[".atlasv1."], r"[0-9A-Za-z]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    checked_form(
        "age identity",
        &["AGE-SECRET-KEY-1"],
        r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        TokenCheck::Whole(check::is_bech32),
    ),
    checked_form(
        "age identity",
        &["AGE-SECRET-KEY-PQ-1"],
        r"AGE-SECRET-KEY-PQ-1[0-9A-Z]{40,}",
        TokenCheck::Whole(check::is_bech32),
    ),
    checked_form(
        "age plugin identity",
        &["AGE-PLUGIN-"],
        r"AGE-PLUGIN-[0-9A-Z-]+-1[0-9A-Z]{6,}",
        TokenCheck::Whole(check::is_bech32),
    ),
    token_form("1Password token", &["ops_"], r"ops_eyJ[A-Za-z0-9+/]{250,}={0,3}"),
    token_form(
        "1Password secret key",
        &["A3-"],
        r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),
    near_form("Plex claim", &["plex"], &["claim-"], r"claim-[A-Za-z0-9_-]{20}"),
    token_form("JFrog key", &["AKCp"], r"AKCp[0-9A-Za-z]{69}"),
    token_form("JFrog token", &["cmVmd"], r"cmVmd[0-9A-Za-z]{59}"),
    // messages and mail
    checked_form("Slack token", &["xox"], r"xox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{20,}", TokenCheck::Body(has_digit)),
    token_form("Slack app token", &["xapp-"], r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[0-9a-z]+"),
    token_form("SendGrid key", &["SG."], r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    near_form("Twilio key", &["twilio"], &["SK"], r"SK[0-9a-f]{32}"),
    near_form("Mailgun key", &["mailgun"], &["key-"], r"key-[0-9a-f]{32}"),
    token_form("Mailchimp key", &["-us"], r"[0-9a-f]{32}-us[0-9]{1,2}"),
    token_form("Brevo key", &["xkeysib-"], r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    token_form("Telegram bot token", &[":AA"], r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    near_form(
        "Discord bot token",
        &["discord"],
        &["."],
        r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
    ),
    // money and shops
    token_form("Stripe key", &["k_live_", "k_test_", "k_prod_"], r"[sr]k_(?:live|test|prod)_[0-9A-Za-z]{10,}"),
    token_form("webhook signing secret", &["whsec_"], r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    token_form("Shopify token", &["shpat_", "shpss_", "shpca_", "shppa_"], r"shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}"),
    token_form("Square token", &["sq0"], r"sq0(?:atp-[\w-]{22}|csp-[\w-]{43})"),
    token_form("Square token", &["EAAA"], r"EAAA[A-Za-z0-9_-]{60}"),
    // language models
    token_form("OpenAI key", &["T3BlbkFJ"], r"sk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}"),
    checked_form("OpenAI key", &["sk-"], r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}", TokenCheck::Doubtful),
    checked_form(
        "Anthropic key",
        &["sk-ant-"],
        r"sk-ant-[a-z]+[0-9]{2}-[A-Za-z0-9_-]{80,}",
        TokenCheck::Whole(is_anthropic),
    ),
    token_form("OpenRouter key", &["sk-or-"], r"sk-or-v1-[0-9a-f]{64}"),
    checked_form("API key of a model provider", &["sk-"], r"sk-[0-9A-Za-z]{32,64}", TokenCheck::Doubtful),
    token_form("Groq key", &["gsk_"], r"gsk_[0-9A-Za-z]{52}"),
    token_form("xAI key", &["xai-"], r"xai-[0-9A-Za-z]{70,120}"),
    token_form("Perplexity key", &["pplx-"], r"pplx-[0-9A-Za-z]{48}"),
    token_form("Hugging Face token", &["hf_"], r"hf_[A-Za-z]{34}"),
    token_form("Hugging Face token", &["api_org_"], r"api_org_[A-Za-z]{34}"),
    token_form("Replicate token", &["r8_"], r"r8_[0-9A-Za-z]{37}"),
    token_form("LangSmith key", &["lsv2_"], r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    // observation
    checked_form("Grafana token", &["glsa_"], r"glsa_[0-9A-Za-z]{32}_[0-9a-f]{8}", TokenCheck::Whole(is_grafana)),
    checked_form("Grafana Cloud token", &["glc_"], r"glc_[A-Za-z0-9+/]{32,}={0,2}", TokenCheck::Body(is_json)),
    checked_form("Grafana key", &["eyJrIjoi"], r"eyJrIjoi[A-Za-z0-9+/]{40,}={0,2}", TokenCheck::Whole(is_json)),
    token_form("Elastic key", &["essu_"], r"essu_[A-Za-z0-9+/]{40,}={0,2}"),
    token_form("New Relic key", &["NRAK-"], r"NRAK-[A-Z0-9]{27}"),
    token_form("New Relic license key", &["NRAL"], r"[0-9a-f]{36}NRAL"),
    token_form("Sentry token", &["sntryu_"], r"sntryu_[0-9a-f]{64}"),
    token_form("Sentry token", &["sntrys_"], r"sntrys_eyJ[A-Za-z0-9+/=_-]{80,}"),
];

pub(super) static DETECTORS: &[Detector] =
    &[Detector { name: "aws-secret-key", keywords: &["akia", "asia", "abia", "acca", "aws"], find: aws }];

impl TokenForm {
    /// Finds a token of this form.
    pub(super) fn find(&self, scan: &DetectorInput) -> Option<DetectorFinding> {
        self.pattern.matches(scan.text).find_map(|(token, range)| {
            let body = self.marks.iter().find_map(|mark| token.strip_prefix(mark)).unwrap_or(token);
            let certainty = match self.check {
                _ if is_dummy(body) || !stands_alone(scan.text, &range) => return None,
                TokenCheck::Form => Certainty::Certain,
                TokenCheck::Doubtful => Certainty::Likely,
                TokenCheck::Body(passes) => sure_if(passes(body)),
                TokenCheck::Whole(passes) => sure_if(passes(token)),
                TokenCheck::Near if scan.mentions(self.marks, range.start) => Certainty::Certain,
                TokenCheck::Near => return None,
            };
            Some(DetectorFinding { certainty, reason: self.what, range: Some(range) })
        })
    }
}

/// Certainty after a check. A failed check makes a token doubtful and not harmless: providers change their schemes.
fn sure_if(passes: bool) -> Certainty {
    if passes { Certainty::Certain } else { Certainty::Likely }
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_anthropic(token: &str) -> bool {
    token.ends_with("AA")
}

/// Whether the last eight digits are the checksum of the text before them.
fn is_grafana(token: &str) -> bool {
    let Some((random, checksum)) = token.rsplit_once('_') else { return false };
    let bytes = check::crc32(random.as_bytes()).to_le_bytes();
    u32::from_str_radix(checksum, 16).is_ok_and(|number| number.to_be_bytes() == bytes)
}

fn is_json(text: &str) -> bool {
    json_in_base64(&text.replace('+', "-").replace('/', "_")).is_some()
}

/// AWS secret access key: 40 characters of Base64 without a prefix, so it counts only beside the access key ID, or
/// under a name of AWS.
fn aws(scan: &DetectorInput) -> Option<DetectorFinding> {
    static ID: CredentialPattern =
        CredentialPattern::having(20, &["AKIA", "ASIA", "ABIA", "ACCA"], r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}");
    static SECRET: CredentialPattern =
        CredentialPattern::having(40, &[], r"(?:\A|[^A-Za-z0-9+/])([A-Za-z0-9+/]{40})(?:\z|[^A-Za-z0-9+/=])");
    let paired = ID.matches(scan.text).any(|(id, range)| !is_dummy(id) && stands_alone(scan.text, &range));
    SECRET.matches(scan.text).find_map(|(secret, range)| {
        let random = is_mixed_case(secret) && !is_dummy(secret);
        let near = scan.mentions(&["aws"], range.start) && scan.mentions(&["secret"], range.start);
        (random && (paired || near)).then(|| DetectorFinding::certain("AWS secret access key", range))
    })
}

/// Whether a text is of mixed case with digits; hashes are of one case, paths have few digits.
fn is_mixed_case(text: &str) -> bool {
    let count = |kind: fn(&u8) -> bool| text.bytes().filter(kind).count();
    count(u8::is_ascii_uppercase) >= 3 && count(u8::is_ascii_lowercase) >= 3 && count(u8::is_ascii_digit) >= 2
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;

    use super::super::detect_credential;
    use super::*;

    /// 300 characters that look random, without a repetition that would make them a dummy.
    fn body() -> String {
        let digit = |index: usize| b"hZ8fQ2mX7vKp4TnRb6Wc9Ld3Ys5Gj1"[(index * 7 + index / 30) % 30];
        (0..300).map(|index| char::from(digit(index))).collect()
    }

    fn hex(length: usize) -> String {
        "3fa94c07be51d286".chars().cycle().take(length).collect()
    }

    fn with_crc(prefix: &str) -> String {
        let random = &body()[..30];
        format!("{prefix}{random}{}", check::base62(check::crc32(random.as_bytes())))
    }

    fn found(key: &str, text: &str) -> Option<(&'static str, Certainty, String)> {
        detect_credential(key, text).map(|hit| (hit.detector, hit.certainty, hit.reason))
    }

    #[test]
    fn tokens_of_providers_are_found() {
        let body = body();
        let upper = body.to_uppercase();
        for (what, token) in [
            ("GitHub token", with_crc("ghp_")),
            ("GitHub token", with_crc("ghs_")),
            ("GitHub token", format!("github_{}_{}_{}", "pat", &body[..22], &body[..59])),
            ("GitLab token", format!("gl{}-{}", "pat", &body[..20])),
            ("npm token", with_crc("npm_")),
            ("PyPI token", format!("pypi-{}{}", "AgEIcHlwaS5vcmc", &body[..60])),
            ("Docker Hub token", format!("dckr_{}_{}", "pat", &body[..27])),
            ("Google API key", format!("AI{}{}", "za", &body[..35])),
            ("Google OAuth client secret", format!("GOC{}-{}", "SPX", &body[..28])),
            ("DigitalOcean token", format!("do{}_v1_{}", "p", hex(64))),
            ("Databricks token", format!("da{}{}", "pi", hex(32))),
            ("Vault token", format!("hv{}.{}", "s", &body[..30])),
            (
                "1Password secret key",
                format!("A3-{}-{}-{}-{}-{}", &upper[..6], &upper[..11], &upper[..5], &upper[..5], &upper[..5]),
            ),
            ("Slack token", format!("xo{}-{}-{}", "xb", "123456789012", &body[..24])),
            ("SendGrid key", format!("S{}.{}.{}", "G", &body[..22], &body[..43])),
            ("Stripe key", format!("sk_{}_{}", "live", &body[..24])),
            ("Stripe key", format!("rk_{}_{}", "test", &body[..24])),
            ("Telegram bot token", format!("123456789:A{}{}", "A", &body[..33])),
            ("OpenAI key", format!("sk-{}-{}{}{}", "proj", &body[..40], "T3BlbkFJ", &body[..40])),
            ("Anthropic key", format!("sk-{}-api03-{}AA", "ant", &body[..93])),
            ("New Relic license key", format!("{}NR{}", hex(36), "AL")),
            ("Shopify token", format!("shp{}_{}", "at", hex(32))),
            ("OpenShift token", format!("sha{}~{}", "256", &body[..43])),
        ] {
            let expected = Some(("provider-token", Certainty::Certain, what.to_owned()));
            assert_eq!(found("SETTING", &token), expected, "{token}");
            assert_eq!(found("SETTING", &format!("--x {token}\n")), expected, "in a text: {token}");
            assert_eq!(found("SETTING", &format!("word{token}")), None, "glued to a word: {token}");
        }
    }

    #[test]
    fn tokens_with_checksums_are_checked() {
        let good = with_crc("ghp_");
        let bad = format!("{}x", &good[..good.len() - 1]);
        let likely = Some(("provider-token", Certainty::Likely, "GitHub token".to_owned()));
        assert_eq!(found("X", &bad), likely);

        let random = format!("gl{}_{}", "sa", &body()[..32]);
        let sum = check::crc32(random.as_bytes()).swap_bytes();
        let certainty = |token: &str| found("X", token).map(|(_, certainty, _)| certainty);
        assert_eq!(certainty(&format!("{random}_{sum:08x}")), Some(Certainty::Certain));
        assert_eq!(certainty(&format!("{random}_{:08x}", !sum)), Some(Certainty::Likely));
    }

    #[test]
    fn an_age_identity_has_a_bech32_checksum() {
        use age::secrecy::ExposeSecret as _;
        let identity = age::x25519::Identity::generate();
        let text = identity.to_string();
        let certain = Some(("provider-token", Certainty::Certain, "age identity".to_owned()));
        assert_eq!(found("X", text.expose_secret()), certain);
        assert_eq!(found("X", &identity.to_public().to_string()), None);
    }

    #[test]
    fn forms_without_a_prefix_need_a_witness() {
        let key = format!("S{}{}", "K", hex(32));
        assert_eq!(found("TWILIO_SID", &key).map(|found| found.2), Some("Twilio key".to_owned()));
        assert_eq!(found("CHECKSUM", &key), None);
        let claim = format!("claim-{}", &body()[..20]);
        assert_eq!(found("PLEX_CLAIM", &claim).map(|found| found.2), Some("Plex claim".to_owned()));
        assert_eq!(found("VOLUME", &claim), None);
    }

    #[test]
    fn a_secret_access_key_counts_beside_its_id_or_under_its_name() {
        let id = format!("AK{}{}", "IA", "Q3EGRT7ZXCVBNM52");
        let secret = &body()[..40];
        let both = format!("[default]\nx = {id}\ny = {secret}\n");
        assert_eq!(found("X", &both).map(|found| found.0), Some("aws-secret-key"));
        assert_eq!(found("AWS_SECRET", secret).map(|found| found.0), Some("aws-secret-key"));
        assert_eq!(found("X", secret), None);
        assert_eq!(found("AWS_ACCESS_KEY_ID", &id), None);
    }

    #[test]
    fn samples_and_public_halves_are_not() {
        for token in [
            format!("ghp_{}", "x".repeat(36)),
            format!("sk_{}_{}", "test", "your_stripe_key_here"),
            format!("pk_{}_{}", "live", &body()[..24]),
            format!("xo{}-your-token-goes-here", "xb"),
            format!("AI{}{}", "za", "EXAMPLEexampleEXAMPLEexampleEXAMPLE"),
            "sha256:3fa94c07be51d2863fa94c07be51d2863fa94c07be51d2863fa94c07be51d286".to_owned(),
            "disk-usage-is-high".to_owned(),
            "123456789012-abc.apps.googleusercontent.com".to_owned(),
        ] {
            assert_eq!(found("SETTING", &token), None, "{token}");
        }
    }

    /// The mark of a form is separate from its pattern: a typing error in one of them would disable the form.
    #[test]
    fn every_form_is_called_and_found() {
        let mut runner = TestRunner::deterministic();
        for form in &FORMS {
            let tokens = proptest::string::string_regex(form.pattern.source()).expect("a pattern");
            let key = if matches!(form.check, TokenCheck::Near) { form.marks[0] } else { "SETTING" };
            for _ in 0..8 {
                let token = tokens.new_tree(&mut runner).expect("a token").current();
                // a token that ends in padding or a dash by chance is cut there
                let token = token.trim_end_matches(['-', '_', '=', '.']);
                if !form.pattern.regex().is_some_and(|regex| regex.is_match(token.as_bytes())) {
                    continue;
                }
                let name = found(key, token).map(|(name, ..)| name);
                assert_eq!(name, Some("provider-token"), "{}: {token}", form.what);
                let name = found(key, &format!("word{token}")).map(|(name, ..)| name);
                assert_ne!(name, Some("provider-token"), "glued to a word: {}: {token}", form.what);
            }
        }
    }
}
