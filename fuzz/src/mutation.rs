//! Changes of inputs: those of other fuzzers, with the words of a target.

use crate::words::COMMON;

/// Largest input.
const LARGEST: usize = 16 << 10;

/// Most changes at once.
const MOST: usize = 6;

/// Numbers at which something could overflow.
const NUMBERS: [&str; 10] =
    ["0", "1", "-1", "2", "64", "65536", "2147483648", "4294967296", "18446744073709551616", "00"];

/// Makes new inputs of known ones. The same seed gives the same inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    words: &'static [&'static str],
}

impl Mutator {
    /// A source of changes with the words of a target.
    pub fn new(seed: u64, words: &'static [&'static str]) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, words }
    }

    /// A changed input.
    pub fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(corpus).cloned().unwrap_or_default();
        for _ in 0..=self.below(MOST) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(LARGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let range = at..(at + 1 + self.below(24)).min(bytes.len()).max(at);
        match self.below(14) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
            1 => {
                let new = self.byte();
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = new);
            }
            2 => bytes.insert(at, self.byte()),
            3 => drop(bytes.drain(range)),
            4 => {
                let copy: Vec<u8> = bytes.drain(range.clone()).collect();
                let doubled = [copy.as_slice(), copy.as_slice()].concat();
                bytes.splice(range.start..range.start, doubled);
            }
            5..=7 => drop(bytes.splice(at..at, self.word())),
            8 => drop(bytes.splice(range, self.word())),
            9 => {
                // the beginning of one, and the end of another
                let other = self.pick(corpus).cloned().unwrap_or_default();
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            10 => {
                let other = self.pick(corpus).cloned().unwrap_or_default();
                let from = self.below(other.len() + 1);
                let part = &other[from..(from + 1 + self.below(80)).min(other.len()).max(from)];
                bytes.splice(at..at, part.iter().copied());
            }
            11 => self.change_lines(bytes),
            12 => self.change_number(bytes, at),
            _ => bytes.truncate(at),
        }
    }

    /// Moves, doubles or removes a line.
    fn change_lines(&mut self, bytes: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let line = lines.remove(self.below(lines.len()));
        match self.below(3) {
            0 => {}
            1 => lines.insert(self.below(lines.len() + 1), line),
            _ => {
                lines.insert(self.below(lines.len() + 1), line.clone());
                lines.insert(self.below(lines.len() + 1), line);
            }
        }
        *bytes = lines.concat();
    }

    /// Replaces the next number.
    fn change_number(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let Some(start) = bytes.iter().skip(at).position(u8::is_ascii_digit).map(|found| at + found) else { return };
        let length = bytes.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
        let new = self.pick(&NUMBERS).copied().unwrap_or_default();
        bytes.splice(start..start + length, new.bytes());
    }

    fn word(&mut self) -> Vec<u8> {
        let words = if self.words.is_empty() || self.below(6) == 0 { COMMON } else { self.words };
        self.pick(words).copied().unwrap_or_default().as_bytes().to_vec()
    }

    fn byte(&mut self) -> u8 {
        match self.below(3) {
            0 => u8::try_from(self.below(256)).unwrap_or_default(),
            _ => b' ' + u8::try_from(self.below(95)).unwrap_or_default(),
        }
    }

    fn pick<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        things.get(self.below(things.len().max(1)))
    }

    /// A number below a bound (xorshift64*).
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let number = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or_default() % bound
    }
}
