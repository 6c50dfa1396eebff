//! Templates of other programs: Helm and Go, GitHub Actions, Argo Workflows, Ansible, Mustache.

use crate::template_tokens::is_template;

/// Root names in templates of other programs.
const ROOTS: [(&str, &[&str]); 4] = [
    (
        "Argo Workflows",
        &["inputs", "outputs", "workflow", "steps", "tasks", "pod", "item", "cronworkflow", "retries", "lastRetry"],
    ),
    ("GitHub Actions", &["github", "runner", "matrix", "needs", "strategy", "job", "jobs"]),
    (
        "Ansible",
        &["hostvars", "groups", "group_names", "inventory_hostname", "play_hosts", "playbook_dir", "role_path"],
    ),
    ("Cookiecutter", &["cookiecutter", "copier"]),
];

/// Hint for a template in the language of another program; `place` is the offset at which the engine failed.
pub(super) fn foreign_template_hint(template: &str, place: Option<usize>, is_manifest: bool) -> Option<String> {
    let program = program_of(template, place)?;
    let here =
        format!("this looks like a template of {program}; in septum, write `{{{{ vars.x }}}}` or `{{{{ data.KEY }}}}`");
    Some(if is_manifest {
        format!("{here}, or use `manifests: [{{ path: …, template: false }}]` to include a file unchanged")
    } else {
        here
    })
}

/// Program that a template is for.
fn program_of(template: &str, place: Option<usize>) -> Option<&'static str> {
    if !is_template(template) {
        return None;
    }
    if template.match_indices("{{").any(|(at, _)| is_go(inner_of(template, at))) {
        return Some("Helm");
    }
    let at = template.get(..place?.saturating_add(1))?.rfind("{{")?;
    if template.get(..at).is_some_and(|before| before.ends_with('$')) {
        return Some("GitHub Actions");
    }
    let inner = inner_of(template, at);
    if inner.starts_with(['#', '/', '^', '>', '!', '&']) {
        return Some("Mustache or Handlebars");
    }
    let root = inner.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).next()?;
    let found = ROOTS.iter().find(|(_, roots)| roots.contains(&root)).map(|(program, _)| *program);
    found.or_else(|| root.starts_with("ansible_").then_some("Ansible"))
}

/// Text after the braces at an offset.
fn inner_of(template: &str, at: usize) -> &str {
    template.get(at + 2..).unwrap_or_default().trim_start_matches('-').trim_start()
}

/// Whether the text after two braces can only be Go's.
///
/// Only the spelling matters: the engine cannot parse such a template, and fails anywhere in it.
fn is_go(inner: &str) -> bool {
    let word = |word: &str| inner.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '}', '-']));
    let keyword = ["if", "else", "end", "range", "with", "define", "template", "block", "tpl", "toYaml", "printf"];
    let is_field = ["Values", "Release", "Chart", "Capabilities"]
        .iter()
        .any(|root| inner.strip_prefix(root).is_some_and(|rest| rest.starts_with('.')));
    inner.starts_with(['.', '$'])
        || inner.starts_with("/*")
        || keyword.iter().any(|it| word(it))
        || is_call(inner)
        || is_field
}

/// Whether a function is called with an argument after a blank: `include "x" .`, `env "HOME"`, `toYaml .Values`.
fn is_call(inner: &str) -> bool {
    let end = inner.find(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let argument = rest.trim_start();
    let is_operator = ["not", "and", "or", "in", "is"].contains(&name);
    let is_argument = argument.starts_with(['"', '$', '`'])
        || argument
            .strip_prefix('.')
            .is_some_and(|field| field.starts_with(|char: char| char.is_ascii_alphabetic() || char == ' '));
    !name.is_empty() && !is_operator && argument.len() < rest.len() && is_argument
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_go_are_told_from_others() {
        for text in [
            "{{ .Values.x }}",
            "{{- $x := 1 -}}",
            "{{ if .x }}a{{ end }}",
            "{{- include \"a.labels\" . | nindent 4 }}",
            "{{/* c */}}",
            "x {{ Values.host }}",
            "{{- end }}",
            "{{- range }}",
            "{{ range $k, $v := .Values.env }}",
            "{{ env \"HOME\" }}",
            "{{ key \"a/b\" }}",
        ] {
            assert_eq!(program_of(text, None), Some("Helm"), "{text}");
        }
        for text in [
            "{{ data.X }}",
            "{% if x %}{{ ends }}{% endif %}",
            "{{ \".x\" }}",
            ".Values.x",
            "{{ (-1) }}",
            "{{ included }}",
            "{{ not \"x\" }}",
            "{{ data.X ~ \"x\" }}",
        ] {
            assert_eq!(program_of(text, Some(3)), None, "{text}");
        }
    }

    #[test]
    fn the_program_that_a_template_is_for_is_named() {
        for (text, program) in [
            ("{{inputs.parameters.x}}", "Argo Workflows"),
            ("a {{workflow.name}}", "Argo Workflows"),
            ("${{ secrets.X }}", "GitHub Actions"),
            ("{{ github.sha }}", "GitHub Actions"),
            ("{{ ansible_host }}", "Ansible"),
            ("{{#if x}}", "Mustache or Handlebars"),
        ] {
            assert_eq!(program_of(text, Some(text.len() - 3)), Some(program), "{text}");
        }
    }
}
