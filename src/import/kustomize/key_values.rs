//! Sources of a generator, read as kustomize reads them: `literals`, `envs`, `files`.

use zeroize::Zeroizing;

/// Key of a generated object with its value.
pub(super) struct GeneratedEntry {
    pub(super) key: String,
    pub(super) value: Zeroizing<Vec<u8>>,
    /// Path of the file that is the value, as the generator names it.
    pub(super) file: Option<String>,
}

/// Pair of a `literals` item: split at the first `=`, one pair of quotes removed.
pub(super) fn parse_literal(source: &str) -> Option<(&str, &str)> {
    let (key, value) = source.split_once('=').filter(|(key, _)| !key.is_empty())?;
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    Some((key, quoted('"').or_else(|| quoted('\'')).unwrap_or(value)))
}

/// Key and path of a `files` item.
pub(super) fn parse_file_source(source: &str) -> Option<(&str, &str)> {
    match source.split_once('=') {
        None => Some((source.rsplit('/').next().unwrap_or(source), source)).filter(|(key, _)| !key.is_empty()),
        Some((key, path)) => {
            let is_valid = !key.is_empty() && !path.is_empty() && !path.contains('=');
            is_valid.then_some((key, path))
        }
    }
}

/// Longest line of an env file that kustomize reads; it and all after it are lost without an error.
const LONGEST_LINE: usize = 65_535;

/// Content of an env file.
#[derive(Default)]
pub(super) struct EnvFile<'t> {
    pub(super) pairs: Vec<(&'t str, &'t str)>,
    /// Numbers of lines with a comment, which have no place in a layer.
    pub(super) comments: usize,
    /// Number of the line at which kustomize stops without an error.
    pub(super) lost_from: Option<usize>,
}

/// Lines of an env file: values are verbatim, quotes and trailing blanks included.
pub(super) fn parse_env_file(text: &str) -> EnvFile<'_> {
    let mut found = EnvFile::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        if line.len() > LONGEST_LINE {
            found.lost_from = Some(index + 1);
            break;
        }
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.starts_with('#') {
            found.comments += 1;
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        // kustomize skips lines with an empty key
        if !key.is_empty() {
            found.pairs.push((key, value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_lose_one_pair_of_quotes() {
        for (source, expected) in [
            ("A=1", Some(("A", "1"))),
            ("A=\"q\"", Some(("A", "q"))),
            ("A='s'", Some(("A", "s"))),
            ("A=\"x'", Some(("A", "\"x'"))),
            ("A=\"", Some(("A", "\""))),
            ("A=\"\"", Some(("A", ""))),
            ("A=b=c", Some(("A", "b=c"))),
            ("=x", None),
            ("A", None),
        ] {
            assert_eq!(parse_literal(source), expected, "{source}");
        }
    }

    #[test]
    fn files_have_their_base_name_or_a_key() {
        assert_eq!(parse_file_source("dir/app.ini"), Some(("app.ini", "dir/app.ini")));
        assert_eq!(parse_file_source("k=dir/app.ini"), Some(("k", "dir/app.ini")));
        for wrong in ["a=b=c", "=c", "c="] {
            assert_eq!(parse_file_source(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn env_files_keep_values_verbatim() {
        let found = parse_env_file("\u{feff}A=\"q\" # c\r\n  # no\n\n=x\nexport H=1\nKEY\n");
        assert_eq!(found.pairs, [("A", "\"q\" # c"), ("export H", "1"), ("KEY", "")]);
        assert_eq!((found.comments, found.lost_from), (1, None));
        let long = format!("A=1\nB={}\nC=3\n", "x".repeat(65_536));
        let found = parse_env_file(&long);
        assert_eq!((found.pairs, found.lost_from), (vec![("A", "1")], Some(2)));
    }
}
