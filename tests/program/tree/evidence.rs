//! A check takes no evidence from what it checks: whoever can commit a file can commit what the tree says of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::support::messages::record;
use crate::support::peers::peer;
use crate::support::sandbox::{DEMO_KEY, Sandbox, run};
use crate::tree::world::{RECIPIENT, shop};

const CERTIFICATE: &str = include_str!("../../vectors/sealed/cert.pem");

/// What an inventory has for a file: anybody can compute it.
fn digest(path: &Path) -> String {
    let hash = format!("{:x}", Sha256::digest(fs::read(path).unwrap()));
    hash[..32].to_owned()
}

/// The shop with its tree, on machines that have never seen it.
pub(crate) struct Attacked {
    pub(crate) project: Sandbox,
}

/// The exit codes of all checks: without a key, knowingly without, with one; of `render --check` and of `check`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Codes {
    pub(crate) render: [i32; 3],
    pub(crate) check: [i32; 3],
}

impl Attacked {
    pub(crate) fn new(project: Sandbox) -> Self {
        project.render();
        Self { project }
    }

    /// Says of a file whatever makes it look current.
    pub(crate) fn vouch(&self, path: &str) {
        let (target, name) = path.rsplit_once('/').unwrap();
        self.lie(|inventory| {
            let inputs = inventory["targets"][target][name]["inputs"].clone();
            let mut record = json!({ "sha256": digest(&self.project.rendered().join(path)) });
            if !inputs.is_null() {
                record["inputs"] = inputs;
            }
            inventory["targets"][target][name] = record;
        });
    }

    pub(crate) fn lie(&self, edit: impl FnOnce(&mut Json)) {
        let path = self.project.rendered().join(".septum/inventory.json");
        let mut inventory: Json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        edit(&mut inventory);
        fs::write(path, inventory.to_string()).unwrap();
    }

    pub(crate) fn codes(&self) -> Codes {
        fs::remove_dir_all(self.project.root().parent().unwrap().join(".cache")).ok();
        let key = DEMO_KEY;
        let with = |words: &[&str], variables: &[(&str, &str)]| run(&self.project.root(), words, variables).code;
        let all = |words: &[&str]| {
            let keyless = [words, &["--keyless"]].concat();
            [with(words, &[]), with(&keyless, &[]), with(words, &[("SOPS_AGE_KEY_FILE", key)])]
        };
        let render = all(&["render", "--all", "--out", "rendered", "--check"]);
        let rendered = ["check", "--rendered", "rendered"];
        // what is wrong with the sources of the shop is no matter here
        let check = [&[][..], &["--keyless"]].map(|words| {
            let found = run(&self.project.root(), &[&rendered[..], words, &["--format", "json"]].concat(), &[]).stdout;
            code_of(&found, !words.is_empty())
        });
        let found =
            run(&self.project.root(), &[&rendered[..], &["--format", "json"]].concat(), &[("SOPS_AGE_KEY_FILE", key)]);
        Codes { render, check: [check[0], check[1], code_of(&found.stdout, false)] }
    }

