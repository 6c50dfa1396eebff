//! Classification of names.
//!
//! A name is read as an English compound: the last word that can name a secret is its *head*. Words after the head
//! describe which property of the secret the value is (`TOKEN_TTL`), words before it can make it public (`PUBLIC_KEY`)
//! or turn it into a switch (`ALLOW_EMPTY_PASSWORD`). An unknown word there changes nothing: `PASSWORD_1`.

use super::vocabulary::files::{CONFIG_EXTENSIONS, CREDENTIAL_FILES, KEY_EXTENSIONS, PUBLIC_EXTENSIONS, SSH_KEY_FILES};
use super::vocabulary::qualifiers::QUALIFIERS;
use super::vocabulary::{
    AFTER_VERB_PASS, COUNTED_TOKEN, COUNTED_TOKENS, ELSEWHERE, FIRST_SWITCHES, FORMS, HEADS, KEY_FORMS, LAST_HEADS,
    NEGATING, NEGATING_KEYS, NEGATING_TOKENS, OTHER_KEYS, PAIRS, PUBLIC_PREFIXES, SECRET_KEYS, SECRET_KEYS_AFAR,
    SWITCHES, SecretFamily, WEAK,
};
use super::words;

/// Verdict of a name alone, with the reason for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameVerdict {
    /// The name says that its value is a secret.
    Sensitive {
        /// For example ``word `password` ``.
        reason: String,
    },
    /// The name is that of a secret if its value looks random.
    Weak {
        /// For example ``last word `auth` ``.
        reason: String,
    },
    /// The name does not indicate a secret.
    Plain {
        /// Reason why it is not a secret although one of its words could name one, for example `` `token` is followed
        /// by `ttl`, a qualifier``.
        near_miss: Option<String>,
    },
}

/// Classifies a name: the words of an environment variable, a property or a file in a bundle.
pub fn classify_name(key: &str) -> NameVerdict {
    analyse(key).verdict
}

/// Prefix with which a build tool publishes the value of this name to every browser.
///
/// A certain credential under such a name is a mistake that routing cannot repair.
pub fn public_prefix(key: &str) -> Option<&'static str> {
    let rest_is_secret = |prefix: &str| key.strip_prefix(prefix).is_some_and(|rest| rest != "KEY" && rest != "KEYS");
    PUBLIC_PREFIXES.iter().copied().find(|prefix| rest_is_secret(prefix))
}

/// Verdict of a name with the data that value checks need.
#[derive(Debug, Clone)]
pub(super) struct NameAnalysis {
    pub(super) verdict: NameVerdict,
    pub(super) family: Option<SecretFamily>,
}

impl NameAnalysis {
    fn sensitive(family: SecretFamily, reason: String) -> Self {
        Self { verdict: NameVerdict::Sensitive { reason }, family: Some(family) }
    }

    fn plain(near_miss: Option<String>) -> Self {
        Self { verdict: NameVerdict::Plain { near_miss }, family: None }
    }
}

pub(super) fn analyse(key: &str) -> NameAnalysis {
    analyse_annotation(key).or_else(|| file_shaped(key)).unwrap_or_else(|| analyse_words(key))
}

/// Verdict of an annotation such as `nginx.ingress.kubernetes.io/auth-secret` or `checksum/secret`. Everyone who can
/// read an object sees its annotations, so they hold names and digests of secrets.
fn analyse_annotation(key: &str) -> Option<NameAnalysis> {
    let (domain, name) = key.rsplit_once('/')?;
    let is_domain = ["io", "com", "org", "net", "dev", "sh"].iter().any(|end| {
        let rest = domain.strip_suffix(end).and_then(|rest| rest.strip_suffix('.'));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
    });
    let digest = domain.rsplit('.').next() == Some("checksum");
    let NameVerdict::Sensitive { reason } = analyse_words(name).verdict else { return None };
    (is_domain || digest).then(|| NameAnalysis::plain(Some(format!("{reason}, but it is an annotation name"))))
}

/// Head word in a name.
#[derive(Clone, Copy)]
struct HeadWord {
    index: usize,
    family: SecretFamily,
}

