//! The data key, split among key groups (format, section 1.8).
//!
//! Shamir's scheme over the field of 2⁸ elements, as the Vault of `HashiCorp` has it: a polynomial for each byte of
//! the secret, which is its constant term. A share is the values of all polynomials at one point, and the point
//! itself as its last byte. No step branches on a secret byte or looks one up in a table, so that time reveals
//! nothing of it.

use rand::RngCore as _;
use rand::rngs::OsRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// A share, or a secret: wiped when dropped.
type ShareBytes = Zeroizing<Vec<u8>>;

/// Reason why a secret cannot be split or combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ShamirError {
    /// A number of shares or a threshold that the scheme does not support.
    #[error("the threshold must be at least 2 and at most the number of key groups, which is limited to 255")]
    Parameters,
    /// A single share, which reveals nothing.
    #[error("at least two shares are required")]
    TooFew,
    /// A share is too short, or of another length than the first.
    #[error("the shares have different lengths")]
    Length,
    /// Two shares are for the same point, or one is for the secret itself.
    #[error("two shares are identical")]
    Same,
}

/// Splits a secret so that any `threshold` of the `shares` restore it. Share `i` is for point `i + 1`, as in the
/// files that sops writes.
pub(crate) fn split_secret(secret: &[u8], shares: usize, threshold: usize) -> Result<Vec<ShareBytes>, ShamirError> {
    let points: Vec<u8> = (1..=u8::MAX).take(shares).collect();
    if points.len() != shares || threshold < 2 || threshold > shares {
        return Err(ShamirError::Parameters);
    }
    let with_room = || Zeroizing::new(Vec::with_capacity(secret.len() + 1));
    let mut out: Vec<ShareBytes> = points.iter().map(|_| with_room()).collect();
    // the constant term is set for each byte, the others are drawn
    let mut polynomial = Zeroizing::new(vec![0; threshold]);
    for byte in secret {
        OsRng.fill_bytes(&mut polynomial);
        if let Some(constant) = polynomial.first_mut() {
            *constant = *byte;
        }
        for (share, &point) in out.iter_mut().zip(&points) {
            share.push(evaluate_polynomial(&polynomial, point));
        }
    }
    for (share, &point) in out.iter_mut().zip(&points) {
        share.push(point);
    }
    Ok(out)
}

/// Restores a secret from shares. Too few shares, or a wrong one, give a wrong secret, which is not detected here.
pub(crate) fn combine_shares<S: AsRef<[u8]>>(shares: &[S]) -> Result<ShareBytes, ShamirError> {
    interpolate_at(0, shares)
}

/// The share for a point, from those of others: that of a group which the available identities cannot decrypt.
pub(crate) fn recover_share<S: AsRef<[u8]>>(point: u8, shares: &[S]) -> Result<ShareBytes, ShamirError> {
    if point == 0 {
        return Err(ShamirError::Parameters);
    }
    let values = interpolate_at(point, shares)?;
    let mut share = Zeroizing::new(Vec::with_capacity(values.len() + 1));
    share.extend_from_slice(&values);
    share.push(point);
    Ok(share)
}

/// The values at a point of the polynomials that go through all shares.
fn interpolate_at<S: AsRef<[u8]>>(target: u8, shares: &[S]) -> Result<ShareBytes, ShamirError> {
    let mut parts: Vec<(u8, &[u8])> = Vec::with_capacity(shares.len());
    for share in shares {
        let (&point, values) = share.as_ref().split_last().ok_or(ShamirError::Length)?;
        if values.is_empty() || parts.first().is_some_and(|(_, first)| first.len() != values.len()) {
            return Err(ShamirError::Length);
        }
        // points are public: they are the numbers of the groups
        if point == 0 || parts.iter().any(|(known, _)| *known == point) {
            return Err(ShamirError::Same);
        }
        parts.push((point, values));
    }
    if parts.len() < 2 {
        return Err(ShamirError::TooFew);
    }
    let length = parts.first().map_or(0, |(_, values)| values.len());
    let mut secret = Zeroizing::new(vec![0; length]);
    for (point, values) in &parts {
        let weight = lagrange_weight(target, *point, parts.iter().map(|(other, _)| *other));
        for (byte, value) in secret.iter_mut().zip(*values) {
            *byte ^= multiply(*value, weight);
        }
    }
    Ok(secret)
}

