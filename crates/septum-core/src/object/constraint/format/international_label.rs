//! Labels of internationalized host names: `mnchen-3ya` is `münchen`, in Punycode (RFC 3492).

use std::sync::LazyLock;

use regex::Regex;

/// Bounds and parameters of Punycode (RFC 3492, section 5).
const BASE: u32 = 36;
const LEAST_THRESHOLD: u32 = 1;
const LARGEST_THRESHOLD: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CHAR: u32 = 0x80;

/// Text that no label has: characters that RFC 5892 excludes, or has rules about and that are in the wrong place.
static WRONG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
          ^\p{M}                                                            # a mark without a letter before it
        | [^\p{ASCII}\p{L}\p{Mn}\p{Mc}\p{Nd}                                # no letter, mark or digit, …
            \u{3040}-\u{30FF}\u{4E00}-\u{9FFF}                              # nor of Japanese or Chinese,
            \u{200C}\u{200D}\u{B7}\u{375}\u{5F3}\u{5F4}                     # nor with a rule below,
            \u{6FD}\u{6FE}\u{F0B}\u{3007}]                                  # nor another exception
        | [\u{640}\u{7FA}\u{302E}\u{302F}\u{3031}-\u{3035}\u{303B}]         # excluded letters and marks
        | (?:^|[^l])\u{B7} | \u{B7}(?:[^l]|$)                               # a middle dot that is not of Catalan
        | \u{375}(?:[^\u{370}-\u{3FF}]|$)                                   # a numeral sign before no Greek letter
        | (?:^|[^\u{590}-\u{5FF}])[\u{5F3}\u{5F4}]                          # a geresh after no Hebrew letter
        | (?:^|[^\u{94D}\u{9CD}\u{A4D}\u{ACD}\u{B4D}\u{BCD}\u{C4D}\u{CCD}\u{D4D}\u{DCA}\u{E3A}\u{F84}\u{1039}
            \u{1714}\u{1734}\u{17D2}\u{1A60}\u{1B44}\u{1BAA}\u{1BF2}\u{1BF3}\u{2D7F}\u{A806}\u{A8C4}\u{A953}\u{ABED}
            \u{10A3F}\u{11046}\u{1107F}\u{110B9}\u{11133}\u{111C0}\u{11235}\u{112EA}\u{1134D}\u{11442}\u{114C2}
            \u{115BF}\u{1163F}\u{116B6}\u{1172B}\u{11839}\u{119E0}\u{11A34}\u{11A47}\u{11A99}\u{11C3F}\u{11D44}
            \u{11D45}\u{11D97}])\u{200D}                                    # a joiner after no virama
        ",
    )
    .ok()
});

/// Whether the rest of a label after `xn--` encodes a valid one.
pub(super) fn is_encoded_label(encoded: &str) -> bool {
    let Some(label) = decode(encoded) else { return false };
    let has = |wanted: fn(char) -> bool| label.contains(wanted);
    let has_middle_dot = label.contains('\u{30FB}');
    let is_east_asian =
        |char| matches!(char, '\u{3040}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{4E00}'..='\u{9FFF}');
    let has_both_digits =
        has(|char| matches!(char, '\u{660}'..='\u{669}')) && has(|char| matches!(char, '\u{6F0}'..='\u{6F9}'));
    WRONG.as_ref().is_some_and(|wrong| !wrong.is_match(&label))
        && (!has_middle_dot || has(is_east_asian))
        && !has_both_digits
}

/// Decodes Punycode (RFC 3492, section 6.2): ASCII characters up to the last hyphen, then where the others are.
fn decode(encoded: &str) -> Option<String> {
    let (ascii, rest) = encoded.rsplit_once('-').filter(|(ascii, _)| !ascii.is_empty()).unwrap_or(("", encoded));
    let mut label: Vec<char> = ascii.chars().collect();
    let mut digits = rest.bytes();
    let (mut char, mut index, mut bias) = (FIRST_CHAR, 0_u32, FIRST_BIAS);
    while digits.len() > 0 {
        let step = next_number(&mut digits, bias)?;
        let is_first = index == 0;
        index = index.checked_add(step)?;
        let length = u32::try_from(label.len()).ok()? + 1;
        bias = adapt(step, length, is_first);
        char = char.checked_add(index / length)?;
        index %= length;
        label.insert(usize::try_from(index).ok()?, char::from_u32(char)?);
        index += 1;
    }
    Some(label.into_iter().collect())
}

/// A number of variable length, whose last digit is one below its threshold.
fn next_number(digits: &mut impl Iterator<Item = u8>, bias: u32) -> Option<u32> {
    let (mut number, mut weight, mut position) = (0_u32, 1_u32, BASE);
    loop {
        let digit = match digits.next()? {
            letter @ (b'a'..=b'z' | b'A'..=b'Z') => u32::from(letter.to_ascii_lowercase() - b'a'),
            number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
            _ => return None,
        };
        number = number.checked_add(digit.checked_mul(weight)?)?;
        let threshold = position.saturating_sub(bias).clamp(LEAST_THRESHOLD, LARGEST_THRESHOLD);
        if digit < threshold {
            return Some(number);
        }
        weight = weight.checked_mul(BASE - threshold)?;
        position += BASE;
    }
}

/// The bias for the next number (RFC 3492, section 6.1).
fn adapt(step: u32, length: u32, is_first: bool) -> u32 {
    let mut step = if is_first { step / DAMP } else { step / 2 };
    step += step / length;
    let mut bias = 0;
    while step > (BASE - LEAST_THRESHOLD) * LARGEST_THRESHOLD / 2 {
        step /= BASE - LEAST_THRESHOLD;
        bias += BASE;
    }
    bias + (BASE - LEAST_THRESHOLD + 1) * step / (step + SKEW)
}
