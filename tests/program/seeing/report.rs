//! `septum report`: one page that shows no secret, runs nothing of a layer, and works in a browser.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::Value as Json;

use crate::support::messages::record;
use crate::support::peers::skip_optional as skip;
use crate::support::sandbox::{CANARY, Sandbox};

const HOSTILE: &str = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'`&<!--";

/// A project with hostile texts in every place, a secret, and a variable.
fn site() -> Sandbox {
    let site = Sandbox::with_identities();
    let hostile = serde_json::to_string(HOSTILE).unwrap();
    site.write(
        "environments/base.yaml",
        format!(
            "app: shop\nvars: {{ domain: shop.test }}\ndata:\n  HOST: {{ value: \"{{{{ vars.domain }}}}\", required: true }}\n  LEVEL: info\n\
             \x20 API_PASSWORD: {{ sensitive: true, required: true, description: {hostile} }}\n  {hostile}: {hostile}\n  LONG: {hostile}\n"
        ),
    );
    site.write("environments/dev.yaml", format!("data: {{ LEVEL: debug, API_PASSWORD: {CANARY}, LONG: {hostile} }}\n"));
    site.write("environments/prod.yaml", "vars: { domain: prod.test }\n");
    site.encrypted("environments/prod.secrets.yaml", format!("data: {{ API_PASSWORD: {CANARY} }}\n"));
    site
}