/// The value of a polynomial, lowest coefficient first, by Horner's rule.
fn evaluate_polynomial(polynomial: &[u8], point: u8) -> u8 {
    polynomial.iter().rev().fold(0, |value, coefficient| multiply(value, point) ^ coefficient)
}

/// Weight of the share of a point in the value at another (Lagrange).
fn lagrange_weight(target: u8, point: u8, points: impl Iterator<Item = u8>) -> u8 {
    let others = points.filter(|&other| other != point);
    others.fold(1, |weight, other| multiply(weight, multiply(other ^ target, inverse(other ^ point))))
}

/// Multiplies modulo x⁸ + x⁴ + x³ + x + 1.
fn multiply(a: u8, b: u8) -> u8 {
    let mut product = 0;
    let mut a = a;
    for bit in 0..8 {
        product ^= a & 0u8.wrapping_sub((b >> bit) & 1);
        let overflow = 0u8.wrapping_sub(a >> 7);
        a = (a << 1) ^ (overflow & 0x1b);
    }
    product
}

/// The inverse: x²⁵⁴, and 0 for 0.
fn inverse(x: u8) -> u8 {
    let mut power = x;
    for _ in 0..6 {
        power = multiply(multiply(power, power), x);
    }
    multiply(power, power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_that_of_aes() {
        assert_eq!(multiply(0x53, 0xca), 1, "the example of FIPS 197's field");
        assert_eq!(multiply(0x57, 0x83), 0xc1, "FIPS 197, section 4.2");
        for x in 1..=u8::MAX {
            assert_eq!(multiply(x, inverse(x)), 1, "{x}");
            assert_eq!((multiply(x, 0), multiply(0, x), multiply(1, x)), (0, 0, x));
        }
        assert_eq!(inverse(0), 0);
    }

    #[test]
    fn parameters_that_give_no_secrecy_or_no_secret_are_refused() {
        for (shares, threshold) in [(0, 0), (1, 1), (2, 1), (3, 0), (2, 3), (256, 2)] {
            assert_eq!(
                split_secret(b"secret", shares, threshold).err(),
                Some(ShamirError::Parameters),
                "{threshold}/{shares}"
            );
        }
        assert!(split_secret(b"secret", 255, 255).is_ok());
    }

    #[test]
    fn shares_that_do_not_belong_together_are_refused() {
        for (shares, expected) in [
            (&[][..], ShamirError::TooFew),
            (&[&[1, 1][..]], ShamirError::TooFew),
            (&[&[1, 1], &[1, 1, 2]], ShamirError::Length),
            (&[&[], &[1, 2]], ShamirError::Length),
            (&[&[1], &[2]], ShamirError::Length),
            (&[&[1, 1], &[2, 1]], ShamirError::Same),
            (&[&[1, 0], &[2, 1]], ShamirError::Same),
        ] {
            assert_eq!(combine_shares(shares).err(), Some(expected), "{shares:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_threshold_of_shares_gives_the_secret_and_fewer_do_not(
            secret in proptest::collection::vec(proptest::num::u8::ANY, 16..40),
            shares in 2usize..9,
            threshold in 2usize..9,
            start in 0usize..9,
        ) {
            let threshold = threshold.min(shares);
            let parts = split_secret(&secret, shares, threshold).expect("splits");
            for (index, part) in parts.iter().enumerate() {
                proptest::prop_assert_eq!(part.len(), secret.len() + 1);
                proptest::prop_assert_eq!(usize::from(*part.last().expect("a point")), index + 1);
            }
            let some = |count: usize| (0..count).map(|i| &*parts[(start + i) % shares]).collect::<Vec<_>>();
            proptest::prop_assert_eq!(&**combine_shares(&some(threshold)).expect("combines"), &secret[..]);
            proptest::prop_assert_eq!(&**combine_shares(&some(shares)).expect("combines"), &secret[..]);
            for (index, part) in parts.iter().enumerate() {
                let point = u8::try_from(index + 1).expect("few");
                proptest::prop_assert_eq!(&**recover_share(point, &some(threshold)).expect("combines"), &***part);
            }
            if threshold > 2 {
                proptest::prop_assert_ne!(&**combine_shares(&some(threshold - 1)).expect("combines"), &secret[..]);
            }
        }
    }
}
