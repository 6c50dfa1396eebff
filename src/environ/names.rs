//! Names of variables that give others than the program a meaning: with them, a layer would decide which code runs.

use super::SelectedEntry;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};

/// Variables with which a loader, a shell or an interpreter runs other code, or finds other programs. A `*` at the end
/// stands for any text. `ENV` is not among them: only interactive shells read it, and many programs have a setting of
/// that name.
const DANGEROUS: &[(&str, &str)] = &[
    ("LD_*", "the dynamic loader loads what it names"),
    ("DYLD_*", "the dynamic loader loads what it names"),
    ("GLIBC_TUNABLES", "it changes the C library"),
    ("GCONV_PATH", "the C library loads code from it"),
    ("MALLOC_*", "it changes the C library"),
    ("LOCPATH", "the C library reads data from it"),
    ("NLSPATH", "the C library reads data from it"),
    ("PATH", "it decides which programs run"),
    ("PATHEXT", "it decides which programs run"),
    ("COMSPEC", "it decides which shell runs"),
    ("SHELL", "it decides which shell runs"),
    ("IFS", "shells split words by it"),
    ("BASH_ENV", "bash runs the file that it names"),
    ("BASH_FUNC_*", "bash defines functions by it"),
    ("BASHOPTS", "it changes bash"),
    ("SHELLOPTS", "it changes shells"),
    ("PROMPT_COMMAND", "bash runs it"),
    ("PS4", "shells evaluate it"),
    ("ZDOTDIR", "zsh runs files from it"),
    ("NODE_OPTIONS", "Node.js loads modules that it names"),
    ("NODE_PATH", "Node.js loads modules from it"),
    ("PYTHONPATH", "Python loads modules from it"),
    ("PYTHONHOME", "Python loads modules from it"),
    ("PYTHONSTARTUP", "Python runs the file that it names"),
    ("PYTHONINSPECT", "it changes Python"),
    ("PYTHONWARNINGS", "Python loads modules that it names"),
    ("PERL5LIB", "Perl loads modules from it"),
    ("PERLLIB", "Perl loads modules from it"),
    ("PERL5OPT", "Perl loads modules that it names"),
    ("PERL5DB", "Perl runs it"),
    ("RUBYLIB", "Ruby loads files from it"),
    ("RUBYOPT", "Ruby loads files that it names"),
    ("GEM_HOME", "Ruby loads files from it"),
    ("GEM_PATH", "Ruby loads files from it"),
    ("LUA_INIT*", "Lua runs it"),
    ("JAVA_TOOL_OPTIONS", "Java loads agents that it names"),
    ("_JAVA_OPTIONS", "Java loads agents that it names"),
    ("JDK_JAVA_OPTIONS", "Java loads agents that it names"),
    ("CLASSPATH", "Java loads classes from it"),
    ("DOTNET_STARTUP_HOOKS", ".NET loads what it names"),
    ("CORECLR_*", ".NET loads what it names"),
    ("COR_*", ".NET loads what it names"),
    ("PHPRC", "PHP reads settings from it"),
    ("PHP_INI_SCAN_DIR", "PHP reads settings from it"),
    ("ERL_*FLAGS", "Erlang runs code that it names"),
    ("R_PROFILE*", "R runs the file that it names"),
    ("JULIA_LOAD_PATH", "Julia loads code from it"),
    ("BASH_LOADABLES_PATH", "bash loads code from it"),
    ("PYTHONBREAKPOINT", "Python runs what it names"),
    ("PYTHONUSERBASE", "Python loads modules from it"),
    ("PYTHONPLATLIBDIR", "Python loads modules from it"),
    ("NODE_REPL_EXTERNAL_MODULE", "Node.js loads the module that it names"),
    ("NPM_CONFIG_*", "npm runs programs that it names"),
    ("PERL5SHELL", "Perl runs it"),
    ("RUBYSHELL", "Ruby runs it"),
    ("BUNDLE_GEMFILE", "Ruby runs the file that it names"),
    ("LUA_PATH*", "Lua loads modules from it"),
    ("LUA_CPATH*", "Lua loads code from it"),
    ("MONO_PATH", "Mono loads code from it"),
    ("MONO_ENV_OPTIONS", "Mono runs with its options"),
    ("ERL_LIBS", "Erlang loads code from it"),
    ("ELIXIR_ERL_OPTIONS", "Erlang runs code that it names"),
    ("GUILE_LOAD_*", "Guile loads code from it"),
    ("GUILE_EXTENSIONS_PATH", "Guile loads code from it"),
    ("TCLLIBPATH", "Tcl loads code from it"),
    ("AWKLIBPATH", "awk loads code from it"),
    ("CAML_LD_LIBRARY_PATH", "OCaml loads code from it"),
    ("JULIA_DEPOT_PATH", "Julia loads code from it"),
    ("GTK_MODULES", "GTK loads what it names"),
    ("GTK_PATH", "GTK loads code from it"),
    ("GIO_EXTRA_MODULES", "GLib loads code from it"),
    ("QT_PLUGIN_PATH", "Qt loads code from it"),
    ("VIMINIT", "vim runs it"),
    ("EXINIT", "vi runs it"),
    ("EMACSLOADPATH", "Emacs loads code from it"),
    ("HGRCPATH", "Mercurial runs commands of its configuration"),
    ("SVN_SSH", "Subversion runs it"),
    ("CVS_RSH", "CVS runs it"),
    ("RSYNC_RSH", "rsync runs it"),
    ("TAR_OPTIONS", "tar runs programs that it names"),
    ("SUDO_ASKPASS", "sudo runs it"),
    ("GIT_SSH", "Git runs it"),
    ("GIT_SSH_COMMAND", "Git runs it"),
    ("GIT_ASKPASS", "Git runs it"),
    ("GIT_EDITOR", "Git runs it"),
    ("GIT_PAGER", "Git runs it"),
    ("GIT_EXTERNAL_DIFF", "Git runs it"),
    ("GIT_PROXY_COMMAND", "Git runs it"),
    ("GIT_EXEC_PATH", "Git runs programs from it"),
    ("GIT_TEMPLATE_DIR", "Git copies hooks from it"),
    ("GIT_CONFIG*", "Git runs commands of its configuration"),
    ("SSH_ASKPASS", "ssh runs it"),
    ("LESSOPEN", "less runs it"),
    ("LESSCLOSE", "less runs it"),
    ("MAKEFLAGS", "make evaluates it"),
    ("MAKEFILES", "make reads the files that it names"),
    ("RUSTC_WRAPPER", "Cargo runs it"),
    ("OPENSSL_CONF", "OpenSSL loads engines that it names"),
    ("OPENSSL_ENGINES", "OpenSSL loads engines from it"),
    ("OPENSSL_MODULES", "OpenSSL loads modules from it"),
    ("SEPTUM_*", "septum sets and reads it"),
];

