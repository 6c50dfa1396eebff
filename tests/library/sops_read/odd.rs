//! Files whose comments, blanks and documents stand where ordinary random documents have none. Each value, each key
//! and each comment has a name of its own, by which it is found again.

use crate::sops_read::peers::Random;

/// The values that a writer of YAML may come upon, but for what sops itself loses: blocks
/// that start with blanks, comments within brackets. `%` is a name of its own, `@` the indentation below the key.
const VALUES: &[&str] = &[
    "%",
    "\"%\"",
    "'%'",
    "% %",
    "\"%\\n%\"",
    "",
    "~",
    "\"\"",
    "[]",
    "{}",
    "[%, \"%\"]",
    "{^: %, ^: [%]}",
    "[\n@  %,\n@  %\n@]",
    "|\n@%\n@%",
    "|-\n@%\n@%",
    ">\n@%\n@%\n\n@%",
    "|+\n@%\n@\n",
    "| #!\n@%\n@%",
    ">- #!\n@%\n@%",
    "\"%\n@  %\"",
    "%\n@  %",
    "&^ |\n@%",
    "&^ | #!\n@%\n@%",
    "!!str #!\n@%",
    "!!str 5",
    "&^ %",
    "12",
    "true",
    "0.5",
];

/// What stands between a key and its value.
const HEADS: &[&str] = &[": ", ":  ", ":\n@#!\n@"];

/// What stands behind a value on its line.
const TAILS: &[&str] = &["", "", "", "", " #!", "   #!", " "];

/// A file with all that was put into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct OddFile {
    pub(crate) text: String,
    /// The names of the comments.
    pub(crate) comments: Vec<String>,
    count: usize,
}

impl OddFile {
    /// One of YAML.
    pub(crate) fn yaml(random: &mut Random) -> Self {
        let mut file = Self::default();
        let documents = if random.below(5) == 0 { 2 } else { 1 };
        for index in 0..documents {
            if index > 0 {
                let marker = random.pick(&["---\n", "--- #!\n", "...\n---\n", "---\n#!\n"]);
                file.push(random, marker, 0);
            }
            file.parts(random, 0, false, 3);
        }
        if random.below(4) == 0 {
            file.text.truncate(file.text.trim_end_matches('\n').len());
        }
        if random.below(6) == 0 {
            file.text = file.text.replace('\n', "\r\n");
        }
        file
    }

    /// One of lines with a key and a value each.
    pub(crate) fn dotenv(random: &mut Random) -> Self {
        let mut file = Self::default();
        for _ in 0..=random.below(7) {
            let line =
                random.pick(&["^=%\n", "^=%\n", "^=% %\n", "^=\"%\"\n", "^=\n", "#!\n", "#!\n#!\n", "\n", "^=%=#%\n"]);
            file.push(random, line, 0);
        }
        file.push(random, "^=%\n", 0);
        file
    }

    /// One of JSON.
    pub(crate) fn json(random: &mut Random) -> Self {
        let mut file = Self::default();
        file.push(random, "{\n  \"^\": \"%\"", 0);
        for _ in 0..random.below(5) {
            let part = random.pick(&[
                ", \"^\": \"%\"",
                ",\n\t\"^\": [\"%\", [], {}, \"%\"]",
                ",\"^\":{\"^\":\"%\",\"^\":[\"%\"]}",
                ",\n\n \"^\" : 12",
                ", \"^\": null",
                ", \"^\": \"\"",
                ", \"^\": [ ]",
                ",\n  \"^\": {\n    \"^\": \"%\\n%\"\n  }",
            ]);
            file.push(random, part, 0);
        }
        file.push(random, "\n}\n", 0);
        file
    }

    /// Adds a text, with new names for what stands for one.
    fn push(&mut self, random: &mut Random, pattern: &str, indent: usize) {
        for char in pattern.chars() {
            // long ones, which ciphertext does not have by chance
            self.count = self.count.max(1000) + 1;
            match char {
                '%' => self.text.extend(["v", &self.count.to_string(), "x"]),
                '^' => self.text.extend(["k", &self.count.to_string(), "x"]),
                '!' if self.text.ends_with('#') => {
                    let name = format!("c{}x", self.count);
                    self.text.push_str(random.pick(&["", " ", "  "]));
                    self.text.push_str(&name);
                    self.comments.push(name);
                }
                '@' => self.text.push_str(&" ".repeat(indent)),
                char => self.text.push(char),
            }
        }
    }

    /// Keys with values, or items of a list, with what may stand between them.
    fn parts(&mut self, random: &mut Random, depth: usize, list: bool, levels: usize) {
        for index in 0..=random.below(4) {
            // something must stand there before a comment can end it
            if index > 0 || random.below(2) == 0 {
                self.between(random, depth);
            }
            let lead = if list { "-" } else { "^" };
            self.text.push_str(&" ".repeat(depth));
            self.push(random, lead, depth);
            if levels > 0 && random.below(4) == 0 {
                // of the comments before a list in a list sops prints those of one only
                let below_list = random.below(2) == 0 && !list;
                let head = random.pick(&["", "", " #!"]);
                self.push(random, if list { "" } else { ":" }, depth);
                self.push(random, head, depth);
                self.text.push('\n');
                let flat = below_list && random.below(3) == 0;
                let deeper = if flat { 0 } else { random.pick(&[2, 2, 4]) };
                self.parts(random, depth + deeper, below_list, levels - 1);
                continue;
            }
            let (head, value) = (random.pick(HEADS), random.pick(VALUES));
            self.push(random, if list { " " } else { head }, depth + 2);
            self.push(random, value, depth + 2);
            // of a comment behind brackets sops makes one that hides the one before it
            let is_single = !value.contains('\n') && !value.ends_with([']', '}']);
            if is_single || value.ends_with('"') {
                let tail = random.pick(TAILS);
                self.push(random, tail, depth);
            }
            self.text.push('\n');
        }
        self.between(random, depth);
    }

    fn between(&mut self, random: &mut Random, depth: usize) {
        for _ in 0..random.below(3) {
            match random.below(4) {
                0 => self.text.push_str(&" ".repeat(random.pick(&[0, 0, 0, 1, 3, depth, depth + 4]))),
                _ => {
                    let column = (depth + random.below(6)).saturating_sub(random.below(4));
                    self.text.push_str(&" ".repeat(column));
                    self.push(random, "#!", 0);
                }
            }
            self.text.push('\n');
        }
    }
}