fn analyse_words(key: &str) -> NameAnalysis {
    let words = words::split_name(key);
    let Some(head) = (0..words.len()).rev().find_map(|index| head_at(&words, index)) else {
        return analyse_weak(&words);
    };
    let near_miss = public_prefix(key)
        .map(|prefix| format!("names that start with `{prefix}` are published to browsers"))
        .or_else(|| find_negation(&words, head))
        .or_else(|| find_qualification(&words, head));
    match near_miss {
        Some(reason) => NameAnalysis::plain(Some(reason)),
        None => NameAnalysis::sensitive(head.family, describe(&words, head)),
    }
}

fn word_at(words: &[String], index: usize) -> &str {
    words.get(index).map_or("", String::as_str)
}

fn word_before(words: &[String], index: usize) -> &str {
    index.checked_sub(1).map_or("", |index| word_at(words, index))
}

fn head_at(words: &[String], index: usize) -> Option<HeadWord> {
    let this = word_at(words, index);
    let family_in =
        |table: &[(&str, SecretFamily)]| table.iter().find(|(head, _)| *head == this).map(|(_, family)| *family);
    let is_last = index + 1 == words.len();
    let family = match this {
        "key" | "keys" => return key_at(words, index),
        "pass" if AFTER_VERB_PASS.contains(&word_at(words, index + 1)) => return None,
        _ if is_last && pair_at(words, index).is_some() => pair_at(words, index),
        _ if is_last && index > 0 => family_in(LAST_HEADS).or_else(|| family_in(HEADS)),
        _ => family_in(HEADS),
    };
    family.map(|family| HeadWord { index, family })
}

fn pair_at(words: &[String], index: usize) -> Option<SecretFamily> {
    let (first, second) = (word_before(words, index), word_at(words, index));
    PAIRS.iter().find(|pair| pair.0 == first && pair.1 == second).map(|pair| pair.2)
}

/// Head `key`, if its neighbours identify it as a secret or as another kind of key, which [`find_negation`] discards.
fn key_at(words: &[String], index: usize) -> Option<HeadWord> {
    let previous = word_before(words, index);
    let known = SECRET_KEYS.contains(&previous) || OTHER_KEYS.contains(&previous) || NEGATING.contains(&previous);
    let is_form = KEY_FORMS.contains(&word_at(words, index + 1)) && index > 0 && index + 2 == words.len();
    let is_public = NEGATING_KEYS.contains(&previous);
    (known || is_public || is_form || guarded_from_afar(words, index))
        .then_some(HeadWord { index, family: SecretFamily::Key })
}

fn guarded_from_afar(words: &[String], index: usize) -> bool {
    index >= 2 && SECRET_KEYS_AFAR.contains(&word_at(words, index - 2))
}

fn describe(words: &[String], head: HeadWord) -> String {
    match word_at(words, head.index) {
        key @ ("key" | "keys") => format!("words `{} {key}`", word_before(words, head.index)),
        last if pair_at(words, head.index).is_some() => format!("words `{} {last}`", word_before(words, head.index)),
        word => format!("word `{word}`"),
    }
}

/// Word before the head that takes its meaning away.
fn find_negation(words: &[String], head: HeadWord) -> Option<String> {
    let this = word_at(words, head.index);
    let previous = word_before(words, head.index);
    let other_key =
        matches!(this, "key" | "keys") && OTHER_KEYS.contains(&previous) && !guarded_from_afar(words, head.index);
    let other_key = other_key || head.family == SecretFamily::Key && NEGATING_KEYS.contains(&previous);
    let other_token = head.family == SecretFamily::Token && NEGATING_TOKENS.contains(&previous);
    if other_key || other_token || NEGATING.contains(&previous) {
        return Some(format!("`{previous}` precedes `{this}`"));
    }
    let earlier = words.get(..head.index).unwrap_or_default();
    if earlier.iter().any(|word| word == ELSEWHERE) {
        return Some(format!("`{ELSEWHERE}` before `{this}` means that the value is a name"));
    }
    let counted = |word: &&String| match this {
        "tokens" => COUNTED_TOKENS.contains(&word.as_str()),
        "token" => COUNTED_TOKEN.contains(&word.as_str()),
        _ => false,
    };
    if let Some(count) = earlier.iter().find(counted) {
        return Some(format!("`{count}` before `{this}` makes it a count"));
    }
    let first = earlier.first().filter(|word| FIRST_SWITCHES.contains(&word.as_str()));
    let switch = first.or_else(|| earlier.iter().find(|word| SWITCHES.contains(&word.as_str())));
    switch.map(|switch| format!("`{switch}` before `{this}` makes it a switch"))
}

