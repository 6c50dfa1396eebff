//! Logins to image registries: from the merged `registries` of a bundle to the text that Docker and the kubelet read.

use std::sync::Arc;

use super::content::{ContentBuilder, LeafMode};
use super::context::ErrorReported;
use super::frame::{RenderFrame, RenderSubject};
use super::renderer::TemplateRenderer;
use super::{EntryOutcome, ResolvedBytes};
use crate::diagnostic::{Diagnostic, Rule};
use crate::format::docker::{self, RegistryLogin};
use crate::layer::{Tree, TreeKind};
use crate::map::HashMap;
use crate::name::BundleName;
use crate::secret::Secret;
use crate::value::OutputValue;

/// Value of the entry `key`, which selects one of the two forms. Without a registry there is none.
pub(super) fn resolve_registries(
    renderer: &TemplateRenderer,
    frame: &RenderFrame,
    key: &str,
    tree: &Tree,
) -> Result<EntryOutcome, ErrorReported> {
    let TreeKind::Map(servers) = &tree.kind else { return Ok(EntryOutcome::Missing) };
    let mut builder = ContentBuilder { renderer, frame, may_render: true, leaves: LeafMode::Texts, locked: false };
    let built: Vec<_> = servers.iter().map(|(server, login)| (server, login, builder.build(login))).collect();
    // an undecrypted value cannot be checked for being empty
    let is_locked = builder.locked || frame.is_locked();
    let tell = |problem| if is_locked { ErrorReported } else { renderer.context.report(problem) };
    let mut logins = Vec::with_capacity(built.len());
    let mut seen = HashMap::default();
    let mut failed = None;
    for (server, tree, value) in built {
        if let Some(other) = seen.insert(docker::server_key(server), server) {
            failed = Some(tell(duplicate_server(server, other, tree)));
        }
        match value.and_then(|value| {
            read_login(server, value).map_err(|lacks| tell(incomplete_login(frame, server, lacks, tree)))
        }) {
            Ok(login) => logins.push(login),
            Err(reported) => failed = Some(reported),
        }
    }
    match failed {
        Some(_) if is_locked => return Ok(EntryOutcome::Locked(frame.placeholder_for(None))),
        Some(reported) => return Err(reported),
        None if logins.is_empty() => return Ok(EntryOutcome::Missing),
        None => {}
    }
    let text = if key == ".dockercfg" { docker::dockercfg_text(logins) } else { docker::config_json(logins) };
    if is_locked {
        return Ok(EntryOutcome::Locked(frame.placeholder_for(Some(text.expose()))));
    }
    Ok(EntryOutcome::Known(ResolvedBytes::Rendered(Arc::new(text))))
}

/// Reads a login; the error is the name of a missing field.
fn read_login<'s>(server: &'s str, value: OutputValue<'_>) -> Result<RegistryLogin<'s>, &'static str> {
    let mut login =
        RegistryLogin { server, username: Secret::default(), password: Secret::default(), email: Secret::default() };
    let OutputValue::Map(fields) = value else { return Err("username") };
    for (name, value) in fields {
        let OutputValue::String(text) = value else { continue };
        let text = Secret::new(text.into_owned());
        match &*name {
            "username" => login.username = text,
            "password" => login.password = text,
            "email" => login.email = text,
            _ => {}
        }
    }
    match (login.username.expose().is_empty(), login.password.expose().is_empty()) {
        (true, _) => Err("username"),
        (_, true) => Err("password"),
        (false, false) => Ok(login),
    }
}

fn incomplete_login(frame: &RenderFrame, server: &str, lacks: &str, tree: &Tree) -> Diagnostic {
    Diagnostic::error(Rule::TypedSecret, format!("the registry `{server}` has no `{lacks}`"))
        .at_masked(tree.place.clone())
        .note("pulling images requires both a username and a password")
        .hint(format!("set it with `septum set ENV registries.{server}.{lacks} --bundle {}`", bundle_of(frame)))
        .hint(format!("or remove the registry with `{server}: null`"))
}

/// The bundle with the logins; `data` in them is that of the app.
fn bundle_of(frame: &RenderFrame) -> &BundleName {
    match &frame.subject {
        RenderSubject::Entry(id) => &id.bundle,
        RenderSubject::Variable(_) | RenderSubject::Manifest(_) => &frame.bundle,
    }
}

fn duplicate_server(server: &str, other: &str, tree: &Tree) -> Diagnostic {
    Diagnostic::error(Rule::TypedSecret, format!("the registries `{other}` and `{server}` are the same"))
        .at_masked(tree.place.clone())
        .note(format!("both are stored as `{}`", docker::server_key(server)))
        .hint("remove one of them")
}
