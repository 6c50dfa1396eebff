//! Usage of filters and functions of templates, and their names in other languages.

use crate::diagnostic::nearest_name;

/// Most common filters, functions and tests, with their usage.
const KNOWN: [(&str, &str); 50] = [
    ("abs", "number | abs"),
    ("b64decode", "text | b64decode"),
    ("b64encode", "text | b64encode"),
    ("batch", "list | batch(size)"),
    ("bool", "value | bool"),
    ("capitalize", "text | capitalize"),
    ("declassify", "declassify(value, \"why it may be public\")"),
    ("default", "value | default(\"…\")"),
    ("defined", "name is defined"),
    ("dict", "dict(name=value)"),
    ("dictsort", "mapping | dictsort"),
    ("first", "list | first"),
    ("float", "text | float"),
    ("format", "\"%s\" | format(value)"),
    ("groupby", "list | groupby(\"key\")"),
    ("indent", "text | indent(width, first=false)"),
    ("int", "text | int"),
    ("items", "mapping | items"),
    ("join", "list | join(\", \")"),
    ("last", "list | last"),
    ("length", "list | length"),
    ("lines", "text | lines"),
    ("list", "value | list"),
    ("lower", "text | lower"),
    ("map", "list | map(attribute=\"key\")"),
    ("max", "list | max"),
    ("min", "list | min"),
    ("namespace", "namespace(name=value)"),
    ("quote", "text | quote"),
    ("range", "range(start, stop)"),
    ("reject", "list | reject(\"test\")"),
    ("replace", "text | replace(from, to)"),
    ("required", "value | required(\"message\")"),
    ("reverse", "list | reverse"),
    ("round", "number | round(digits)"),
    ("select", "list | select(\"test\")"),
    ("sha256", "text | sha256"),
    ("slice", "list | slice(count)"),
    ("sort", "list | sort"),
    ("split", "text | split(\",\")"),
    ("string", "value | string"),
    ("sum", "list | sum"),
    ("title", "text | title"),
    ("tojson", "value | tojson"),
    ("toyaml", "value | toyaml"),
    ("trim", "text | trim"),
    ("unique", "list | unique"),
    ("upper", "text | upper"),
    ("urlencode", "text | urlencode"),
    ("zip", "list | zip(other)"),
];

/// Names of filters and functions in other template languages, with their equivalents in Septum.
const FOREIGN: [(&str, &str); 37] = [
    ("b64dec", "b64decode"),
    ("b64enc", "b64encode"),
    ("b64", "b64encode"),
    ("base64", "b64encode"),
    ("base64decode", "b64decode"),
    ("base64encode", "b64encode"),
    ("coalesce", "default"),
    ("concat", "join"),
    ("downcase", "lower"),
    ("hash", "sha256"),
    ("len", "length"),
    ("lowercase", "lower"),
    ("nindent", "indent"),
    ("printf", "format"),
    ("regex_replace", "replace"),
    ("sha256sum", "sha256"),
    ("size", "length"),
    ("splitList", "split"),
    ("squote", "quote"),
    ("strip", "trim"),
    ("toJson", "tojson"),
    ("toLower", "lower"),
    ("toString", "string"),
    ("toUpper", "upper"),
    ("toYaml", "toyaml"),
    ("to_json", "tojson"),
    ("to_lower", "lower"),
    ("to_string", "string"),
    ("to_upper", "upper"),
    ("to_yaml", "toyaml"),
    ("trimSpace", "trim"),
    ("uniq", "unique"),
    ("upcase", "upper"),
    ("uppercase", "upper"),
    ("uri_encode", "urlencode"),
    ("url_encode", "urlencode"),
    ("urlquery", "urlencode"),
];

/// Usage of the filter or function of that name, with the name as a static text.
pub(super) fn usage_of(name: &str) -> Option<(&'static str, &'static str)> {
    KNOWN.iter().find(|(known, _)| *known == name).copied()
}

/// Filter or function that an unknown name probably means.
pub(super) fn nearest_function(name: &str) -> Option<&'static str> {
    let foreign = FOREIGN.iter().find(|(known, _)| *known == name).map(|(_, here)| *here);
    foreign
        .or_else(|| nearest_name(name, KNOWN.iter().map(|(known, _)| *known)))
        .filter(|here| usage_of(here).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_call_a_filter_is_known_here() {
        for (foreign, here) in FOREIGN {
            assert!(usage_of(foreign).is_none(), "{foreign} is known");
            assert!(usage_of(here).is_some(), "{here} is not known");
            assert_eq!(nearest_function(foreign), Some(here));
        }
    }
}