    /// Renders with the key on a machine that has never seen the tree.
    pub(crate) fn render(&self) -> String {
        fs::remove_dir_all(self.project.root().parent().unwrap().join(".cache")).ok();
        let run = self.project.render_with(&["--all", "--prune"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr
    }
}

/// The exit code that the findings about a tree alone would give.
fn code_of(found: &str, is_keyless: bool) -> i32 {
    let found: Json = serde_json::from_str(found).unwrap();
    let rules: Vec<_> = found["findings"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap()).collect();
    match (rules.contains(&"stale-output"), rules.contains(&"unverified-secret") && !is_keyless) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    }
}

/// All but the ciphertext is right.
pub(crate) const UNVERIFIED: Codes = Codes { render: [3, 0, 0], check: [3, 0, 0] };

/// Whoever looks sees it.
pub(crate) const FOUND: Codes = Codes { render: [1, 1, 1], check: [1, 1, 1] };

/// Only with the key it is seen, and without it nobody says that all is well.
pub(crate) const FOUND_WITH_KEY: Codes = Codes { render: [3, 0, 1], check: [3, 0, 1] };

#[test]
fn a_file_and_its_digest_in_one_commit_pass_no_check() {
    for naming in ["", "names: hashed\n"] {
        let attacked = Attacked::new(shop().file("base.yaml", format!("{naming}{}", crate::tree::world::BASE)));
        assert_eq!(attacked.codes(), UNVERIFIED);
        let before = attacked.project.tree();
        for (path, from, to) in [
            ("prod/shop/deployment-web.yaml", "web:prod", "miner"),
            ("prod/shop/configmap-shop.yaml", "hello", "hallo"),
            ("prod/shop/kustomization.yaml", "resources:", "resources:\n- https://example.com/evil"),
            ("dev/shop/deployment-web.yaml", "image:", "command: [evil]\n        image:"),
        ] {
            attacked.project.edit(&format!("rendered/{path}"), from, to);
            attacked.vouch(path);
            assert_eq!(attacked.codes(), FOUND, "{path}");
            attacked.render();
            assert_eq!(attacked.project.tree(), before, "{path}");
        }
    }
}

#[test]
fn everything_of_a_secret_but_its_ciphertext_is_compared_without_a_key() {
    let sealed = shop().file("cert.pem", CERTIFICATE);
    sealed.edit(
        "base.yaml",
        &format!("secrets: sops, recipients: [{RECIPIENT}]"),
        "secrets: sealed-secret, certificate: cert.pem",
    );
    let other = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";
    let sops = "prod/shop/secret-shop.yaml";
    let seal = "prod/shop/sealedsecret-shop.yaml";
    let (shop, sealed) = (Attacked::new(shop()), Attacked::new(sealed));
    for (attacked, path, from, to) in [
        (&shop, sops, "namespace: shop", "namespace: kube-system"),
        (&shop, sops, "  name: shop", "  name: other"),
        (&shop, sops, "  labels:", "  annotations: { a: b }\n  labels:"),
        (&shop, sops, "type: Opaque", "type: kubernetes.io/basic-auth"),
        (&shop, sops, "  URL: ", "  OTHER: "),
        (&shop, sops, "^(data|stringData)$", "^(data)$"),
        (&shop, sops, RECIPIENT, other),
        (&shop, sops, "kind: Secret", "kind: Secret # comment"),
        (&shop, sops, "sops:", "---\nkind: Pod\n---\nsops:"),
        (&shop, sops, "type:str]\nsops:", "type:str]\n    EVIL: ZXZpbA==\nsops:"),
        (&sealed, seal, "namespace: shop", "namespace: kube-system"),
        (&sealed, seal, "    type: Opaque", "    type: Other"),
        (&sealed, seal, "  template:", "  template:\n    data: { a: b }"),
        (&sealed, seal, "    URL: ", "    OTHER: "),
    ] {
        assert_eq!(attacked.codes(), UNVERIFIED);
        let file = attacked.project.rendered().join(path);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        attacked.vouch(path);
        assert_eq!(attacked.codes(), FOUND, "{path}: {to}");
        fs::write(&file, text).unwrap();
        attacked.vouch(path);
    }
    // a value in plaintext is no ciphertext
    let file = shop.project.rendered().join(sops);
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().find(|line| line.trim().starts_with("URL: ")).unwrap();
    let indent = line.split("URL").next().unwrap();
    fs::write(&file, text.replace(line, &format!("{indent}URL: ZXZpbA=="))).unwrap();
    shop.vouch(sops);
    assert_eq!(shop.codes(), FOUND);
    fs::remove_file(&file).unwrap();
    assert_eq!(shop.codes(), FOUND, "a missing one");
}

#[test]
fn a_secret_that_somebody_else_encrypted_is_found_with_the_key_and_else_not_vouched_for() {
    let Some(sops) = peer("sops") else { return };
    let attacked = Attacked::new(shop());
    let path = "prod/shop/secret-shop.yaml";
    let file = attacked.project.rendered().join(path);
    let own = fs::read_to_string(&file).unwrap();
    let plain =
        run(&attacked.project.root(), &["decrypt", &format!("rendered/{path}")], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
    let plain = plain.ok();
    let value = plain.lines().find(|line| line.trim().starts_with("URL: ")).unwrap();
    let evil = attacked.project.root().join("evil.yaml");
    fs::write(&evil, plain.replace(value, "  URL: ZXZpbA==")).unwrap();
    // rules of its own, whatever lies above the directory
    let rules = attacked.project.root().with_file_name("rules.yaml");
    fs::write(&rules, format!("creation_rules:\n- age: {RECIPIENT}\n  encrypted_regex: ^(data|stringData)$\n"))
        .unwrap();
    let output = Command::new(sops).arg("--config").arg(&rules).arg("encrypt").arg(&evil).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let encrypted = String::from_utf8(output.stdout).unwrap();
    fs::remove_file(evil).unwrap();
    // laid out as septum has it
    let part = |text: &str, start: &str| text.lines().find(|line| line.trim().starts_with(start)).unwrap().to_owned();
    let token = |text: &str, key: &str| part(text, key).split_once(": ").unwrap().1.to_owned();
    let armor = |text: &str| {
        let lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN"));
        let lines: Vec<_> = lines.take_while(|line| !line.starts_with("recipient:")).map(str::to_owned).collect();
        lines
    };
    let mut forged = own.clone();
    for key in ["DATABASE_PASSWORD", "STRIPE_WEBHOOK_SECRET", "URL", "mac", "lastmodified"] {
        forged = forged.replace(&token(&own, &format!("{key}:")), &token(&encrypted, &format!("{key}:")));
    }
    let (old, new) = (armor(&own), armor(&encrypted));
    let indent =
        " ".repeat(own.find("-----BEGIN").unwrap() - own[..own.find("-----BEGIN").unwrap()].rfind('\n').unwrap() - 1);
    let block = |lines: &[String]| lines.iter().fold(String::new(), |text, line| text + &indent + line + "\n");
    forged = forged.replace(&block(&old), &block(&new));
    assert_ne!(forged, own);
    fs::write(&file, forged).unwrap();
    attacked.vouch(path);
    assert_eq!(attacked.codes(), FOUND_WITH_KEY);
    attacked.render();
    assert_eq!(attacked.codes(), UNVERIFIED);
}

#[test]
fn what_nothing_renders_is_found_wherever_it_is_and_listed_or_not() {
    let object = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: evil }\n";
    let attacked = Attacked::new(shop());
    for path in [
        "prod/shop/crb.yaml",
        "prod/shop/directory/crb.yaml",
        "prod/evil/crb.yaml",
        "evil/shop/crb.yaml",
        "prod/crb.yml",
        "crb.json",
        ".septum/crb.yaml",
        ".septum/local.json",
        ".septum/tmp/crb.yaml",
    ] {
        let file = attacked.project.rendered().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, object).unwrap();
        assert_eq!(attacked.codes(), FOUND, "{path}");
        let is_file_of_target = path.matches('/').count() == 2 && !path.starts_with(".septum");
        if is_file_of_target {
            attacked.vouch(path);
            assert_eq!(attacked.codes(), FOUND, "{path}, listed");
        }
        let told = attacked.render();
        let is_gone =
            is_file_of_target && !path.contains("directory") || path.contains("local.json") || path.contains("tmp");
        assert_eq!(file.exists(), !is_gone, "{path}: {told}");
        record(&told);
        if !is_gone {
            fs::remove_file(&file).unwrap();
            for directory in [file.parent().unwrap(), file.parent().unwrap().parent().unwrap()] {
                fs::remove_dir(directory).ok();
            }
        }
        assert_eq!(attacked.codes(), UNVERIFIED, "{path}");
    }
}