/// Word after the head that makes the value a property of the secret.
fn find_qualification(words: &[String], head: HeadWord) -> Option<String> {
    let this = word_at(words, head.index);
    let later = words.get(head.index + 1..).unwrap_or_default();
    if is_vault_secret(words, head) {
        return None;
    }
    let qualifier = later.iter().find(|word| QUALIFIERS.contains(&word.as_str()))?;
    Some(format!("`{this}` is followed by `{qualifier}`, a qualifier"))
}

/// Whether an id is a secret of Vault. Vault calls two of its secrets an id: the `secret_id` of an app role and the
/// `ROOT_TOKEN_ID` of its development server. The `id` of a client's secret is an ordinary id, though.
fn is_vault_secret(words: &[String], head: HeadWord) -> bool {
    let previous = word_before(words, head.index);
    let named = match word_at(words, head.index) {
        "secret" => matches!(previous, "" | "role" | "approle" | "vault"),
        "token" => previous == "root",
        _ => false,
    };
    named && head.index + 2 == words.len() && word_at(words, head.index + 1) == "id"
}

fn analyse_weak(words: &[String]) -> NameAnalysis {
    let mut words = words.iter().rev().skip_while(|word| FORMS.contains(&word.as_str()));
    let Some(last) = words.next().filter(|word| WEAK.contains(&word.as_str())) else {
        return NameAnalysis::plain(None);
    };
    let reason = format!("last word `{last}`");
    NameAnalysis { verdict: NameVerdict::Weak { reason }, family: Some(SecretFamily::Weak) }
}

/// Classifies names of files.
fn file_shaped(key: &str) -> Option<NameAnalysis> {
    let file = key.rsplit(['/', '\\']).next().unwrap_or(key);
    // `KUBECONFIG` is a variable that contains a path
    if CREDENTIAL_FILES.contains(&file) {
        return Some(NameAnalysis::sensitive(SecretFamily::File, format!("file name `{file}`")));
    }
    let (stem, endings) = file.split_once('.').unwrap_or((file, ""));
    if SSH_KEY_FILES.contains(&stem) && !PUBLIC_EXTENSIONS.contains(&endings) {
        return Some(NameAnalysis::sensitive(SecretFamily::File, format!("file name `{stem}`")));
    }
    file.rsplit_once('.').and_then(|(stem, extension)| by_extension(stem, &extension.to_lowercase()))
}

fn by_extension(stem: &str, extension: &str) -> Option<NameAnalysis> {
    let words = words::split_name(stem);
    let last = words.last().map_or("", String::as_str);
    match extension {
        "key" if NEGATING.contains(&last) || OTHER_KEYS.contains(&last) => {
            Some(NameAnalysis::plain(Some(format!("`{last}` precedes `key`"))))
        }
        "json" if matches!(last, "credential" | "credentials" | "creds") => {
            Some(NameAnalysis::sensitive(SecretFamily::File, format!("file name ends in `{last}.json`")))
        }
        "pem" => pem_file(&words, last),
        _ if KEY_EXTENSIONS.contains(&extension) => {
            Some(NameAnalysis::sensitive(SecretFamily::File, format!("file name ends in `.{extension}`")))
        }
        _ if PUBLIC_EXTENSIONS.contains(&extension) => {
            Some(NameAnalysis::plain(Some(format!("files that end in `.{extension}` are public"))))
        }
        _ if CONFIG_EXTENSIONS.contains(&extension) => Some(NameAnalysis::plain(None)),
        _ => None,
    }
}