/// The data of a page.
fn data(page: &str) -> Json {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_has_the_same_bytes_and_no_secret_with_the_key_or_without() {
    let site = site();
    let page = site.run(&["report"]).ok();
    assert_eq!(page, site.run_without_key(&["report"]).ok());
    assert!(!page.contains(CANARY) && page.contains(&site.alice) && page.contains("API_PASSWORD"));
    site.run(&["report", "--out", "page.html"]).succeeds();
    assert_eq!(site.read("page.html"), page);
    site.run(&["report", "--out", "page.html"]).record();
    site.write("own.html", "<p>mine</p>");
    site.run(&["report", "--out", "own.html"]).refused();
}

#[test]
fn nothing_of_a_layer_is_markup_and_nothing_is_requested() {
    let page = site().run(&["report"]).ok();
    assert_eq!(page.matches("</script").count(), 2, "the data and the script");
    assert_eq!(page.matches("<script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"));
    let texts = data(&page)["texts"].to_string();
    assert!(texts.contains("onerror=alert(1)"), "it is there as a text");
    let outside = Regex::new(r#"(?:src|href|action)="([^"]*)""#).unwrap();
    assert!(outside.captures_iter(&page).all(|found| found[1].starts_with('#')));
    let policy = Regex::new(
        "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+';",
    );
    assert!(policy.unwrap().is_match(&page));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn a_project_that_cannot_be_read_has_no_page() {
    let site = site();
    site.write("environments/dev.yaml", "data: { NOTHING: 1 }\n");
    site.run(&["report", "--out", "page.html"]).refused();
    assert!(!site.path("page.html").exists());
}

/// A thousand keys, each set by the base and by most of ten environments.
fn large() -> Sandbox {
    let mut base = String::from("app: shop\ndata:\n");
    for key in 0..1000 {
        let _ = writeln!(
            base,
            "  SETTING_NUMBER_{key}: {{ value: \"default value of {key}\", description: What the setting {key} does. }}"
        );
    }
    let mut site = Sandbox::new([]).file("base.yaml", base);
    for environment in 0..10 {
        let mut layer = String::from("data:\n");
        for key in (0..1000).filter(|key| (key + environment) % 3 != 0) {
            let _ = writeln!(layer, "  SETTING_NUMBER_{key}: \"value of {key} in {environment}\"");
        }
        site = site.file(&format!("env{environment}.yaml"), layer);
    }
    site
}

#[test]
fn a_page_of_a_thousand_keys_in_ten_environments_is_small() {
    let page = large().run(&["report"]).succeeds();
    assert!(page.len() <= 2 << 20, "{} bytes", page.len());
    let data = data(&page);
    let rows = data["groups"][0][1].as_array().unwrap();
    assert_eq!((rows.len(), rows[0][2].as_array().unwrap().len()), (1000, 10));
}

/// The browser, if it is installed; no script of CI installs it.
fn browser() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|directory| directory.join("chromium")).find(|path| path.is_file())
}

/// What a page becomes in the browser. A script of the test runs in it in addition, which its policy would not allow.
fn opened(browser: &Path, page: &str, script: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    let policy = Regex::new("script-src '[^']+'").unwrap();
    let page = if script.is_empty() {
        page.to_owned()
    } else {
        policy.replace(page, "script-src 'unsafe-inline'").into_owned()
    };
    fs::write(&file, page.replace("</body>", &format!("<script>{script}</script></body>"))).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=20000"])
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .env("HOME", directory.path())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_page_works_in_a_browser_under_its_own_policy() {
    let Some(browser) = browser() else { return skip("chromium", "is not installed") };
    let page = site().run(&["report"]).ok();
    let shown = opened(&browser, &page, "");
    assert!(shown.contains("data-ready=\"6\""), "the script of the page ran: {shown}");
    assert!(!shown.contains("<title>owned") && !shown.contains("<img"), "{shown}");
    // with the script of the test, which does what somebody does with the keyboard
    let script = "
        const out = {};
        const rows = () => [...document.querySelectorAll('#keys tbody tr:not(.group)')].filter((row) => !row.hidden);
        out.rows = rows().length;
        const buttons = [...document.querySelectorAll('#keys button')];
        out.focus = buttons.every((button) => { button.focus(); return document.activeElement === button; });
        buttons.find((button) => button.textContent === 'HOST').click();
        const detail = document.querySelector('tr.detail');
        out.detail = detail.textContent;
        out.expanded = document.querySelectorAll('button[aria-expanded=true]').length;
        const words = document.getElementById('words');
        words.value = 'api_pass'; words.dispatchEvent(new Event('input'));
        out.filtered = rows().length;
        out.count = document.getElementById('count').textContent;
        out.closed = document.querySelectorAll('tr.detail').length;
        words.value = ''; words.dispatchEvent(new Event('input'));
        const show = document.getElementById('show');
        show.value = 'secret'; show.dispatchEvent(new Event('change'));
        out.secrets = rows().map((row) => row.querySelector('button').textContent);
        out.named = [...document.querySelectorAll('input, select')].every((input) => input.labels.length === 1);
        out.headings = [...document.querySelectorAll('th')].every((th) => th.scope !== '');
        out.dark = getComputedStyle(document.documentElement).colorScheme;
        document.body.dataset.result = JSON.stringify(out);
    ";
    let shown = opened(&browser, &page, script);
    let result = Regex::new("data-result=\"([^\"]*)\"").unwrap();
    let result =
        result.captures(&shown).unwrap_or_else(|| panic!("{shown}"))[1].replace("&quot;", "\"").replace("&lt;", "<");
    let found: Json = serde_json::from_str(&result.replace("&gt;", ">").replace("&amp;", "&")).unwrap();
    assert_eq!(
        (&found["rows"], &found["filtered"], &found["expanded"], &found["closed"]),
        (&6.into(), &1.into(), &1.into(), &0.into()),
        "{found}"
    );
    assert_eq!(
        (&found["focus"], &found["named"], &found["headings"]),
        (&true.into(), &true.into(), &true.into()),
        "{found}"
    );
    assert_eq!(
        (&found["count"], &found["secrets"]),
        (&"1 of 6 keys".into(), &serde_json::json!(["API_PASSWORD"])),
        "{found}"
    );
    assert_eq!(found["dark"], "light dark");
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.contains("vars.domain") && detail.contains("environments/base.yaml:4:"), "{detail}");
}

#[test]
fn of_a_large_page_the_first_keys_are_shown_and_all_on_request() {
    let Some(browser) = browser() else { return skip("chromium", "is not installed") };
    let page = large().run(&["report"]).succeeds();
    let script = "
        const rows = () => document.querySelectorAll('#keys th[scope=row]').length;
        const words = document.getElementById('words');
        const out = { first: rows() };
        words.value = '77'; words.dispatchEvent(new Event('input'));
        out.filtered = rows();
        words.value = ''; words.dispatchEvent(new Event('input'));
        out.again = rows();
        const more = document.querySelector('tr.rest button');
        out.more = more.textContent;
        more.focus();
        more.click();
        out.all = rows();
        out.rest = document.querySelectorAll('tr.rest').length;
        const names = [...document.querySelectorAll('#keys th[scope=row] button')].map((button) => button.textContent);
        out.focus = names.indexOf(document.activeElement.textContent);
        document.body.dataset.result = JSON.stringify(out);
    ";
    let shown = opened(&browser, &page, script);
    let result = Regex::new("data-result=\"([^\"]*)\"").unwrap();
    let result = result.captures(&shown).unwrap_or_else(|| panic!("{shown}"))[1].replace("&quot;", "\"");
    let found: Json = serde_json::from_str(&result).unwrap();
    let expected = serde_json::json!({
        "first": 200, "filtered": 19, "again": 200, "more": "Show the other 800 keys", "all": 1000, "rest": 0, "focus": 200
    });
    assert_eq!(found, expected);
}

#[test]
fn the_findings_are_those_of_a_check_whatever_the_page_needs() {
    let keys = (0..90).fold(String::new(), |keys, key| keys + &format!("  K{key}: v\n"));
    let site = Sandbox::of(&format!("data:\n{keys}  API_PASSWORD: changeme\n"), "");
    let run = |command: &[&str]| {
        let output = site.command(command).env("SEPTUM_TEST_BUDGETS", "1000").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let checked = run(&["check", "--keyless"]);
    assert!(checked.contains("undeclared-secret") && !checked.contains("budget-exceeded"), "{checked}");
    let page = run(&["report"]);
    assert!(page.contains("undeclared-secret") && !page.contains("budget-exceeded"), "{page}");
}

#[test]
fn an_encrypted_file_that_cannot_be_read_has_unknown_readers() {
    let site = site();
    site.rules(r"creation_rules: [{path_regex: '\.secrets\.|^vault/', age: 'ALICE'}]");
    site.write("vault/sound.yaml", "k: v\n");
    site.write("vault/broken.yaml", "k: v\n");
    site.run(&["encrypt", "vault/sound.yaml", "vault/broken.yaml"]).succeeds();
    let text = site.read("vault/broken.yaml");
    site.write("vault/broken.yaml", text.replace("sops:", "sops: ["));
    let page = site.run(&["report"]).ok();
    let readers = page.split("id=\"readers-heading\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(readers.contains("<li>vault/sound.yaml</li>"), "{readers}");
    record(readers.replace(&site.alice, "ALICE"));
}