#[test]
fn an_inventory_that_lies_has_no_effect_but_an_error_or_a_finding() {
    let attacked = Attacked::new(shop());
    let path = attacked.project.rendered().join(".septum/inventory.json");
    let outside = attacked.project.root().with_file_name("outside.yaml");
    fs::write(&outside, "mine").unwrap();
    let own = fs::read_to_string(&path).unwrap();
    let record = || json!({ "sha256": digest(&outside) });
    for (case, edit, is_error) in [
        (
            "a target elsewhere",
            Box::new(|it: &mut Json| it["targets"][".."]["outside.yaml"] = record()) as Box<dyn Fn(&mut Json)>,
            true,
        ),
        ("a file elsewhere", Box::new(|it| it["targets"]["prod/shop"]["../../../../outside.yaml"] = record()), true),
        ("its own directory", Box::new(|it| it["targets"][".septum/x"]["a.yaml"] = record()), true),
        ("an object", Box::new(|it| it["kind"] = "Pod".into()), true),
        ("inputs", Box::new(|it| it["targets"]["prod/shop"]["configmap-shop.yaml"]["inputs"] = "00".into()), false),
        (
            "pending files",
            Box::new(|it| it["pending"] = json!({ "prod/shop": { "configmap-shop.yaml": [], "none.yaml": ["00"] } })),
            false,
        ),
        ("unknown targets", Box::new(|it| it["targets"]["none/none"] = json!({ "none.yaml": record() })), false),
        ("nothing", Box::new(|it| it["targets"] = json!({})), false),
    ] {
        attacked.lie(edit);
        let codes = attacked.codes();
        if is_error {
            assert_eq!(codes.render, [2; 3], "{case}");
        } else {
            assert_eq!(codes, UNVERIFIED, "{case}");
            attacked.render();
            assert_eq!(fs::read_to_string(&path).unwrap(), own, "{case}");
        }
        fs::write(&path, &own).unwrap();
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "mine");
}