/// Whether variables with a meaning for loaders, shells and interpreters are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DangerousNames {
    /// An error.
    Refuse,
    /// Set like all others.
    Allow,
}

/// Refuses variables with which a layer would decide which code runs.
pub fn check_names(variables: &[&SelectedEntry], dangerous: DangerousNames) -> Result<(), Diagnostics> {
    if dangerous == DangerousNames::Allow {
        return Ok(());
    }
    let found = variables.iter().filter_map(|entry| Some(dangerous_error(entry, danger_of(&entry.key)?)));
    let found: Diagnostics = found.collect();
    if found.has_errors() { Err(found) } else { Ok(()) }
}

/// Effect of a variable of that name, if it is dangerous. Windows does not distinguish case, so neither does this.
fn danger_of(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let matches = |pattern: &str| match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => name == pattern,
    };
    DANGEROUS.iter().find(|(pattern, _)| matches(pattern)).map(|(_, why)| *why)
}

fn dangerous_error(entry: &SelectedEntry, why: &str) -> Diagnostic {
    let message = format!("`{}` would set a variable that is not only for the program: {why}", entry.label);
    Diagnostic::error(Rule::DangerousVariable, message)
        .at_masked(entry.place.clone())
        .hint(format!("leave it out: `--except {}`", entry.key))
        .hint("or, if the layers are trusted to decide which code runs here, use `--allow-dangerous-names`")
}

#[cfg(test)]
mod tests {
    use super::danger_of;

    #[test]
    fn names_of_loaders_shells_and_interpreters_are_dangerous_and_usual_ones_are_not() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "Path",
            "IFS",
            "BASH_ENV",
            "BASH_FUNC_x",
            "NODE_OPTIONS",
            "PYTHONSTARTUP",
            "PERL5OPT",
            "JAVA_TOOL_OPTIONS",
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_COUNT",
            "ERL_AFLAGS",
            "ERL_LIBS",
            "LUA_CPATH_5_4",
            "npm_config_script_shell",
            "BASH_LOADABLES_PATH",
            "RSYNC_RSH",
            "SEPTUM_ENV",
        ] {
            assert!(danger_of(name).is_some(), "{name}");
        }
        for name in
            ["ENV", "NODE_ENV", "DATABASE_URL", "GIT_TOKEN", "LOG_LEVEL", "PATHS", "LDAP_URL", "JAVA_HOME", "HOME"]
        {
            assert!(danger_of(name).is_none(), "{name}");
        }
    }
}
