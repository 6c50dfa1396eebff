//! Random numbers, expressions and texts that nearly are in a format.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::examples::EXAMPLES;

/// Numbers as layers write them, near the limits of their representations.
pub(super) fn number() -> impl Strategy<Value = String> {
    let edge = select(vec![0, 1 << 31, 1 << 32, 1 << 53, 1 << 62, i128::from(i64::MAX), i128::from(u64::MAX), 1 << 70]);
    let near_edge = (edge, -3_i128..=3, any::<bool>()).prop_map(|(edge, by, is_negative)| {
        let number = edge + by;
        (if is_negative { -number } else { number }).to_string()
    });
    prop_oneof![
        3 => (-20_i64..20).prop_map(|number| number.to_string()),
        3 => (-3000_i64..3000, 1_usize..4).prop_map(|(number, places)| {
            let sign = if number < 0 { "-" } else { "" };
            let digits = format!("{:0>width$}", number.abs(), width = places + 1);
            let (integer, fraction) = digits.split_at(digits.len() - places);
            format!("{sign}{integer}.{fraction}")
        }),
        2 => near_edge.clone(),
        1 => (near_edge, select(vec![".0", ".5", "e0", "e-3"])).prop_map(|(number, end)| number + end),
        1 => (-99_i64..99, -25_i32..25).prop_map(|(number, exponent)| format!("{number}e{exponent}")),
        1 => select(vec!["0644", "+5", "-0", "-0.0", ".5", "5.", "1e400", "1e-400", "NaN", "x", "", "2.2250738585072014e-308"])
            .prop_map(str::to_owned),
        1 => any::<f64>().prop_map(|number| number.to_string()),
    ]
}

/// Parts of expressions: valid ones, ones that only other engines know, and ones that need the others.
pub(super) fn expression() -> impl Strategy<Value = String> {
    let atoms = [
        "a",
        "b",
        "x-",
        "é",
        ".",
        "\\d",
        "\\D",
        "\\w",
        "\\W",
        "\\s",
        "\\S",
        "\\b",
        "\\B",
        "[a-c]",
        "[^a]",
        "[\\w-]",
        "[\\w--z]",
        "[a&&b]",
        "[[a]",
        "[^\\s\\d]",
        "[]",
        "[^]",
        "\\.",
        "\\/",
        "\\-",
        "\\_",
        "\\$",
        "\\t",
        "\\n",
        "\\cA",
        "\\x41",
        "\\u00e9",
        "\\u{1F600}",
        "\\p{L}",
        "\\P{Lu}",
        "\\p{Script=Greek}",
        "\\1",
        "\\k<n>",
        "\\0",
        "\\a",
        "\\A",
        "\\z",
        "\\e",
        "\\h",
        "\\_",
        "(?i)",
        "(?i:A)",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "{2}",
        "*",
        "+",
        "^",
        "$",
        "|",
        "/",
        "-",
        "~~",
        " ",
        "\u{2028}",
    ];
    let leaf =
        prop_oneof![4 => select(vec!["a", "b", "c", "1", "\\d", "\\w", "[a-c]", "."]), 2 => select(atoms.to_vec())];
    let quantifier = select(vec![
        "*",
        "+",
        "?",
        "{2}",
        "{1,2}",
        "{0,1}",
        "{1,}",
        "*?",
        "{1, 2}",
        "{,2}",
        "**",
        "{300}",
        "{1,2000}",
        "{1,300000}",
    ]);
    let part = leaf.prop_map(str::to_owned).prop_recursive(3, 12, 4, move |inner| {
        let group = select(vec!["(", "(?:", "(?<n>", "(?=", "(?!", "(?<=", "(?<!", "(?P<n>", "(?>"]);
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            1 => (inner.clone(), quantifier.clone()).prop_map(|(part, quantifier)| part + quantifier),
            2 => (group, inner.clone()).prop_map(|(group, part)| format!("{group}{part})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("(?:{one}|{other})")),
            1 => (inner.clone(), inner).prop_map(|(one, other)| format!("{one}|{other}")),
        ]
    });
    let start = select(vec!["", "", "^", "^(?=.*a)", "^(?=\\w+$)(?=.*\\d)", "^(?!b)"]);
    (start, part, select(vec!["", "", "$"])).prop_map(|(start, part, end)| format!("{start}{part}{end}"))
}

/// A text that is nearly in a format: parts of examples, with characters that mean something in some format.
pub(super) fn nearly(format: usize) -> impl Strategy<Value = String> {
    const MEANINGFUL: &str =
        "0159aAfgzZtTPYMWDHS.:-+/@[]{}()*?#%~\\\"'<>|^`,;=&!$_ \u{0}\né\u{640}ل・l·\u{200d}\u{301}☃😀xn--";
    let (_, valid, invalid) = EXAMPLES[format];
    let example = select(valid.iter().chain(invalid).map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let change = (0..6_u8, any::<Index>(), select(MEANINGFUL.chars().collect::<Vec<_>>()), any::<Index>());
    (example.clone(), example, proptest::collection::vec(change, 0..3)).prop_map(|(first, second, changes)| {
        let mut chars: Vec<char> = first.chars().collect();
        for (kind, at, char, to) in changes {
            let (at, to) = (at.index(chars.len() + 1), to.index(second.chars().count() + 1));
            match kind {
                0 => chars.insert(at, char),
                1 if at < chars.len() => drop(chars.remove(at)),
                2 if at < chars.len() => chars[at] = char,
                3 if at < chars.len() => chars.insert(at, chars[at]),
                4 => chars.splice(at.., second.chars().skip(to)).for_each(drop),
                _ => chars.extend(second.chars().take(to)),
            }
        }
        chars.into_iter().collect()
    })
}

/// Punycode (RFC 3492, section 6.3), as simple as short labels allow.
pub(super) fn encode(label: &str) -> String {
    let ascii: String = label.chars().filter(char::is_ascii).collect();
    let mut output = if ascii.is_empty() { String::new() } else { format!("{ascii}-") };
    let (mut n, mut delta, mut bias, mut done) = (128_u32, 0_u32, 72_u32, u32::try_from(ascii.len()).unwrap());
    let total = u32::try_from(label.chars().count()).unwrap();
    let is_none_encoded = |done: u32| done == u32::try_from(ascii.len()).unwrap();
    while done < total {
        let next = label.chars().map(u32::from).filter(|char| *char >= n).min().unwrap();
        delta += (next - n) * (done + 1);
        n = next;
        for char in label.chars().map(u32::from) {
            if char < n {
                delta += 1;
            } else if char == n {
                let (mut rest, mut k) = (delta, 36);
                loop {
                    let threshold = k.clamp(bias + 1, bias + 26) - bias;
                    let digit = if rest < threshold { rest } else { threshold + (rest - threshold) % (36 - threshold) };
                    output.push(char::from_digit(if digit < 26 { digit + 10 } else { digit - 26 }, 36).unwrap());
                    if rest < threshold {
                        break;
                    }
                    rest = (rest - threshold) / (36 - threshold);
                    k += 36;
                }
                let mut step = if is_none_encoded(done) { delta / 700 } else { delta / 2 };
                step += step / (done + 1);
                bias = 0;
                while step > 455 {
                    step /= 35;
                    bias += 36;
                }
                bias += 36 * step / (step + 38);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    output
}
