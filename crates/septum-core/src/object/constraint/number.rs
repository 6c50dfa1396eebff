//! Numbers compared and divided exactly, whether they are integers or floating-point numbers.

use std::cmp::Ordering;

use serde_json::Number;

/// Bound below which every whole floating-point number is an `i128`.
const WHOLE: f64 = 1e38;

/// Order of two numbers. Neither is rounded: 2^53 + 1 is greater than the floating-point number 2^53.
pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (Some(one), None) => compare_with_float(one, other.as_f64()?),
        (None, Some(other)) => compare_with_float(other, one.as_f64()?).map(Ordering::reverse),
        (None, None) => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn compare_with_float(integer: i128, float: f64) -> Option<Ordering> {
    let of_fraction = 0.0.partial_cmp(&float.fract())?;
    Some(integer.cmp(&truncate(float)).then(of_fraction))
}

/// The integer part. One that is too large becomes the largest, which exceeds every integer of JSON.
#[allow(clippy::cast_possible_truncation, reason = "the fraction is compared by itself, and the cast saturates")]
fn truncate(float: f64) -> i128 {
    float as i128
}

/// Whether a number divided by another one is an integer. Nothing if the divisor is not greater than 0.
pub(super) fn is_multiple(number: &Number, divisor: &Number) -> Option<bool> {
    let float = divisor.as_f64().filter(|divisor| *divisor > 0.0)?;
    if float.fract() != 0.0 {
        return is_decimal_multiple(number, divisor);
    }
    Some(match (whole(number), whole(divisor)) {
        (Some(number), Some(divisor)) => number % divisor == 0,
        // the remainder of floating-point numbers is exact
        _ => number.as_f64()? % float == 0.0,
    })
}

fn whole(number: &Number) -> Option<i128> {
    let float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < WHOLE).map(truncate);
    number.as_i128().or_else(float)
}

/// The same, of the decimal numbers that both are written as: 0.3 is a multiple of 0.1, although no floating-point
/// number is exactly either.
fn is_decimal_multiple(number: &Number, divisor: &Number) -> Option<bool> {
    let ((digits, places), (divisor, of_divisor)) = (decimal(number)?, decimal(divisor)?);
    let shift = places.checked_sub(of_divisor)?;
    if shift < 0 {
        // only 0 is a multiple of a divisor that is this much larger
        let scaled = 10_u128.checked_pow(shift.unsigned_abs()).and_then(|scale| divisor.checked_mul(scale));
        return Some(scaled.map_or(digits == 0, |divisor| digits % divisor == 0));
    }
    Some((0..shift).fold(digits % divisor, |remainder, _| remainder * 10 % divisor) == 0)
}

/// The shortest decimal number that reads as a number, without its sign: its digits, and the exponent of ten.
fn decimal(number: &Number) -> Option<(u128, i32)> {
    let text = number.to_string();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", integer.trim_start_matches('-')).parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    Some((digits, exponent))
}