#[test]
fn what_is_no_file_is_never_waited_for_or_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("configmap-shop.yaml"), "outside").unwrap();
    for (path, make) in [
        ("prod/shop/configmap-shop.yaml", "pipe"),
        ("prod/shop/configmap-shop.yaml", "link"),
        ("prod/shop/new.yaml", "pipe"),
        ("prod/shop", "link"),
        ("prod", "link"),
        (".septum", "link"),
        (".septum/inventory.json", "pipe"),
        (".septum/inventory.json", "link"),
        (".septum/tmp", "link"),
        ("new", "link"),
    ] {
        let attacked = Attacked::new(shop());
        let at = attacked.project.rendered().join(path);
        fs::remove_file(&at).or_else(|_| fs::remove_dir_all(&at)).ok();
        if make == "pipe" {
            assert!(Command::new("mkfifo").arg(&at).status().unwrap().success());
        } else {
            symlink(outside.path(), &at).unwrap();
        }
        let codes = attacked.codes();
        assert!(codes.render.iter().all(|code| [1, 2].contains(code)), "{path} {make}: {codes:?}");
        let run = attacked.project.run_with_key(&["render", "--all", "--out", "rendered"]);
        assert!([0, 2].contains(&run.code), "{path} {make}: {}", run.stderr);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "{path} {make}");
        assert_eq!(fs::read_to_string(outside.path().join("configmap-shop.yaml")).unwrap(), "outside");
    }
}

#[test]
fn a_cache_in_the_repository_is_not_believed() {
    let attacked = Attacked::new(shop());
    let project = &attacked.project;
    let inside = project.root().join("cache");
    let render = |dir: &Path| {
        let (dir, key) = (dir.display().to_string(), DEMO_KEY);
        let variables = [("SEPTUM_CACHE_DIR", dir.as_str()), ("SOPS_AGE_KEY_FILE", key)];
        run(&project.root(), &["render", "--all", "--out", "rendered"], &variables).stderr
    };
    for _ in 0..2 {
        record(render(&inside));
        assert!(!inside.exists());
    }
    let beside = project.root().with_file_name("beside");
    record(render(&beside));
    record(render(&beside));
    // it is looked at by nobody who checks
    project.edit("rendered/prod/shop/configmap-shop.yaml", "hello", "hallo");
    let variables = [("SEPTUM_CACHE_DIR", beside.display().to_string())];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let check = run(&project.root(), &["render", "--all", "--out", "rendered", "--check", "--keyless"], &variables);
    assert_eq!(check.code, 1, "{}", check.stderr);
    // nor does it hide an edit from who renders
    record(render(&beside));
}

