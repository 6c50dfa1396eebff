//! Indentation of the levels that Septum writes into a file. Text from other writers keeps its own
//! indentation.

use super::SopsFormat;

/// Indentation of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indent {
    /// With a tab.
    Tab,
    /// With this many blanks.
    Blanks(u8),
}

impl Indent {
    /// Writes the blanks or tabs of so many levels.
    pub(crate) fn push_levels(self, out: &mut String, levels: usize) {
        match self {
            Self::Tab => out.extend(std::iter::repeat_n('\t', levels)),
            Self::Blanks(width) => out.extend(std::iter::repeat_n(' ', usize::from(width) * levels)),
        }
    }

    /// Indentation of the first level.
    pub(crate) fn first_level(self) -> String {
        let mut out = String::new();
        self.push_levels(&mut out, 1);
        out
    }

    /// The column of a child in YAML: the next multiple, where go-yaml has from 2 to 9.
    pub(crate) fn column_below(self, column: usize) -> usize {
        let step = match self {
            Self::Tab => 4,
            Self::Blanks(width @ 2..=9) => usize::from(width),
            Self::Blanks(_) => 2,
        };
        (column / step + 1) * step
    }
}

/// Layout of files (`stores` of `.sops.yaml`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLayout {
    /// Indentation of YAML.
    pub yaml: Indent,
    /// Indentation of JSON.
    pub json: Indent,
    /// Indentation of the envelope of binary files.
    pub json_binary: Indent,
}

impl Default for StoreLayout {
    /// Returns the default layout of sops.
    fn default() -> Self {
        Self { yaml: Indent::Blanks(4), json: Indent::Tab, json_binary: Indent::Tab }
    }
}

impl StoreLayout {
    /// Indentation of files of a format.
    pub(crate) fn indent(self, format: SopsFormat) -> Indent {
        match format {
            SopsFormat::Yaml => self.yaml,
            SopsFormat::Binary => self.json_binary,
            SopsFormat::Json | SopsFormat::Dotenv | SopsFormat::Ini => self.json,
        }
    }
}

/// Detects the indentation of a file's metadata from their text.
pub(crate) fn detect_indent(format: SopsFormat, block: &str) -> Indent {
    let default = StoreLayout::default().indent(format);
    let line = match format {
        SopsFormat::Yaml => block.lines().skip(1).find(|line| !line.trim().is_empty()),
        SopsFormat::Json | SopsFormat::Binary => block.lines().find(|line| line.trim_start().starts_with('"')),
        SopsFormat::Dotenv | SopsFormat::Ini => None,
    };
    let Some(line) = line else { return default };
    let blanks = line.len() - line.trim_start_matches(' ').len();
    match u8::try_from(blanks) {
        Ok(width @ 1..) => Indent::Blanks(width),
        _ => default,
    }
}
