//! Placeholders of other programs, which put something in their place later.

/// Whether a text has a placeholder that another tool fills in: `${APP}-secret` of Flux, `$(params.name)` of Tekton,
/// `{{name}}` of Argo. Names, numbers and truth values have no such signs, so that nothing else can be meant.
pub fn is_filled_in_later(text: &str) -> bool {
    let encloses = |open: &str, close: &str| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    [("${", "}"), ("$(", ")"), ("{{", "}}")].iter().any(|(open, close)| encloses(open, close))
}
