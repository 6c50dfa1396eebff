//! Projects of a size that nobody writes by hand.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// One app with a thousand keys, of which each environment sets one in five.
pub(super) fn thousand_keys(directory: &Path) {
    let mut base = "app: big\nvars: { domain: localhost }\ndata:\n".to_owned();
    for number in 0..1000 {
        entry(&mut base, number);
    }
    write(&directory.join("base.yaml"), &base);
    for environment in ENVIRONMENTS {
        let mut layer = format!("vars: {{ domain: {environment}.example.com }}\ndata:\n");
        for number in (0..1000).step_by(5) {
            let _ = match number % 20 {
                0 => writeln!(layer, "  OPTION_{number}: {environment} takes another way {number}"),
                5 => writeln!(layer, "  LIMIT_{number}: {}", 2000 + number),
                10 => writeln!(layer, "  HOST_{number}: host-{number}.{environment}.internal"),
                _ => writeln!(layer, "  SERVICE_{number}_PASSWORD: invented-{environment}-{number}-pass"),
            };
        }
        write(&directory.join(format!("{environment}.yaml")), &layer);
    }
}

/// A key of the base: of every twenty, some are plain, typed, templates that refer to others (and
/// those to others again), sensitive, or structures.
fn entry(base: &mut String, number: usize) {
    let block = number - number % 20;
    let (host, limit, password) = (block + 10, block + 5, block + 15);
    let _ = match number % 20 {
        5 => writeln!(base, "  LIMIT_{number}: {{ value: {number}, type: integer, minimum: 0, maximum: 100000 }}"),
        6 => writeln!(base, "  MODE_{number}: {{ value: fast, enum: [fast, safe], description: How it runs. }}"),
        10 => writeln!(base, "  HOST_{number}: host-{number}.internal"),
        11 => writeln!(base, "  ADDRESS_{number}: \"{{{{ data.HOST_{host} }}}}:{{{{ data.LIMIT_{limit} }}}}\""),
        12 => writeln!(base, "  URL_{number}: \"https://{{{{ data.ADDRESS_{} }}}}/{{{{ env.name }}}}\"", block + 11),
        13 => writeln!(base, "  SITE_{number}: \"https://{{{{ vars.domain }}}}/{number}\""),
        15 => writeln!(base, "  SERVICE_{number}_PASSWORD: {{ value: invented-{number}-pass, sensitive: true }}"),
        16 => writeln!(
            base,
            "  DATABASE_{number}_URL: \"postgres://app:{{{{ data.SERVICE_{password}_PASSWORD | urlencode }}}}@{{{{ data.HOST_{host} }}}}/app\""
        ),
        19 => writeln!(
            base,
            "  service-{number}.yaml:\n    content:\n      server: {{ port: 8080, url: \"{{{{ data.URL_{} }}}}\" }}\n      retry: {{ limit: {number}, wait: 20s }}\n      features: [search, export]",
            block + 12
        ),
        _ => writeln!(base, "  OPTION_{number}: takes the usual way {number} # as ever"),
    };
}

/// Apps with twenty keys each, over a shared layer, in three environments.
pub(super) fn many_apps(directory: &Path, apps: usize) {
    write(&directory.join("septum.yaml"), "apps: [\"services/*\"]\nshared: shared\n");
    write(&directory.join("shared/base.yaml"), "data:\n  LOG_LEVEL: info\n  REGION: local\n");
    for environment in ENVIRONMENTS {
        let layer = format!("namespace: {environment}\ndata:\n  REGION: {environment}-1\n");
        write(&directory.join(format!("shared/{environment}.yaml")), &layer);
    }
    for app in 0..apps {
        let app_directory = directory.join(format!("services/app-{app:04}"));
        let mut base = "vars: { domain: localhost }\ndata:\n".to_owned();
        for number in 0..20 {
            entry(&mut base, number);
        }
        write(&app_directory.join("base.yaml"), &base);
        for environment in ENVIRONMENTS {
            let layer = format!(
                "vars: {{ domain: {environment}.example.com }}\ndata:\n  OPTION_0: {environment}\n  LIMIT_5: 50\n  SERVICE_15_PASSWORD: invented-{environment}-{app}-pass\n"
            );
            write(&app_directory.join(format!("{environment}.yaml")), &layer);
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory is made");
    fs::write(path, text).expect("a file is written");
}
