//! Files of a size that matters, with invented values.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Bytes that no compression and no branch predictor knows, the same in every run.
struct Bytes(u64);

impl Iterator for Bytes {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(self.0.to_be_bytes()[0])
    }
}

fn word(bytes: &mut Bytes, length: usize) -> String {
    bytes.take(length).map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[usize::from(byte % 36)])).collect()
}

/// The name of a small file.
pub(super) fn name(number: usize) -> String {
    format!("{number:04}.secrets.yaml")
}

/// Files of five values each.
pub(super) fn small(directory: &Path, count: usize) {
    let mut bytes = Bytes(1);
    for number in 0..count {
        let (user, password, token) = (word(&mut bytes, 8), word(&mut bytes, 24), word(&mut bytes, 40));
        let text = format!(
            "# secrets of a service\ndata:\n  USER: {user}\n  PASSWORD: {password}\n  TOKEN: {token}\n  port: {}\n  tls: true\n",
            1024 + number
        );
        write(&directory.join(name(number)), text.as_bytes());
    }
}

/// YAML with a hundred keys in each of so many maps.
pub(super) fn yaml(path: &Path, maps: usize) {
    let mut bytes = Bytes(2);
    let mut text = String::new();
    for map in 0..maps {
        let _ = writeln!(text, "group_{map}: # of a hundred");
        for key in 0..100 {
            let _ = match key % 10 {
                9 => writeln!(text, "    number_{key}: {}", map * key),
                _ => writeln!(text, "    key_{key}: {}", word(&mut bytes, 24)),
            };
        }
    }
    write(path, text.as_bytes());
}

/// JSON with a hundred keys in each of so many maps.
pub(super) fn json(path: &Path, maps: usize) {
    let mut bytes = Bytes(3);
    let mut text = String::new();
    for map in 0..maps {
        let _ = write!(text, "{}\n  \"group_{map}\": {{", if map == 0 { "{" } else { "," });
        for key in 0..100 {
            let comma = if key == 0 { "" } else { "," };
            let _ = match key % 10 {
                9 => write!(text, "{comma}\n    \"number_{key}\": {}", map * key),
                _ => write!(text, "{comma}\n    \"key_{key}\": \"{}\"", word(&mut bytes, 24)),
            };
        }
        text.push_str("\n  }");
    }
    text.push_str("\n}\n");
    write(path, text.as_bytes());
}

/// Lines of dotenv, or, with blanks around the `=`, sections of INI: a hundred keys for each of so many maps.
pub(super) fn lines(path: &Path, maps: usize, blank: Option<&str>) {
    let mut bytes = Bytes(5);
    let mut text = String::new();
    for map in 0..maps {
        if blank.is_some() {
            let _ = writeln!(text, "[group_{map}]");
        }
        let blank = blank.unwrap_or_default();
        for key in 0..100 {
            let _ = writeln!(text, "KEY_{map}_{key}{blank}={blank}{}", word(&mut bytes, 24));
        }
    }
    write(path, text.as_bytes());
}

/// A file that is no text.
pub(super) fn binary(path: &Path, length: usize) {
    write(path, &Bytes(4).take(length).collect::<Vec<u8>>());
}

/// Puts a directory of files in the place of another one.
pub(super) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory is made");
    fs::write(path, bytes).expect("a file is written");
}
