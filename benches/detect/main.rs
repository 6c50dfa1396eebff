//! How long judging a thousand entries takes: at first, when the automaton is built and patterns are
//! compiled, and from then on. `cargo bench --bench detect` prints milliseconds.

#![allow(clippy::print_stdout, clippy::expect_used)] // a program of its own, whose result is what it prints

#[path = "../measure/mod.rs"]
mod measure;

use std::hint::black_box;

use septum::route::detect::{TextKind, classify, is_literal_credential};

/// How many entries are judged.
const ENTRIES: usize = 1000;

/// How many times they are.
const RUNS: usize = 101;

/// What applications are configured with. One entry in twelve is a secret, as in public repositories,
/// and one in twenty-four a file.
const TYPICAL: [(&str, &str); 24] = [
    ("LOG_LEVEL", "info"),
    ("HTTP_PORT", "8080"),
    ("FEATURE_CHECKOUT_ENABLED", "true"),
    ("CACHE_TTL_SECONDS", "300"),
    ("PUBLIC_URL", "https://shop.example.com/checkout"),
    ("DATABASE_HOST", "postgres.databases.svc.cluster.local"),
    ("DATABASE_NAME", "orders"),
    ("DATABASE_URL", "postgres://$(DATABASE_USER):$(DATABASE_PASSWORD)@postgres:5432/orders"),
    ("KAFKA_BROKERS", "kafka-0.kafka:9092,kafka-1.kafka:9092,kafka-2.kafka:9092"),
    ("JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=75 -Dfile.encoding=UTF-8"),
    ("TLS_CERT_PATH", "/etc/tls/tls.crt"),
    ("SESSION_TOKEN_TTL", "15m"),
    ("OIDC_CLIENT_ID", "3f2b8c1e-7f0a-4a52-9d0e-6a1c2b3d4e5f"),
    ("OIDC_TOKEN_ENDPOINT", "https://sso.example.com/oauth2/token"),
    ("TZ", "Europe/Berlin"),
    ("image.repository", "registry.example.com/shop/checkout"),
    ("image.digest", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("existingSecretPasswordKey", "postgres-password"),
    ("ingress.annotations.nginx.ingress.kubernetes.io/proxy-body-size", "8m"),
    ("GREETING", "Welcome to our shop, nice to see you!"),
    ("ALLOWED_ORIGINS", "https://a.example.com,https://b.example.com"),
    ("DATABASE_PASSWORD", "correct-horse-battery"),
    ("PAYMENT_API_KEY", "hZ8fQ2mX7vKp4TnRb6Wc9Ld3"),
    ("application.yaml", FILE),
];

const FILE: &str = "\
server:
  port: 8080
  shutdown: graceful
spring:
  application:
    name: checkout
  datasource:
    url: jdbc:postgresql://postgres:5432/orders
    username: ${DATABASE_USER}
    password: ${DATABASE_PASSWORD}
    hikari:
      maximum-pool-size: 10
  jpa:
    open-in-view: false
management:
  endpoints:
    web:
      exposure:
        include: health,info,prometheus
logging:
  level:
    root: INFO
    com.example.checkout: DEBUG
";

fn main() {
    // `cargo test --benches` builds this too, and has no use for it
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let entries: Vec<(String, &str)> = (0..ENTRIES).map(entry).collect();
    let judge =
        || entries.iter().filter(|(key, text)| classify(key, Some(text), TextKind::Literal).is_sensitive()).count();
    let leaks = || entries.iter().filter(|(key, text)| is_literal_credential(key, text)).count();
    println!("{:<44} {:>10} {:>10}", format!("{ENTRIES} typical entries, in process"), "median ms", "90 % ms");
    let (first, secrets) = measure::time(judge);
    println!("{:<44} {first:>10.2} {:>10}", "route or not, the first time in a process", "–");
    assert!(secrets > 0 && secrets < ENTRIES / 6, "{secrets} of the entries are secrets");
    row("route or not", || {
        black_box(judge());
    });
    row("leak or not", || {
        black_box(leaks());
    });
}

/// An entry as in an application; the names differ, as they do there.
fn entry(number: usize) -> (String, &'static str) {
    let (key, text) = TYPICAL[number % TYPICAL.len()];
    let is_setting = key.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let key = if is_setting { format!("SERVICE_{}_{key}", number / TYPICAL.len()) } else { key.to_owned() };
    (key, text)
}

fn row(title: &str, run: impl FnMut()) {
    let times = measure::sorted_times(RUNS, run);
    println!("{title:<44} {:>10.2} {:>10.2}", times[RUNS / 2], times[RUNS * 9 / 10]);
}
