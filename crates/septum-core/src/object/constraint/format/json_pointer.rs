//! JSON pointers (RFC 6901), absolute and relative.

/// `/paths/~1health/get`, or nothing for the whole document.
pub(super) fn is_json_pointer(text: &str) -> bool {
    let are_escapes_valid = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && are_escapes_valid
}

/// `1/name`: a number of steps up, then a pointer, or `#` for the key itself.
pub(super) fn is_relative_json_pointer(text: &str) -> bool {
    let (steps, rest) = text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()));
    let is_number = steps == "0" || !steps.is_empty() && !steps.starts_with('0');
    is_number && (rest == "#" || is_json_pointer(rest))
}