/// Verdict of a `.pem` file by its stem: `server-key.pem`, `ca.pem`.
fn pem_file(words: &[String], last: &str) -> Option<NameAnalysis> {
    let negated = words.iter().any(|word| NEGATING.contains(&word.as_str()));
    let is_key = matches!(last, "key" | "privkey" | "privatekey");
    (is_key && !negated).then(|| NameAnalysis::sensitive(SecretFamily::File, format!("file name ends in `{last}.pem`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(list: &str) -> impl Iterator<Item = &str> {
        list.split_whitespace()
    }

    #[test]
    fn names_of_secrets_are_sensitive() {
        for key in words_of(
            "SECRET_KEY_BASE DB_PASS PGPASSWORD SSHPASS SECRETACCESSKEY server.secretkey NEW_RELIC_LICENSE_KEY
             discovery.sendtargets.auth.password_in AIRFLOW__CORE__FERNET_KEY LITELLM_SALT_KEY DEVISE_PEPPER
             ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY TVDB_PIN
             .dockerconfigjson VAULT_TOKEN PASSWORD_1 ADMIN_PASSWORD_INIT TOKEN_PROD githubAppPrivateKey
             x-api-key APIKEY apiKeys GITHUB_PAT WIFI_PSK secret_id VAULT_ROLE_SECRET_ID VAULT_DEV_ROOT_TOKEN_ID CSRF_SECRET_KEY
             SECRET_FOO_KEY VERIFIED_PASSWORD rabbitmq-password.txt VAULT_ENC_KEY JWT_SIGN_KEY ALGOLIA_ADMIN_KEY
             AZURE_SUBSCRIPTION_KEY DKIM_KEY RABBITMQ_ERLANG_COOKIE RELEASE_COOKIE REDISCLI_AUTH SNMP_COMMUNITY
             LDAP_BINDPW bindpw ROOTPASS KEYPASS ROOTPWD MOT_DE_PASSE DB_HASLO CLAVE DB_PAROLA USERTOKEN SECRET_TEXT
             PASSWORD_HASH dbpassword mysqlrootpassword githubtoken slackbottoken clientsecret jwtsecretkey stripeapikey
             OCI_CLI_KEY_CONTENT DEPLOYER_KEY_PEM HOST_KEY_BASE64 NIGHTLY_BATCH_KEY TENANT_KEY_MATERIAL rootpw",
        ) {
            assert!(matches!(classify_name(key), NameVerdict::Sensitive { .. }), "{key}: {:?}", classify_name(key));
        }
    }

    #[test]
    fn names_about_secrets_are_plain() {
        for key in words_of(
            "TOKEN_TTL TOKEN_EXPIRY_SECONDS PASSWORD_MIN_LENGTH password_rotation_interval passwordPattern
             GOTIFY_PASSSTRENGTH PUBLIC_KEY WIREGUARD_PUBLIC_KEY PUB_KEY_PATH KEYSPACE SECRET_NAME
             OAUTH_TOKEN_SECRET_NAME KMS_KEY_ID PROD_SIGNING_KEY_ID SIGNING_KEY_ALGORITHM AUTHOR MONKEY passwordless
             tokenizer JWKS_URL SPRING_JWT_JWK_SET_URI GENERIC_TOKEN_ENDPOINT TOKEN_VERIFICATION_ENABLED PASSWORD_ENCRYPTION TOKEN_ID
             MAX_INPUT_TOKENS WORDPRESS_DB_PASSWORD_FILE AWS_WEB_IDENTITY_TOKEN_FILE DB_ALLOW_EMPTY_PASSWORD
             MYSQL_RANDOM_ROOT_PASSWORD SECRET_SHARES SECRET_THRESHOLD KEYCLOAK_ADMIN application.instanceLabelKey
             resource.excludeEventLabelKeys admin.passwordMtime OG_PASSTHROUGH PASS_THROUGH DKR_RUN_PASSPORT_INSTALL
             PROFILER HELM_SECRETS_DRIVER automountServiceAccountToken enable-policy-secrets-sync CSRF_TOKEN
             AWS_ACCESS_KEY_ID CLIENT_ID AZURE_CLIENT_SECRET_ID imagePullSecrets MY_NONSECRET_STRING pin SALT
             KUBECONFIG NEXT_PUBLIC_API_KEY VITE_MAPS_TOKEN DB_PRIMARY_KEY bypass USERNAME ACCESS_KEY_SECRET_ARN
             AUTH_PASSWORD_BROKER PASSWORD_RESET_TOKEN_TABLE API_TOKEN_COLUMN PASSWORD_HASHER PASSWORD_SALT_ROUNDS
             PASSWORD_ITERATIONS TOKEN_SYMBOL TOKEN_DECIMALS GITHUB_TOKEN_PERMISSIONS LDAP_PASSWORD_ATTRIBUTE
             PASSWORD_QUERY DEFAULT_PASS_SCHEME CREDENTIAL_PROCESS GIT_CREDENTIAL_HELPER TOKEN_STORAGE
             privateKey.encoding API_KEYS_COLLECTION PASSWORD_CHARSET PASSWORD_GENERATOR RSA_PRIVATE_KEY_BITS
             sealedSecretsController existingSecretKey existingErlangSecret existingSecretAdminPasswordKey passwordFrom
             nginx.ingress.kubernetes.io/auth-secret checksum/secret vault.hashicorp.com/agent-inject-secret-db
             RESTIC_PASSWORD_COMMAND SOPS_AGE_KEY_CMD passwordCmd TOKEN_GETTER apiKeyEnvVar secretEnv PASSWORD_ENV
             RECAPTCHA_SITE_KEY TURNSTILE_SITE_KEY JWT_VERIFICATION_KEY PUBLIC_KEY_PEM CACHE_KEY_CONTENT 1password-cli
             1PASSWORD_CONNECT_HOST onepassword secretKeyRef.key tolerations.key NODE_AFFINITY_KEY COOKIE_DOMAIN RELEASE_COOKIE_DOMAIN",
        ) {
            assert!(matches!(classify_name(key), NameVerdict::Plain { .. }), "{key}: {:?}", classify_name(key));
        }
    }

    #[test]
    fn ambiguous_names_wait_for_the_value() {
        for key in words_of("GOOGLE_TAG_MANAGER_AUTH kv_key key SLACK_HOOK TENANT_KEY_DATA TENANT_KEY_VALUE") {
            assert!(matches!(classify_name(key), NameVerdict::Weak { .. }), "{key}: {:?}", classify_name(key));
        }
    }

    #[test]
    fn files_of_keys_are_sensitive_and_their_public_halves_are_not() {
        for key in words_of(
            "tls.key key.pem tls-key.pem server.jks store.p12 id_rsa id_ed25519 id_ed25519.bak .htpasswd .netrc .npmrc
             .pgpass kubeconfig credentials credentials.json 1password-credentials.json .git-credentials",
        ) {
            assert!(matches!(classify_name(key), NameVerdict::Sensitive { .. }), "{key}: {:?}", classify_name(key));
        }
        for key in words_of(
            "id_rsa.pub tls.crt ca.crt ca.pem public-key.pem label.key request.csr passwords.yaml secrets.conf
             token.properties init-password.sql",
        ) {
            assert!(matches!(classify_name(key), NameVerdict::Plain { .. }), "{key}: {:?}", classify_name(key));
        }
    }

    #[test]
    fn reasons_name_the_words_that_decided() {
        for (key, expected) in [
            ("TOKEN_TTL", "`token` is followed by `ttl`, a qualifier"),
            ("PUBLIC_KEY", "`public` precedes `key`"),
            ("CSRF_TOKEN", "`csrf` precedes `token`"),
            ("MAX_INPUT_TOKENS", "`max` before `tokens` makes it a count"),
            ("DB_ALLOW_EMPTY_PASSWORD", "`allow` before `password` makes it a switch"),
            ("existingSecretKey", "`existing` before `key` means that the value is a name"),
            ("checksum/secret", "word `secret`, but it is an annotation name"),
            ("NEXT_PUBLIC_API_KEY", "names that start with `NEXT_PUBLIC_` are published to browsers"),
        ] {
            assert_eq!(classify_name(key), NameVerdict::Plain { near_miss: Some(expected.to_owned()) }, "{key}");
        }
        for (key, expected) in [
            ("DB_PASSWORD", "word `password`"),
            ("PROD_SIGNING_KEY", "words `signing key`"),
            ("RABBITMQ_ERLANG_COOKIE", "words `erlang cookie`"),
            ("tls.key", "file name ends in `.key`"),
        ] {
            assert_eq!(classify_name(key), NameVerdict::Sensitive { reason: expected.to_owned() }, "{key}");
        }
    }

    #[test]
    fn a_name_without_head_is_plain_and_no_near_miss() {
        assert_eq!(classify_name("LOG_LEVEL"), NameVerdict::Plain { near_miss: None });
    }
}
