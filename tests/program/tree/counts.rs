//! What a run over many apps reads, decrypts, renders and writes: each thing once.

use std::fs;

use crate::support::sandbox::{DEMO_KEY, Sandbox, run};
use crate::tree::world::shop;

const APPS: usize = 6;

/// The shop, so many times, with a key that notes each time that somebody wants it.
struct Fleet {
    project: Sandbox,
    key: String,
}

/// What a run says that it did.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    rendered: usize,
    written: usize,
    read: usize,
    decrypted: usize,
    keys: usize,
}

impl Fleet {
    fn new() -> Self {
        let one = shop();
        let mut project = Sandbox::new([("septum.yaml", "apps: ['services/*']\n")]);
        for (path, bytes) in crate::tree::world::tree(&one.root()) {
            for app in 0..APPS {
                let text = String::from_utf8_lossy(&bytes).replace("shop", &format!("app{app}"));
                project = project.file(&format!("services/app{app}/{path}"), text);
            }
        }
        let log = project.root().with_file_name("asked");
        let key = format!("sh -c 'echo asked >> {}; cat {}'", log.display(), DEMO_KEY);
        Self { project, key }
    }

    /// Renders at a time at which all that is there was changed a moment ago.
    #[track_caller]
    fn render(&self) -> Counts {
        self.render_at("1")
    }

    /// Renders long after: what changed a moment ago may change again within the tick of a clock, and is read.
    #[track_caller]
    fn render_later(&self) -> Counts {
        self.render_at("4000000000")
    }

    #[track_caller]
    fn render_at(&self, now: &str) -> Counts {
        let log = self.project.root().with_file_name("asked");
        fs::remove_file(&log).ok();
        let arguments = ["render", "--all", "--out", "rendered", "-v"];
        let variables = [("SOPS_AGE_KEY_CMD", self.key.as_str()), ("SEPTUM_TEST_NOW", now)];
        let run = run(&self.project.root(), &arguments, &variables);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let before = |what: &str| {
            let words: Vec<_> = run.stderr.split(' ').collect();
            let at = words.windows(2).position(|pair| pair[1].starts_with(what));
            at.and_then(|at| words[at].rsplit('\n').next()?.parse().ok()).unwrap_or_else(|| panic!("{}", run.stderr))
        };
        let keys = fs::read_to_string(&log).map(|text| text.lines().count()).unwrap_or_default();
        let (rendered, written) = (before("of"), before("file"));
        let read = run.stderr.lines().find_map(|line| line.split_once(" read")).unwrap_or_default().0;
        let read = read.split(' ').find_map(|word| word.parse().ok()).unwrap_or_else(|| panic!("{}", run.stderr));
        Counts { rendered, written, read, decrypted: before("layer"), keys }
    }
}

#[test]
fn each_file_is_read_once_and_each_layer_decrypted_once() {
    let fleet = Fleet::new();
    // of each app: base, three environments with two files of secrets, a template, a Deployment
    let sources = APPS * 8 + 1;
    let cold = fleet.render();
    let expected = Counts { rendered: APPS * 3, written: cold.written, read: sources, decrypted: APPS * 2, keys: 1 };
    assert_eq!(cold, expected);
    let files = crate::tree::world::tree(&fleet.project.root().join("rendered"));
    assert_eq!(cold.written, files.keys().filter(|path| !path.starts_with(".septum/")).count());
}

#[test]
fn with_nothing_to_do_nothing_is_rendered_decrypted_or_read_but_the_project() {
    let fleet = Fleet::new();
    fleet.render_later();
    let nothing = Counts { rendered: 0, written: 0, read: 1, decrypted: 0, keys: 0 };
    for _ in 0..2 {
        assert_eq!(fleet.render_later(), nothing);
    }
    // what a machine remembers is all that makes it so
    fs::remove_dir_all(fleet.project.root().parent().unwrap().join(".cache")).unwrap();
    let all = Counts { rendered: APPS * 3, written: 0, read: APPS * 8 + 1, decrypted: APPS * 2, keys: 1 };
    assert_eq!(fleet.render_later(), all);
    assert_eq!(fleet.render_later(), nothing);
}

#[test]
fn one_value_costs_one_target_and_the_files_of_its_app() {
    let fleet = Fleet::new();
    fleet.render_later();
    fs::write(fleet.project.root().join("services/app3/prod.yaml"), "data: { LOG_LEVEL: error }\n").unwrap();
    // its ConfigMap alone, and what its app is made of
    let one = Counts { rendered: 1, written: 1, read: 9, decrypted: 2, keys: 1 };
    assert_eq!(fleet.render_later(), one);
}