#[test]
fn a_bundle_may_move_to_another_app_and_an_environment_may_come_back() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: ['apps/*']\n"),
        ("apps/a/base.yaml", "namespace: n\ndata: { A: x }\nbundles: { x: { data: { K: v } } }\n"),
        ("apps/a/dev.yaml", ""),
        ("apps/a/prod.yaml", ""),
        ("apps/b/base.yaml", "namespace: n\ndata: { A: x }\n"),
        ("apps/b/dev.yaml", ""),
    ]);
    let render = || project.run(&["render", "--all", "--out", "rendered", "--prune"]);
    assert_eq!(render().code, 0);
    // the file of the bundle is edited, and the bundle moves
    let edited = project.rendered().join("dev/a/configmap-x.yaml");
    fs::write(&edited, fs::read_to_string(&edited).unwrap() + "# mine\n").unwrap();
    project.edit("apps/a/base.yaml", "bundles: { x: { data: { K: v } } }\n", "");
    project.edit("apps/b/base.yaml", "data: { A: x }\n", "data: { A: x }\nbundles: { x: { data: { K: v } } }\n");
    for _ in 0..2 {
        let run = render();
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.record();
        assert!(edited.exists() && project.rendered().join("dev/b/configmap-x.yaml").exists());
        let check = project.run(&["render", "--all", "--out", "rendered", "--check"]);
        assert!(check.code == 1 && check.stderr.contains("dev/a/configmap-x.yaml"), "{}", check.stderr);
    }
    fs::remove_file(edited).unwrap();
    // an environment goes while its file is edited, and comes back
    let edited = project.rendered().join("prod/a/configmap-a.yaml");
    fs::write(&edited, "mine: now\n").unwrap();
    project.remove("apps/a/prod.yaml");
    render().record();
    fs::write(project.root().join("apps/a/prod.yaml"), "").unwrap();
    let run = render();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(fs::read_to_string(edited).unwrap().contains("kind: ConfigMap"));
}

#[test]
fn a_secret_in_plaintext_is_removed_whatever_was_kept_beside_it() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: ['apps/*']\n"),
        (
            "apps/a/base.yaml",
            "data: { A: x, P: { value: hunter2hunter2, sensitive: true } }\nbundles: { x: { data: { K: v } } }\n",
        ),
        ("apps/a/dev.yaml", ""),
        ("apps/b/base.yaml", "data: { A: x }\n"),
        ("apps/b/dev.yaml", ""),
    ]);
    let render = |words: &[&str]| project.run(&[&["render", "--all", "--out", "rendered"], words].concat());
    assert_eq!(render(&[]).code, 0);
    let edited = project.rendered().join("dev/a/configmap-x.yaml");
    fs::write(&edited, "mine: now\n").unwrap();
    project.edit("apps/a/base.yaml", "bundles: { x: { data: { K: v } } }\n", "");
    for words in [&[][..], &["--app", "b"], &["--shard", "1/2"], &["--shard", "2/2"], &[]] {
        assert_eq!(render(words).code, 0, "{words:?}");
    }
    // another password by way of shards, and by a whole run
    for (from, to, words) in [
        ("hunter2hunter2", "hunter3hunter3", vec![&["--shard", "1/2"][..], &["--shard", "2/2"]]),
        ("hunter3hunter3", "hunter4hunter4", vec![&[]]),
    ] {
        project.edit("apps/a/base.yaml", from, to);
        for words in words {
            assert_eq!(render(words).code, 0);
        }
    }
    // an old one is not taken for the current one
    let secret = project.rendered().join("dev/a/secret-a.yaml");
    let text = fs::read_to_string(&secret).unwrap();
    fs::write(&secret, text.replace("aHVudGVyNGh1bnRlcjQ=", "aHVudGVyMmh1bnRlcjI=")).unwrap();
    assert_ne!(fs::read_to_string(&secret).unwrap(), text);
    assert_eq!(render(&[]).code, 0);
    assert_eq!(fs::read_to_string(&secret).unwrap(), text);
    project.edit("apps/a/base.yaml", ", P: { value: hunter4hunter4, sensitive: true }", "");
    assert!(render(&[]).stderr.contains("1 removed"));
    assert!(!secret.exists() && edited.exists());
}
