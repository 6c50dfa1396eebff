//! The rules: id, default severity, exit class, whether a finding of it can be accepted (`allow`, baseline), what it means, and
//! what to do. The tables of `docs/errors.md` are generated from here.

use super::rules;

rules! {
    "Command line and project" {
        Usage, "usage", Error, Invalid, false,
            "the command line is invalid, or `init`, `import`, `eject` or `keygen` would overwrite a file",
            "see the hint, or `septum help`";
        NoProject, "no-project", Error, Invalid, false,
            "no `septum.yaml` or `base.yaml` in this directory or its parents",
            "change to the project directory, specify it with `-C`, or run `septum init`";
        ProjectFile, "project-file", Error, Invalid, false,
            "`septum.yaml` lacks a field, or has an unknown field, a value that is not valid, or an invalid glob",
            "fix it as described in the message";
        NoEnvironment, "no-environment", Error, Invalid, false,
            "an app has no environment, so nothing is rendered for it",
            "create `NAME.yaml` beside its `base.yaml`; it may be empty";
        UnknownFile, "unknown-file", Error, Invalid, false,
            "a file [beside a layer](layers.md#names-of-files) is not read although its name looks like that of a layer or its encrypted half; likewise a `septum.yml`",
            "rename it as described in the hint, move it to a directory, or remove it";
        LostApp, "lost-app", Error, Invalid, false,
            "an output directory contains an app that no longer exists, whose files would be deleted; a warning if a sparse checkout leaves the app out",
            "restore its directory or its name, use `--prune`, or `git sparse-checkout add`";
        LostEnvironment, "lost-environment", Error, Invalid, false,
            "an output directory contains an environment that no longer exists, or no longer exists in an app, whose files would be deleted",
            "restore its file, or use `--prune`";
        NoApp, "no-app", Error, Invalid, false,
            "`apps` is empty, or a glob in it matches no directory with a `base.yaml`",
            "fix the glob, or create the app";
        UnknownApp, "unknown-app", Error, Invalid, false,
            "`--app` is not the name of an app",
            "use the suggested name; `septum list` shows all";
        UnknownBundle, "unknown-bundle", Error, Invalid, false,
            "`--bundle` is not a bundle of the environment",
            "use one of those listed";
        UnknownEnvironment, "unknown-environment", Error, Invalid, false,
            "no app, or not the one given by `--app`, has this environment",
            "use one of those listed, or create `NAME.yaml`";
        RulesFile, "rules-file", Error, Invalid, false,
            "a `--rules` file is not valid TOML, contains no rules, has an unknown field, or an invalid or unsupported regular expression",
            "fix it as described in the message; see [your own rules](check.md#your-own-rules)";
        FunctionInput, "function-input", Error, Invalid, false,
            "standard input of `krm` or `helm post-render` is not what kustomize, kpt or Helm pass, or its `functionConfig` is invalid",
            "fix it as described in the message; see [kustomize and kpt](kustomize.md) and [Helm](helm.md)";
        Git, "git", Error, Io, false,
            "Git could not be run, or could not read the repository or write its configuration; exit code 4",
            "follow the message of Git; run the command in a repository";
        ForeignHook, "foreign-hook", Error, Invalid, false,
            "`git-setup --hook` would overwrite a hook, or write to a directory of hooks outside of the repository",
            "add the command shown to the hook";
        UnusedDrivers, "unused-drivers", Warning, Invalid, false,
            "`.gitattributes` names no file for the drivers that `git-setup` configured",
            "add the line shown";
        Cluster, "cluster", Error, Io, false,
            "kubectl could not be run, or could not read the cluster; exit code 4",
            "follow the message of kubectl; `--context` chooses the cluster";
        PromotionConflict, "promotion-conflict", Error, Found, false,
            "`promote` would overwrite a value that changed in both environments since the last promotion; nothing was written",
            "choose a side for each: `--ours KEY` or `--theirs KEY`";
        PromotionBlocked, "promotion-blocked", Error, Invalid, false,
            "`promote` cannot copy what was named, or cannot change a layer by its syntax",
            "follow the message; change the file by hand";
        DangerousVariable, "dangerous-variable", Error, Invalid, false,
            "`exec` or `export` would set a variable with which a loader, a shell or an interpreter runs other code: `LD_PRELOAD`, `PATH`, `NODE_OPTIONS` and others",
            "leave it out with `--except`, or use `--allow-dangerous-names`";
        UnusableVariable, "unusable-variable", Error, Invalid, false,
            "an entry cannot be a variable of a program, or cannot be written in the format of `export`: a null character, a line break, too many bytes; with `--strict` also a key that is not the name of a variable, and bytes that are not text",
            "leave it out with `--except`, or give it to the program as a file: `exec --files DIR`";
        StoreValue, "store-value", Error, Invalid, false,
            "`exec` or `export` would need a value that is in an external store",
            "set it in the shell, and use `--refs=skip`";
        ProgramStart, "program-start", Error, Io, false,
            "`exec` could not start the program; exit code 127 if it was not found, else 126",
            "fix the name, or the permissions of the file";
        ArgocdSecret, "argocd-secret", Error, Invalid, false,
            "`argocd generate` would decrypt, or would print a Secret, which Argo CD stores in plaintext in its cache; nothing was printed",
            "commit the rendered tree, or deliver with `sealed-secret` or `refs`: see [Argo CD](argocd.md#secrets)";
        NothingRendered, "nothing-rendered", Error, Invalid, false,
            "`argocd generate` has no object to print, and Argo CD would delete those of the Application",
            "fix the path of the Application, or its environment";
        Unmerged, "unmerged", Error, Invalid, false,
            "a file has unresolved merge conflicts, so its committed content is not known",
            "resolve the conflict, then `git add` the file";
    }
    "Files" {
        IncompleteEvidence, "incomplete-evidence", Error, Invalid, false,
            "the input of `gc` is not valid, or lacks objects that may use others, so nothing shows what is unused",
            "pass all objects of the namespace, as the hint shows";
        MissingFile, "missing-file", Error, Invalid, false,
            "a file referenced by a layer, or the `shared` directory, does not exist, is a directory, or is a broken or cyclic symbolic link; exit code 4 for a file given on the command line, also if the argument is the name of an environment",
            "fix the path, which is relative to the layer; replace the link with the file";
        MissingLayer, "missing-layer", Error, Invalid, false,
            "a layer in `extends` has no file",
            "fix the name, or create the file";
        ExtendsCycle, "extends-cycle", Error, Invalid, false,
            "layers extend each other in a cycle",
            "remove one of the lines shown; move shared content to a mixin";
        OutsideProject, "outside-project", Error, Invalid, false,
            "a path is absolute, or resolves to a file outside the project or the repository, possibly through a symbolic link: see [which files are read](layers.md#which-files-are-read)",
            "copy the file into the project; specify the file itself, not the link to it";
        FileTooBig, "file-too-big", Error, Invalid, false,
            "a file is larger than 1 MiB, or a manifest file larger than 16 MiB",
            "keep large data elsewhere; split manifests into several files";
        BudgetExceeded, "budget-exceeded", Error, Invalid, false,
            "one run exceeds a limit on its work: directories searched for patterns, template steps, bytes of values; see [limits](layers.md#limits)",
            "follow the hint: use narrower patterns, render fewer targets at once, or compute less";
        NotUtf8, "not-utf8", Error, Invalid, false,
            "a layer or template is not UTF-8 text",
            "save it as UTF-8; binary data can be the `file` of an entry";
        Unreadable, "unreadable", Error, Io, false,
            "a file or directory could not be read (exit code 4), or is a pipe, a device or a socket",
            "fix its permissions; replace it with a regular file";
        Unwritable, "unwritable", Error, Io, false,
            "output or a file could not be written; exit code 4",
            "free disk space, or fix permissions";
        OutputDirectory, "output-directory", Error, Invalid, false,
            "the output directory is the project or a repository, contains sources, or its path goes through a symbolic link",
            "use a separate directory";
        ForeignFile, "foreign-file", Error, Invalid, false,
            "a file not written by septum is at an output path; nothing was written",
            "move it, or choose another directory";
        StaleFile, "stale-file", Warning, Invalid, false,
            "a file is no longer generated; it was kept because it may have been edited",
            "remove it, or move it elsewhere";
        StrayFile, "stray-file", Warning, Invalid, false,
            "a file in the output directory is not generated and was not written by septum, so it was kept. A controller that applies the directory may apply it",
            "remove it, or move it elsewhere";
        Inventory, "inventory", Error, Invalid, false,
            "the inventory of generated files cannot be read, or contains a merge conflict",
            "choose either side, or delete it, and render again";
        OutputBusy, "output-busy", Error, Invalid, false,
            "another run is writing to the output directory, or has written to it since this run started",
            "render again";
    }
    "YAML" {
        YamlSyntax, "yaml-syntax", Error, Invalid, false,
            "invalid YAML",
            "quote values that start with `{{`, `*`, `&`, `!`, `@`, `%`, or contain `: ` or ` #`";
        TabIndentation, "tab-indentation", Error, Invalid, false,
            "a line is indented with a tab",
            "use spaces";
        DuplicateKey, "duplicate-key", Error, Invalid, false,
            "duplicate key in a mapping",
            "remove one of them";
        ComplexKey, "complex-key", Error, Invalid, false,
            "a key is missing, or is a list or a mapping",
            "write a string, quoted if necessary";
        SeveralDocuments, "several-documents", Error, Invalid, false,
            "a second document after `---` in a file that must have one",
            "move it to a separate file";
        UnknownTag, "unknown-tag", Error, Invalid, false,
            "a tag that is not part of YAML, or contradicts its value",
            "remove it, or quote a value that starts with `!`";
        MergeKey, "merge-key", Error, Invalid, false,
            "the value of `<<` is not a mapping",
            "use an alias of a mapping, or quote the key";
        UndefinedAlias, "undefined-alias", Error, Invalid, false,
            "`*name` without `&name` before it",
            "define it, or quote a value that starts with `*`";
        RecursiveAlias, "recursive-alias", Error, Invalid, false,
            "an alias inside its own anchor",
            "write the value out";
        AliasBomb, "alias-bomb", Error, Invalid, false,
            "aliases expand the file beyond the limit",
            "use fewer aliases of aliases";
        TooDeep, "too-deep", Error, Invalid, false,
            "collections are nested more than 64 levels deep",
            "flatten the structure";
    }
    "Layers" {
        UnknownField, "unknown-field", Error, Invalid, false,
            "unknown field in a layer, bundle or entry",
            "use the suggested name; for fields of other tools (`default`, `secret`, `env`, `min`), the hint names the equivalent";
        InvalidField, "invalid-field", Error, Invalid, false,
            "a field has the wrong type or an invalid value, or is not allowed in this layer",
            "write the value that the message expects";
        EncryptedField, "encrypted-field", Error, Invalid, false,
            "a field that is shown in plaintext (a label, a rule, a description) is encrypted",
            "move it to a layer that is not encrypted";
        Unsupported, "unsupported", Error, Invalid, false,
            "a `*.j2` file of `manifests` is encrypted",
            "store its values in an encrypted layer, and use templates in the file";
        UnknownKey, "unknown-key", Error, Invalid, true,
            "an environment sets or removes an entry or a variable that is not defined; or the key of `explain` does not exist",
            "fix the name, define it in the base, or open the bundle";
        BlankValue, "blank-value", Error, Invalid, false,
            "`KEY:` has no value after it",
            "write `\"\"`, `null`, or `{ required: true }`";
        TwoSources, "two-sources", Error, Invalid, false,
            "an entry has more than one of `value`, `file`, `template`, `content`, `ref`; or a bundle has both `registries` and the key generated from them",
            "keep one of them";
        NotAList, "not-a-list", Error, Invalid, false,
            "`list+:` or `+list:` adds to a value that is not a list",
            "write `list:` to replace it";
        LoweredSensitivity, "lowered-sensitivity", Error, Invalid, false,
            "a layer overrides `sensitive: true` with `false`, or an environment declares `sensitive: false`",
            "declare it in the base, with a `reason`";
    }
    "Templates and values" {
        TemplateSyntax, "template-syntax", Error, Invalid, false,
            "a template cannot be parsed; for operators and statements of other languages (`&&`, `?`, `eq`, `{% end %}`, `\\| default: x`), the hint names the equivalent",
            "fix it; for literal braces, or templates of another program, set `template: false`";
        Undefined, "undefined", Error, Invalid, false,
            "a template uses a name that is not defined, or has no value in this environment",
            "use the suggested name, set a value, or add a `default`";
        OversizedValue, "oversized-value", Error, Invalid, false,
            "a computed value is larger than 1 MiB",
            "compute less, or keep large data elsewhere";
        TemplateFailed, "template-failed", Error, Invalid, false,
            "a filter or function failed, or a template exceeded its step limit; details are omitted if the template read a secret",
            "see the message; [try it](templates.md#failures) with harmless values";
        TemplateCycle, "template-cycle", Error, Invalid, false,
            "entries or variables refer to each other in a cycle",
            "give one of them a literal value";
        UnknownValue, "unknown-value", Error, Invalid, false,
            "a template processes the value of a `ref`, which [stays in a store](templates.md#values-that-stay-in-a-store)",
            "only insert it, or set the value in a layer";
        InvalidContent, "invalid-content", Error, Invalid, false,
            "the format cannot represent the structure, or the key has no known format",
            "see the hint; add `format:`";
        InvalidValue, "invalid-value", Error, Invalid, true,
            "a value violates one of its rules, or is not valid base64 for `!!binary`",
            "fix the value or the rule";
        MissingRequired, "missing-required", Error, Invalid, true,
            "a required key has no value in the environments listed",
            "set it in each of them";
        DeprecatedKey, "deprecated-key", Warning, Invalid, true,
            "a deprecated key has a value",
            "follow its deprecation message";
        RenamedKey, "renamed-key", Warning, Invalid, true,
            "a layer sets a key under its [former name](layers.md#renamed-keys)",
            "run `septum check --fix`, or `septum rename OLD NEW` for encrypted layers too";
        ConflictingNames, "conflicting-names", Error, Invalid, false,
            "a key is set under its former name and its current one, or its former name is that of another key",
            "keep one of them";
        NotRenamed, "not-renamed", Error, Invalid, false,
            "`septum rename` cannot rename a key everywhere: a template computes names of keys, or output would change; nothing was written",
            "edit the place shown, then run the command again";
    }
    "Routing" {
        DeclaredPlain, "declared-plain", Error, Invalid, true,
            "an entry is declared `sensitive: false`, but computed from a secret",
            "remove `sensitive: false`, or use `declassify(value, \"why\")`";
        MissingReason, "missing-reason", Error, Invalid, true,
            "an entry whose name or value looks like a secret is declared `sensitive: false` without a reason",
            "add `reason:`";
        SecretInPlainOutput, "secret-in-plain-output", Error, Invalid, true,
            "output that anyone can read contains a secret value, literally or encoded: [the last gate](routing.md#the-last-gate); nothing was written",
            "derive it from the secret with a template, refer to the Secret, or use `declassify` or `allow`";
    }
    "Check" {
        PlaintextSecret, "plaintext-secret", Error, Invalid, true,
            "an unencrypted layer, file or manifest contains a literal credential",
            "store it with `septum set ENV KEY`, remove it from the file, and rotate the credential";
        PlaintextManifest, "plaintext-manifest", Warning, Invalid, true,
            "a manifest of a Secret has values in plaintext that no detector takes for credentials",
            "encrypt the file with `septum encrypt FILE`, or make the values entries of a ConfigMap";
        SealedElsewhere, "sealed-elsewhere", Warning, Invalid, true,
            "a SealedSecret among the manifests gets another name or namespace than it is sealed for",
            "seal it for the name and the namespace that it has in the output, or with a wider scope";
        RefInContent, "ref-in-content", Warning, Invalid, true,
            "a `ref` inside `content`, which is written literally",
            "use a separate key: `KEY: { ref: … }`";
        UndeclaredSecret, "undeclared-secret", Warning, Invalid, true,
            "a key is routed to the Secret only because of its name or value",
            "run `septum check --fix`, or set `sensitive: false` with a `reason`";
        ExpiredSecret, "expired-secret", Error, Invalid, true,
            "a value is no longer valid on the day of `--at`, by its [`expires`](layers.md#lifecycle) or its certificate",
            "replace the value, then set `expires` to its new last day";
        ExpiringSecret, "expiring-secret", Warning, Invalid, true,
            "a value expires within 30 days of the day of `--at`",
            "replace the value, then set `expires` to its new last day";
        OverdueRotation, "overdue-rotation", Warning, Invalid, true,
            "a value is older than its [`rotateEvery`](layers.md#lifecycle) on the day of `--at`, by the commit that changed it last",
            "replace the value, and commit it";
        MissingEnvironment, "missing-environment", Warning, Invalid, true,
            "a key has a value in some environments but not in others, and no default",
            "set a value, or `KEY: null`, in those environments";
        SharedSecret, "shared-secret", Warning, Invalid, true,
            "production (`prod`, `live`, `prod-eu` …) and another environment have the same secret value in separate layers, and no rule `promote: always` says that it is shared; reported if both can be decrypted",
            "set a separate value for production: `septum set prod KEY`, or declare `promote: always` if it is shared on purpose";
        WaitingPromotion, "waiting-promotion", Warning, Invalid, true,
            "an [incoming file](promote.md#without-a-key-of-the-target) has values that wait to be merged into an environment",
            "run `septum promote ENV --staged` with a key of the environment, or remove the file";
        UnusedEntry, "unused-entry", Warning, Invalid, true,
            "a key has no value in any environment",
            "remove it, or set `required: true`";
        UnusedVariable, "unused-variable", Warning, Invalid, true,
            "no template reads a variable",
            "remove it";
        UnusedLayer, "unused-layer", Warning, Invalid, true,
            "no layer extends a mixin, so no environment has what is in it",
            "name it under `extends`, or remove it";
        UnusedAllow, "unused-allow", Warning, Invalid, true,
            "an `allow`, or a line of the baseline, matches no finding",
            "remove it";
        ExpiredAllow, "expired-allow", Warning, Invalid, true,
            "the `until` date of an `allow` has passed",
            "fix the finding, or set a later date";
        Substitution, "substitution", Warning, Invalid, true,
            "Flux would substitute `${NAME}` in an object",
            "add the annotation from the hint, or write `$${NAME}`";
        ResourceSetTemplate, "resource-set-template", Warning, Invalid, true,
            "an object that a ResourceSet of the Flux Operator has as its template (`delivery.flux.resourceSet`) contains `<<`, which begins an expression",
            "escape it as the hint shows, or keep the object out of the template";
        FluxDecryption, "flux-decryption", Warning, Invalid, true,
            "Flux [does not decrypt](gitops.md#what-flux-decrypts) an encrypted file, or cannot: a file of `configMapGenerator`, a symbolic link, more than 5 MiB, an encrypted `kind`; or an annotation disables it",
            "follow the hint";
        InvalidBaseline, "invalid-baseline", Error, Invalid, false,
            "`.septum-baseline.yaml` is not in the format that `--write-baseline` writes; exit code 2",
            "rewrite it with `--write-baseline`";
    }
    "Objects" {
        InvalidKey, "invalid-key", Error, Invalid, true,
            "a key is not valid in a ConfigMap or Secret",
            "use the nearest valid key";
        InvalidName, "invalid-name", Error, Invalid, true,
            "a file beside `base.yaml` whose name is not a DNS label, and so not a valid environment; an invalid name, namespace, label or annotation; a name too long for a hash suffix; the same object generated twice by apps, bundles or manifests (both places are shown); a manifest with the name of a bundle",
            "rename it, or use different namespaces";
        NoNamingKey, "no-naming-key", Error, Invalid, false,
            "`names: hashed` with a Secret, but without an encrypted layer to derive the key for its [name](output.md#names)",
            "encrypt the secrets; or set `names: plain`, or `names: kustomize` if that is acceptable";
        InvalidManifest, "invalid-manifest", Error, Invalid, false,
            "a document of `manifests` is not a valid object: `apiVersion`, `kind` or `metadata.name` is missing; the API version does not have the kind; a value has the tag `!!binary`, or is `.nan` or `.inf`",
            "complete or fix it";
        InvalidPatch, "invalid-patch", Error, Invalid, false,
            "a patch is not a valid strategic merge patch or list of JSON6902 operations, has an invalid target, or cannot be applied to an object that it selects",
            "fix the patch as described in the message";
        UnmatchedPatch, "unmatched-patch", Error, Invalid, false,
            "a patch selects no object, or, without `target`, more than one",
            "fix `target`, or `apiVersion`, `kind` and `metadata` of the patch";
        UnmatchedImage, "unmatched-image", Warning, Invalid, true,
            "a name under `images` or `replicas` matches nothing in the manifests",
            "fix the name, or remove the entry";
        UnmatchedReference, "unmatched-reference", Warning, Invalid, true,
            "a rule under `references` of `septum.yaml` matches no field of the manifests, or nothing refers to an object under `external`",
            "fix the rule or the name, or remove it";
        RemovedApi, "removed-api", Warning, Invalid, true,
            "Kubernetes no longer serves the API version of an object",
            "use the version from the hint, and compare the fields";
        SecretInManifest, "secret-in-manifest", Error, Invalid, true,
            "a template puts a sensitive value into an object that is not a Secret, or into a Secret outside of the values of `data` and `stringData`",
            "refer to the Secret, [wire it](workloads.md), insert the value only under `data` or `stringData`, or use `declassify`";
        Bug, "bug", Error, Bug, false,
            "a template or an environment makes septum panic; the others are still rendered; exit code 101",
            "report it";
        Wiring, "wiring", Error, Invalid, false,
            "a `septum.dev/…` annotation is in a place where it has no effect, or its value is invalid",
            "move or fix it";
        DanglingReference, "dangling-reference", Error, Invalid, true,
            "a workload refers to an object or a key that is not defined",
            "use the suggested name, or declare it under `external`";
        HalfBundle, "half-bundle", Warning, Invalid, true,
            "a container uses all keys of a bundle's ConfigMap as variables, but none of its Secret, or the reverse; or an object uses a bundle's Secret as a whole, but not the Secret with [its values from a store](workloads.md#values-that-stay-in-a-store)",
            "add the other object too, or wire the bundle";
        HashedNameInJob, "hashed-name-in-job", Warning, Invalid, false,
            "a `Job` or a `CronJob` uses an object with a [hash in its name](output.md#names), and a controller may prune [old objects](gitops.md#old-objects)",
            "set `names: plain` for that bundle, or `delivery: { prune: keep }`";
        UnportableVariable, "unportable-variable", Warning, Invalid, false,
            "a workload uses a key as an environment variable whose name is not portable across clusters and shells",
            "rename it, or mount it as a file";
        UnknownReference, "unknown-reference", Warning, Invalid, false,
            "a field contains the name of an object with a hash suffix, but no rule covers the field",
            "if it is a reference, add a [rule](layers.md#the-project-file)";
        UnusedRbac, "unused-rbac", Warning, Invalid, false,
            "`rbac` on a bundle without a Secret",
            "remove it";
        OversizedObject, "oversized-object", Error, Invalid, true,
            "an object has more than 1 MiB of values, or 256 KiB of annotations; a warning if only a client-side `kubectl apply` fails",
            "keep large data elsewhere; use `kubectl apply --server-side`";
        TypedSecret, "typed-secret", Error, Invalid, true,
            "a [typed Secret](layers.md#types-of-secrets) lacks a key, or has a value that its type does not allow; a warning if it may be intended, such as a Docker configuration without credentials, or with an `auth` that contradicts the password beside it",
            "see the message";
        ShadowedVariable, "shadowed-variable", Warning, Invalid, true,
            "two sources of a container's environment variables have the same key, and the later one shadows the other",
            "rename one, or add a `prefix` to one source";
        UnreadableMount, "unreadable-mount", Warning, Invalid, true,
            "a Secret is mounted readable by root only (`0400`) into a container that does not run as root, in a pod without `fsGroup`",
            "set `securityContext: { fsGroup: NUMBER }` on the pod, or `defaultMode: 0444`";
        ImmutableName, "immutable-name", Warning, Invalid, true,
            "objects are `immutable: true` and have `names: plain`, so that their values cannot be changed in the cluster",
            "set `names: hashed`, or remove `immutable`";
        EmptyValue, "empty-value", Warning, Invalid, true,
            "a `required` key has an empty or whitespace-only value",
            "set a value, or remove `required`";
        InvisibleCharacter, "invisible-character", Warning, Invalid, true,
            "a value of a layer contains a character that is invisible or looks like a space (a no-break or zero-width space, a byte-order mark), or a file contains a byte-order mark; not reported if written as an escape, nor for a no-break space between non-ASCII letters",
            "write an ordinary space, or `\\u00A0` in double quotes if it is intended";
        MissingLineFeed, "missing-line-feed", Warning, Invalid, true,
            "an SSH key does not end with a line feed, so `ssh` cannot read it",
            "add a line feed at the end of the file";
        TrailingLineFeed, "trailing-line-feed", Warning, Invalid, true,
            "a single-line secret in an unencrypted file or block scalar ends with a line feed, which becomes part of a variable, and `%0A` in a URL; for a key with an extension, only reported if a template reads it",
            "write the file without it, or the block scalar as `\\|-`";
        CarriageReturn, "carriage-return", Warning, Invalid, true,
            "a file has Windows line endings (not reported for `.bat`, `.cmd`, `.csv`, `.eml`, `.http`, `.ps1`, `.reg`, `.vcf`)",
            "save it with LF line endings";
        TypographicQuotes, "typographic-quotes", Warning, Invalid, true,
            "a value is enclosed in quotes such as `“` and `”`, or is a word that begins or ends with one, which are part of the value",
            "use `\"`, or no quotes";
        SingleBraces, "single-braces", Warning, Invalid, true,
            "a value contains the name of a key or a variable in single braces, or `{env.name}` and the like",
            "write `{{ data.KEY }}`, or set `template: false` if it is intended";
        ControlCharacter, "control-character", Warning, Invalid, false,
            "a value contains a character that kustomize rejects or changes, or that an environment variable cannot contain",
            "remove it, or encode the value";
    }
    "Delivery" {
        Delivery, "delivery", Error, Invalid, false,
            "`delivery` lacks a setting that the form of the secrets requires, or a Secret cannot be delivered in that form: it has no namespace for sealing, or an annotation with another scope",
            "see the hint";
        InvalidRecipient, "invalid-recipient", Error, Invalid, false,
            "`delivery.recipients` contains an invalid or unsupported public key",
            "write `age1…`; a private key that was pasted here is compromised";
        Certificate, "certificate", Error, Invalid, true,
            "the certificate is unusable for sealing: it cannot be parsed, has no RSA key or a short one, or its file contains a private key. A warning if it has expired, expires within 30 days, or is not yet valid",
            "run `kubeseal --fetch-cert > cert.pem`";
        UnstableCiphertext, "unstable-ciphertext", Warning, Invalid, false,
            "ciphertext [changes on every run](gitops.md#stable-ciphertext), because no layer of the environment is encrypted",
            "encrypt the secrets";
        PlaintextOutput, "plaintext-output", Error, Invalid, false,
            "a plaintext Secret would be written to a directory tracked by Git",
            "encrypt it, let Git ignore the directory, or use `--allow-plaintext` if that is acceptable";
        EncryptedOutput, "encrypted-output", Warning, Invalid, false,
            "the Secrets on standard output are ciphertext, which the API server rejects",
            "use `--delivery manifest`, or write a tree that Flux decrypts";
        StaleOutput, "stale-output", Error, Invalid, true,
            "the output directory is out of date, or contains files that are not generated; exit code 1 of `render --check` and `check --rendered`",
            "run the command from the hint, and commit";
        Unseen, "unseen", Error, Key, false,
            "files could not be rendered without a key; exit code 3, everything else is done",
            "render with a key of the environment";
        UnverifiedSecret, "unverified-secret", Error, Key, true,
            "the values of a Secret in the output directory cannot be verified without a key; everything else is up to date. Exit code 3 of `render --check` and `check --rendered`, a warning with `--keyless`",
            "check with a key of the environment";
    }
    "SOPS" {
        NoIdentity, "no-identity", Error, Key, false,
            "none of the available age identities can decrypt the file; exit code 3",
            "set `SOPS_AGE_KEY_FILE`; the message lists the recipients and every place searched";
        Tampered, "tampered", Error, Invalid, false,
            "a value, the data key or the MAC was changed after encryption",
            "restore the file from Git";
        CiphertextAsValue, "ciphertext-as-value", Error, Invalid, false,
            "SOPS ciphertext in a place where it cannot be decrypted: the `sops` block of the file was lost, the selector leaves the key in plaintext, or the value was copied",
            "restore the file with its block: `git log -p -- FILE`, `git checkout COMMIT -- FILE`; do not encrypt it again";
        AmbiguousKey, "ambiguous-key", Error, Invalid, false,
            "an encrypted value is below a key that contains `:`, so the [format](sops-format.md#8-what-the-format-does-not-protect) cannot distinguish which keys lead to it",
            "restore the file from Git, or rename the key";
        PrivateKey, "private-key", Error, Invalid, false,
            "`.sops.yaml` or `septum.yaml` contains a private key",
            "generate a new one with `septum keygen`, replace the key with its recipient, then run `septum rekey`";
        SopsPlaintext, "sops-plaintext", Error, Invalid, false,
            "a value is in plaintext although the file's selector requires it to be encrypted",
            "`septum encrypt FILE` [encrypts it](secrets.md#plaintext-in-an-encrypted-file); or restore it, then use `septum set`";
        RecipientsDrift, "recipients-drift", Error, Invalid, true,
            "a file is not encrypted for the recipients of its rule; a warning when it is read, with or without a key (`check --keyless`), an error when it would be changed, exit code 1 of `rekey --check`",
            "review the change of the rule, then run `septum rekey`";
        SelectorDrift, "selector-drift", Error, Invalid, true,
            "a file encrypts other values than its rule requires; severity and exit code as for `recipients-drift`",
            "review the change of the rule, then run `septum rekey`";
        IdentityFile, "identity-file", Error, Invalid, false,
            "the file of `keygen -y` contains no identities, or a line that is not an identity; exit code 3 if the passphrase is wrong or missing",
            "specify an identity file";
        ExposedKey, "exposed-key", Warning, Invalid, false,
            "`keygen` writes to a file that other users can read",
            "use `--output FILE`";
        SopsRules, "sops-rules", Error, Invalid, false,
            "`.sops.yaml` has an unknown field, an invalid value, a glob instead of a regular expression, or a rule whose files could not be decrypted: an error for the files of that rule, a warning for all others",
            "fix the rule";
        SopsMetadata, "sops-metadata", Error, Invalid, false,
            "the `sops` block is invalid; a warning for an unknown field",
            "restore the block";
        SopsVersion, "sops-version", Error, Invalid, false,
            "the version in the `sops` block is missing, invalid or too new",
            "write the version of sops that wrote the file";
        AlteredComment, "altered-comment", Error, Invalid, false,
            "an encrypted comment does not decrypt: a warning when the file is read, an error when the data key would be replaced (`rotate`, `rekey` that removes a recipient, `decrypt -i`)",
            "restore the line from Git, or remove it: [comments](secrets.md#comments)";
        PlainComment, "plain-comment", Warning, Invalid, false,
            "a comment is in plaintext in a file with encrypted comments, so it is not authenticated",
            "review it; `septum rotate FILE` encrypts it";
        UnverifiedFile, "unverified-file", Warning, Invalid, false,
            "values [typed in plaintext](secrets.md#plaintext-in-an-encrypted-file) were encrypted, but the MAC of the other values could not be verified",
            "review `git diff` before you commit";
        UnruledFile, "unruled-file", Warning, Invalid, false,
            "no rule of `.sops.yaml` matches an encrypted file, so `rekey` skips it",
            "add a rule, or fix one";
        SopsValue, "sops-value", Error, Invalid, false,
            "a value decrypts to bytes that are not UTF-8",
            "store them in base64 or in a file";
        MergeConflict, "merge-conflict", Error, Invalid, false,
            "a file contains Git conflict markers; or both sides of a [merge](git.md#conflicts) changed a value, which is not yet resolved; exit code 1 of `git-merge`",
            "edit the file, and keep one side";
        MergeRefused, "merge-refused", Error, Invalid, false,
            "a merge would lose or expose content, or a version cannot be verified; exit code 1",
            "choose [one side](git.md#refusals)";
        MergeComments, "merge-comments", Warning, Invalid, false,
            "a merge could not keep comments from the other side",
            "add them again";
        MergeRotate, "merge-rotate", Warning, Invalid, false,
            "a former recipient knows the data key",
            "rotate the data key, and change the secrets";
    }
    "Writing SOPS files" {
        SharedValue, "shared-value", Error, Invalid, false,
            "a YAML anchor and its alias share one value, which the selector encrypts in one place and leaves in plaintext in the other",
            "move both below encrypted keys, or write the value out";
        UncheckedLayer, "unchecked-layer", Warning, Invalid, false,
            "a changed layer was not compared with the base, because the project cannot be read",
            "fix the findings of `septum check`, then check again";
        NotEncrypted, "not-encrypted", Error, Invalid, true,
            "the file is not encrypted; from `check`, with exit code 1: its name or a rule requires encryption",
            "run `septum encrypt FILE`";
        LeftoverDraft, "leftover-draft", Error, Invalid, true,
            "`check` found a `.septum-XXXXXX` file left behind by an interrupted run, or staged; it may contain plaintext",
            "remove it; rotate the secrets if it was committed";
        NoRule, "no-rule", Error, Invalid, false,
            "no rule of `.sops.yaml` matches the file, or its rule has no recipients",
            "add a rule, or add recipients to it; `encrypt` also accepts `--age`";
        AlreadyEncrypted, "already-encrypted", Error, Invalid, false,
            "the file is already encrypted: it has a `sops` block",
            "edit it as an encrypted file";
        ReservedKey, "reserved-key", Error, Invalid, false,
            "a key of the document is reserved for SOPS metadata",
            "rename the key";
        NothingEncrypted, "nothing-encrypted", Warning, Invalid, false,
            "all values of the file are empty, and the format does not encrypt empty values",
            "set values with `septum set` or `septum edit`";
        PlainSecret, "plain-secret", Warning, Invalid, false,
            "a value looks like a secret, and the selector leaves it in plaintext",
            "change the selector, then `septum rekey`";
        RedactionMark, "redaction-mark", Error, Invalid, false,
            "`set`, `edit` or `encrypt` would store a mark that stands for a hidden value, such as `[secret]`, `***` or `REDACTED`",
            "leave the value out, or have a person set it: see [assistants](agents.md)";
        PlainValue, "plain-value", Error, Invalid, false,
            "`set` would write a value where the file's selector leaves it in plaintext",
            "move it below an encrypted key; use `--plain` if it is not a secret";
        LineEnds, "line-ends", Warning, Invalid, false,
            "the line endings of a dotenv file were changed from CRLF to LF: to sops, the CR is part of the value",
            "no action required";
        NothingSelected, "nothing-selected", Error, Invalid, false,
            "the selector matches no value, so the whole file would stay in plaintext",
            "fix the selector";
        NoContent, "no-content", Error, Invalid, false,
            "the file contains nothing to encrypt",
            "add keys to the file";
        NotAMapping, "not-a-mapping", Error, Invalid, false,
            "the root of the file is not a mapping",
            "add keys to the file";
        JsonSyntax, "json-syntax", Error, Invalid, false,
            "the file is not valid JSON",
            "fix the line";
        DotenvSyntax, "dotenv-syntax", Error, Invalid, false,
            "a line is neither `KEY=value` nor a comment",
            "fix the line";
        IniSyntax, "ini-syntax", Error, Invalid, false,
            "a line is neither a section, a key nor a comment",
            "fix the line";
        SopsPath, "sops-path", Error, Invalid, false,
            "the path does not exist in the file, or leads to a value of another type",
            "compare the path with the file";
        Recipient, "recipient", Error, Invalid, false,
            "there are no recipients, or one is invalid or unsupported",
            "specify one such as `age1…`";
        ForeignRecipient, "foreign-recipient", Error, Invalid, false,
            "a new data key would have to be encrypted by an external key service",
            "rotate with sops, or remove that recipient first";
        WouldExpose, "would-expose", Error, Invalid, false,
            "a new selector, a new name of a key, or a comment that was added or removed, would decrypt values that are now encrypted: for comments, a warning when the file is read; for names, one after `edit`",
            "fix the selector, choose another name, or restore the comment";
        KnownSecrets, "known-secrets", Warning, Invalid, false,
            "a removed recipient could read the old values",
            "change the secrets themselves";
        RewordedValue, "reworded-value", Warning, Invalid, false,
            "a number or a timestamp is written back as [a different string](secrets.md#whole-files)",
            "quote it";
        TemplateValue, "template-value", Error, Invalid, false,
            "a value passed to `set` would be rendered as a template",
            "set `template: false` in the base, or use `--template`";
        ShadowedValue, "shadowed-value", Warning, Invalid, false,
            "another value of the environment is in plaintext",
            "remove it";
        MovedKey, "moved-key", Warning, Invalid, false,
            "a key moves to the Secret, because its value is now encrypted",
            "declare `sensitive: true`";
        MissingValue, "missing-value", Error, Invalid, false,
            "the key of `get` has no value",
            "set it with `septum set`";
        NoRandomness, "no-randomness", Error, Io, false,
            "the system's random number generator failed",
            "fix the system";
    }
    "Import" {
        ImportDifference, "import-difference", Error, Found, false,
            "an object or a value that `import` wrote renders to something else than what was read; exit code 1",
            "compare the two, and correct the layer";
        ImportLoss, "import-loss", Warning, Invalid, false,
            "`import` could not express a part of what it read",
            "follow the hint";
        ImportDialect, "import-dialect", Warning, Invalid, false,
            "[readers of dotenv files disagree](import.md#dotenv) on the value of a line",
            "check that the value is the one that the application got";
        Kustomization, "kustomization", Error, Invalid, false,
            "a kustomization cannot be imported: it is invalid, kustomize does not build it, or it names a remote resource; nothing was written",
            "follow the hint; see [from kustomize](from-kustomize.md)";
    }
    "Eject" {
        EjectDifference, "eject-difference", Error, Found, false,
            "an object that `eject` wrote is not the one that is rendered; exit code 1",
            "compare the two, and correct what was written";
    }
    "Editing" {
        Editor, "editor", Error, Io, false,
            "no editor is set or found, or it could not be started, or it failed; exit code 4, or 2 for an unclosed quote in the variable",
            "set `EDITOR`";
        NoPrivateDirectory, "no-private-directory", Error, Io, false,
            "no in-memory directory is available, so the plaintext would be written to disk; exit code 4",
            "mount a `tmpfs`, or use `--allow-disk`";
        NotEdited, "not-edited", Error, Invalid, false,
            "the edited text was invalid and discarded; the file is unchanged",
            "edit it again";
        ChangedMeanwhile, "changed-meanwhile", Error, Invalid, false,
            "someone else removed the file or changed the same value while the command was running: [their change is kept](secrets.md#several-people-at-once)",
            "review their change, and run the command again";
        HardLink, "hard-link", Error, Invalid, false,
            "the file has other hard links, which would keep the old content: it is [replaced as a whole](secrets.md#several-people-at-once)",
            "turn the hard link into a separate file as described in the hint";
        KeptText, "kept-text", Warning, Invalid, false,
            "text from an `edit` that could not be saved is still in memory",
            "recover what you need, then remove it";
    }
}
