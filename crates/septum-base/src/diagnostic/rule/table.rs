//! The rules: id, default severity, exit class, whether a finding of it can be accepted (`allow`, baseline), what it means, and
//! what to do. The tables of `docs/errors.md` are generated from here.

use super::rules;

rules! {
    "Command line and project" {
        Usage, "usage", Error, Invalid, false,
            "the command line asks for what is not there, or `init` would overwrite",
            "see `septum help`";
        NoProject, "no-project", Error, Invalid, false,
            "no `septum.yaml` and no `base.yaml` here or above",
            "change the directory, name it with `-C`, or run `septum init`";
        ProjectFile, "project-file", Error, Invalid, false,
            "`septum.yaml` is no YAML, or has an unknown field or a bad glob",
            "mend it as the message says";
        NoEnvironment, "no-environment", Error, Invalid, false,
            "an app has no environment, so nothing is rendered of it",
            "create `NAME.yaml` beside its `base.yaml`; it may be empty";
        UnknownFile, "unknown-file", Error, Invalid, false,
            "a file [beside a layer](layers.md#names-of-files) looks like a layer or its encrypted half, and is not; a `septum.yml`",
            "rename it as the hint says, move it to a directory, or remove it";
        LostApp, "lost-app", Error, Invalid, false,
            "a tree has an app that no longer exists, and would lose it",
            "restore its directory or its name, or say `--prune`";
        LostEnvironment, "lost-environment", Error, Invalid, false,
            "a tree has an environment that no app has any more, or that an app lost, and would lose it",
            "restore its file, or say `--prune`";
        NoApp, "no-app", Error, Invalid, false,
            "a glob of `apps` matches no directory with a `base.yaml`",
            "mend the glob, or create the app";
        UnknownApp, "unknown-app", Error, Invalid, false,
            "`--app` names none",
            "take the suggested name; `septum list` shows all";
        UnknownBundle, "unknown-bundle", Error, Invalid, false,
            "`--bundle` names none of the environment",
            "take one of those listed";
        UnknownEnvironment, "unknown-environment", Error, Invalid, false,
            "no app, or not the named one, has this environment",
            "take one of those listed, or create `NAME.yaml`";
        RulesFile, "rules-file", Error, Invalid, false,
            "a file of `--rules` is no TOML, has no rule, an unknown field, or a regular expression that cannot be taken",
            "mend it as the message says; see [your own rules](check.md#your-own-rules)";
        Git, "git", Error, Invalid, false,
            "`check --staged` could not ask Git what is staged; exit code 4",
            "do what Git says; run it in a repository";
        Unmerged, "unmerged", Error, Invalid, false,
            "a file is in conflict, so that nobody knows what would be committed",
            "resolve it, then `git add` it";
    }
    "Files" {
        MissingFile, "missing-file", Error, Invalid, false,
            "a file that a layer names, or the directory in `shared`, does not exist, is a directory, or is a link that leads nowhere or in a circle; exit code 4 for a file that the command line names, also where the name of an environment was given",
            "fix the path: it is relative to the layer; replace the link with the file";
        MissingLayer, "missing-layer", Error, Invalid, false,
            "`extends` names a layer that has no file",
            "mend the name, or create the file";
        ExtendsCycle, "extends-cycle", Error, Invalid, false,
            "layers extend each other in a circle",
            "remove one of the lines shown; move what several need to a mixin";
        OutsideProject, "outside-project", Error, Invalid, false,
            "a path is absolute or leads out of the project or the repository, perhaps through a link: see [which files are read](layers.md#which-files-are-read)",
            "copy the file into the project; name the file itself, and not the link to it";
        FileTooBig, "file-too-big", Error, Invalid, false,
            "a file is larger than 1 MiB, or one of manifests than 16 MiB",
            "keep large data elsewhere; split manifests into several files";
        BudgetExceeded, "budget-exceeded", Error, Invalid, false,
            "the project asks one run for more work than it may do: directories searched for patterns, steps of templates, bytes of values; see [limits](layers.md#limits)",
            "do what the hint says: narrower patterns, fewer targets at once, less computed";
        NotUtf8, "not-utf8", Error, Invalid, false,
            "a layer or template is no UTF-8 text",
            "save it as UTF-8; bytes can be the `file` of an entry";
        Unreadable, "unreadable", Error, Invalid, false,
            "a file or directory could not be read (exit code 4), or is a pipe, a device or a socket",
            "fix its permissions; replace it with a regular file";
        Unwritable, "unwritable", Error, Invalid, false,
            "output or a file could not be written; exit code 4",
            "make room, mend permissions";
        OutputDirectory, "output-directory", Error, Invalid, false,
            "the output directory is the project, a repository, or holds sources, or the path to it goes through a symbolic link",
            "name a directory of its own";
        ForeignFile, "foreign-file", Error, Invalid, false,
            "a file that septum did not write is where it would write its own; nothing was written",
            "move it, or choose another directory";
        StaleFile, "stale-file", Warning, Invalid, false,
            "a file is no longer generated, and somebody may have edited it, so it was kept",
            "remove it, or move it elsewhere";
        StrayFile, "stray-file", Warning, Invalid, false,
            "something in the tree is not generated by anything, and septum did not write it: it was left. A controller that applies the directory may apply it",
            "remove it, or move it elsewhere";
        Inventory, "inventory", Error, Invalid, false,
            "the list of Septum's files cannot be read, or holds a conflict of a merge",
            "take either side, or delete it, and render again";
        OutputBusy, "output-busy", Error, Invalid, false,
            "another run is writing to the output directory, or has since this one looked",
            "render again";
    }
    "YAML" {
        YamlSyntax, "yaml-syntax", Error, Invalid, false,
            "it is not YAML",
            "quote values that start with `{{`, `*`, `&`, `!`, `@`, `%`, or hold `: ` or ` #`";
        TabIndentation, "tab-indentation", Error, Invalid, false,
            "a tab indents a line",
            "use spaces";
        DuplicateKey, "duplicate-key", Error, Invalid, false,
            "a key stands twice in one mapping",
            "remove one";
        ComplexKey, "complex-key", Error, Invalid, false,
            "a key is no text, or missing",
            "write a text, in quotes if need be";
        SeveralDocuments, "several-documents", Error, Invalid, false,
            "a second document after `---`",
            "give it a file of its own";
        UnknownTag, "unknown-tag", Error, Invalid, false,
            "a tag that is none of YAML's own",
            "remove it, or quote a value that starts with `!`";
        MergeKey, "merge-key", Error, Invalid, false,
            "`<<` with something that is no mapping",
            "name an anchor of a mapping, or quote the key";
        UndefinedAlias, "undefined-alias", Error, Invalid, false,
            "`*name` without `&name` before it",
            "define it, or quote a value that starts with `*`";
        RecursiveAlias, "recursive-alias", Error, Invalid, false,
            "an alias within its own anchor",
            "write the value out";
        AliasBomb, "alias-bomb", Error, Invalid, false,
            "aliases multiply the file beyond measure",
            "use fewer aliases of aliases";
        TooDeep, "too-deep", Error, Invalid, false,
            "more than 64 collections lie in each other",
            "flatten the structure";
    }
    "Layers" {
        UnknownField, "unknown-field", Error, Invalid, false,
            "a layer, bundle or entry has no such field",
            "take the suggested name; fields of other tools (`default`, `secret`, `env`, `min`) are named with what there is here";
        InvalidField, "invalid-field", Error, Invalid, false,
            "a field holds something else than it should, or stands in a layer where it may not",
            "write what the message expects";
        EncryptedField, "encrypted-field", Error, Invalid, false,
            "a field that is shown in plain text (a label, a rule, a description) is encrypted",
            "move it to a layer that is not encrypted";
        Unsupported, "unsupported", Error, Invalid, false,
            "a file of `manifests` is encrypted",
            "put its values into an encrypted layer, and templates into the file";
        UnknownKey, "unknown-key", Error, Invalid, true,
            "an environment sets or removes an entry or a variable that nothing defines; or `explain` was asked for no key",
            "fix the name, define it in the base, or open the bundle";
        BlankValue, "blank-value", Error, Invalid, false,
            "`KEY:` with nothing after it",
            "write `\"\"`, `null`, or `{ required: true }`";
        TwoSources, "two-sources", Error, Invalid, false,
            "an entry has more than one of `value`, `file`, `template`, `content`, `ref`, or a bundle `registries` and their key",
            "keep one";
        NotAList, "not-a-list", Error, Invalid, false,
            "`list+:` or `+list:` adds to what is no list",
            "write `list:` to replace it";
        LoweredSensitivity, "lowered-sensitivity", Error, Invalid, false,
            "a layer would take back `sensitive: true`, or an environment declares plain",
            "declare it in the base, with a `reason`";
    }
    "Templates and values" {
        TemplateSyntax, "template-syntax", Error, Invalid, false,
            "a template cannot be parsed; operators and statements of other languages (`&&`, `?`, `eq`, `{% end %}`, `\\| default: x`) are named with what is written here",
            "mend it; for literal braces, or templates of another program, `template: false`";
        Undefined, "undefined", Error, Invalid, false,
            "a template uses what is not defined, or has no value in this environment",
            "take the suggested name, set it, or give a `default`";
        OversizedValue, "oversized-value", Error, Invalid, false,
            "a computed value is larger than 1 MiB",
            "compute less, or keep large data elsewhere";
        TemplateFailed, "template-failed", Error, Invalid, false,
            "a filter or function failed, or a template ran too long; of a template that has read a secret, no more is said",
            "see the message; [try it](templates.md#failures) with harmless values";
        TemplateCycle, "template-cycle", Error, Invalid, false,
            "entries or variables refer to each other in a circle",
            "give one of them a value of its own";
        UnknownValue, "unknown-value", Error, Invalid, false,
            "a template does something with the value of a `ref`, which [stays in a store](templates.md#values-that-stay-in-a-store)",
            "place it and no more, or give the value in a layer";
        InvalidContent, "invalid-content", Error, Invalid, false,
            "the format cannot hold the structure, or none is known for the key",
            "see the hint; add `format:`";
        InvalidValue, "invalid-value", Error, Invalid, true,
            "a value breaks one of its rules, or is no base64 for `!!binary`",
            "mend the value or the rule";
        MissingRequired, "missing-required", Error, Invalid, true,
            "a required key has no value in the environments named",
            "set it in each of them";
        DeprecatedKey, "deprecated-key", Warning, Invalid, true,
            "a key that is deprecated has a value",
            "do what its text says";
    }
    "Routing" {
        DeclaredPlain, "declared-plain", Error, Invalid, true,
            "an entry is declared plain and computed from a secret",
            "remove `sensitive: false`, or lift it with `declassify(value, \"why\")`";
        MissingReason, "missing-reason", Error, Invalid, true,
            "an entry is declared plain against its name or value, without a reason",
            "add `reason:`";
        SecretInPlainOutput, "secret-in-plain-output", Error, Invalid, true,
            "what everybody may read holds the value of a secret, as it is or encoded: [the last gate](routing.md#the-last-gate); nothing was written",
            "make it of the secret with a template, refer to the Secret, `declassify`, or `allow` it";
    }
    "Check" {
        PlaintextSecret, "plaintext-secret", Error, Invalid, true,
            "a literal credential lies in a layer, a file or a manifest that is not encrypted",
            "`septum set ENV KEY`, remove it there, and change it where it is valid";
        RefInContent, "ref-in-content", Warning, Invalid, true,
            "a `ref` within `content`, which is written as it stands",
            "a key of its own: `KEY: { ref: … }`";
        UndeclaredSecret, "undeclared-secret", Warning, Invalid, true,
            "a key goes to the Secret for nothing but its name or value",
            "`septum check --fix`, or `sensitive: false` with a `reason`";
        MissingEnvironment, "missing-environment", Warning, Invalid, true,
            "a key has a value in one environment and none in another, and no default",
            "give it one, or say `KEY: null` there";
        SharedSecret, "shared-secret", Warning, Invalid, true,
            "production (`prod`, `live`, `prod-eu` …) and another environment have the same secret, each in a layer of its own; reported where both could be decrypted",
            "give production one of its own: `septum set prod KEY`";
        UnusedEntry, "unused-entry", Warning, Invalid, true,
            "no environment gives a key a value",
            "remove it, or say `required: true`";
        UnusedVariable, "unused-variable", Warning, Invalid, true,
            "no template reads a variable",
            "remove it";
        UnusedAllow, "unused-allow", Warning, Invalid, true,
            "an `allow`, or a line of the baseline, accepts what is not found",
            "remove it";
        ExpiredAllow, "expired-allow", Warning, Invalid, true,
            "the last day of an `allow` is past",
            "mend it, or give it another day";
        Substitution, "substitution", Warning, Invalid, true,
            "Flux would replace `${NAME}` in an object",
            "the annotation of the hint, or `$${NAME}`";
        InvalidBaseline, "invalid-baseline", Error, Invalid, false,
            "`.septum-baseline.yaml` is not what `--write-baseline` writes; exit code 2",
            "write it anew";
    }
    "Objects" {
        InvalidKey, "invalid-key", Error, Invalid, true,
            "not a key of a ConfigMap or Secret",
            "take the nearest valid one";
        InvalidName, "invalid-name", Error, Invalid, true,
            "a file beside `base.yaml` whose name is no DNS label, and so no environment; not a name, namespace, label or annotation; a name without room for its hash; the same object is made twice, by apps, bundles or manifests (both places are shown), or a manifest goes by the name of a bundle",
            "rename, or use namespaces";
        NoNamingKey, "no-naming-key", Error, Invalid, false,
            "`names: hashed`, a Secret, and no encrypted layer that gives a key for its [name](output.md#names)",
            "encrypt the secrets; or `names: plain`, or knowingly `names: kustomize`";
        InvalidManifest, "invalid-manifest", Error, Invalid, false,
            "a document of `manifests` is no object: it lacks `apiVersion`, `kind` or `metadata.name`; its API version does not have its kind; a value has the tag `!!binary`",
            "complete or correct it";
        RemovedApi, "removed-api", Warning, Invalid, true,
            "Kubernetes no longer serves the API version of an object",
            "take the one of the hint, and compare the fields";
        SecretInManifest, "secret-in-manifest", Error, Invalid, true,
            "a template put something sensitive into an object that is no Secret, or made more than the values under `data` and `stringData` of a Secret depend on it",
            "refer to the Secret, [wire it](workloads.md), print the value where it goes, or `declassify`";
        Bug, "bug", Error, Invalid, false,
            "a template or an environment makes septum panic; the others are rendered all the same; exit code 101",
            "report it";
        Wiring, "wiring", Error, Invalid, false,
            "a `septum.dev/…` annotation stands where it does nothing, or asks for what cannot be",
            "move or mend it";
        DanglingReference, "dangling-reference", Error, Invalid, true,
            "a workload refers to an object or a key that nothing defines",
            "take the suggested name, or declare it under `external`";
        HalfBundle, "half-bundle", Warning, Invalid, false,
            "an object takes a bundle's Secret as a whole, and not the one with [what a store has](workloads.md#values-that-stay-in-a-store) of it",
            "name that too, or wire the bundle";
        UnportableVariable, "unportable-variable", Warning, Invalid, false,
            "a workload takes a key as a variable whose name not every cluster and shell takes",
            "rename it, or mount it";
        UnknownReference, "unknown-reference", Warning, Invalid, false,
            "a field holds the name of an object with a suffix, and no rule knows it",
            "add a [rule](layers.md#the-project-file), if it is a reference";
        UnusedRbac, "unused-rbac", Warning, Invalid, false,
            "`rbac` on a bundle without a Secret",
            "remove it";
        OversizedObject, "oversized-object", Error, Invalid, true,
            "values of more than 1 MiB, or annotations of more than 256 KiB; a warning where a client-side `kubectl apply` fails",
            "keep large data elsewhere; `kubectl apply --server-side`";
        TypedSecret, "typed-secret", Error, Invalid, true,
            "a [Secret of a type](layers.md#types-of-secrets) lacks a key, or holds what the type does not allow; a warning where it may be meant, as a Docker configuration without credentials, or with an `auth` for another password than the one beside it",
            "see the message";
        ShadowedVariable, "shadowed-variable", Warning, Invalid, true,
            "two sources of a container's variables have the same key, and the later one hides the other",
            "rename one, or give one a `prefix`";
        UnreadableMount, "unreadable-mount", Warning, Invalid, true,
            "a Secret is mounted for root alone (`0400`), into a container that surely runs as somebody else, in a pod without `fsGroup`",
            "`securityContext: { fsGroup: NUMBER }` of the pod, or `defaultMode: 0444`";
        EmptyValue, "empty-value", Warning, Invalid, true,
            "a key is `required`, and its value is an empty text, or blanks alone",
            "give it a value, or leave out `required`";
        InvisibleCharacter, "invisible-character", Warning, Invalid, true,
            "a value of a layer holds a character that looks like a space or like nothing (a no-break or zero-width space, a byte-order mark), or a file a byte-order mark; not where it is written as an escape, nor a no-break space between letters that are not ASCII",
            "write an ordinary space, or `\\u00A0` in double quotes if it is meant";
        MissingLineFeed, "missing-line-feed", Warning, Invalid, true,
            "an SSH key has no line feed after its last line, so that `ssh` cannot read it",
            "end the file with one";
        TrailingLineFeed, "trailing-line-feed", Warning, Invalid, true,
            "a secret of one line, in a file or a block that is not encrypted, ends in a line feed, which is a part of a variable and `%0A` in a URL; of a key with an extension only where a template reads it",
            "write the file without it, or the block as `\\|-`";
        CarriageReturn, "carriage-return", Warning, Invalid, true,
            "a file has the line ends of Windows (not reported for `.bat`, `.cmd`, `.csv`, `.eml`, `.http`, `.ps1`, `.reg`, `.vcf`)",
            "save it with LF";
        TypographicQuotes, "typographic-quotes", Warning, Invalid, true,
            "a value is between quotes such as `“` and `”`, or is a word with one at its begin or end, which are a part of it",
            "write `\"`, or no quotes";
        SingleBraces, "single-braces", Warning, Invalid, true,
            "a value holds the name of a key or a variable in single braces, or `{env.name}` and the like",
            "write `{{ data.KEY }}`, or `template: false` if it is meant";
        ControlCharacter, "control-character", Warning, Invalid, false,
            "a text holds a character that kustomize refuses, or that no environment variable can hold",
            "remove it, or encode the value";
    }
    "Delivery" {
        Delivery, "delivery", Error, Invalid, false,
            "`delivery` lacks what the form of the secrets needs, or a Secret cannot leave in that form: it has no namespace that sealed values are bound to, or an annotation that asks for another scope",
            "see the hint";
        InvalidRecipient, "invalid-recipient", Error, Invalid, false,
            "`delivery.recipients` holds what is no public key, or one that nothing can be encrypted for",
            "write `age1…`; a private key that you pasted is known to others now";
        Certificate, "certificate", Error, Invalid, true,
            "nothing can be sealed with the certificate: it cannot be read, has no key of RSA or a short one, or its file holds a private key. A warning after its end, in the 30 days before that, and before it is valid",
            "`kubeseal --fetch-cert > cert.pem`";
        UnstableCiphertext, "unstable-ciphertext", Warning, Invalid, false,
            "ciphertext is [another one](gitops.md#stable-ciphertext) each time it is made, since no layer of the environment is encrypted",
            "encrypt the secrets";
        PlaintextOutput, "plaintext-output", Error, Invalid, false,
            "a Secret in plaintext would be written where Git takes it",
            "encrypt it, let Git ignore the directory, or knowingly `--allow-plaintext`";
        EncryptedOutput, "encrypted-output", Warning, Invalid, false,
            "the Secrets on standard output are ciphertext, which the API server refuses",
            "`--delivery manifest`, or a tree that Flux decrypts";
        StaleOutput, "stale-output", Error, Invalid, true,
            "the tree is not what the sources give, or holds something that nothing generates; exit code 1 of `render --check` and of `check --rendered`",
            "run the command of the hint, and commit";
        Unseen, "unseen", Error, Invalid, false,
            "`render` could not make files without a key; exit code 3, and all else was done",
            "let somebody with the key render";
        UnverifiedSecret, "unverified-secret", Error, Invalid, true,
            "nobody here can decrypt the values of a Secret in the tree; all else of it is as it should be. Exit code 3 of `render --check` and `check --rendered`, a warning with `--keyless`",
            "check with the key of the environment";
    }
    "SOPS" {
        NoIdentity, "no-identity", Error, Invalid, false,
            "no identity at hand opens the file; exit code 3",
            "set `SOPS_AGE_KEY_FILE`; the message names recipients and every place searched";
        Tampered, "tampered", Error, Invalid, false,
            "a value, the data key or the checksum is not as it was encrypted",
            "restore the file from Git";
        CiphertextAsValue, "ciphertext-as-value", Error, Invalid, false,
            "SOPS ciphertext where nothing can decrypt it: the `sops` block of the file was lost, the key is one that the selector leaves in plaintext, or somebody copied it",
            "restore the file with its block: `git log -p -- FILE`, `git checkout COMMIT -- FILE`; do not encrypt it again";
        AmbiguousKey, "ambiguous-key", Error, Invalid, false,
            "an encrypted value is below a key with a `:`, so that the [format](sops-format.md#8-what-the-format-does-not-protect) cannot tell which keys lead to it",
            "restore the file from Git, or rename the key";
        PrivateKey, "private-key", Error, Invalid, false,
            "`.sops.yaml` or `septum.yaml` holds a private key, in whatever place",
            "`septum keygen` makes a new one; name its recipient, then `septum rekey`";
        SopsPlaintext, "sops-plaintext", Error, Invalid, false,
            "a value stands in plaintext that the file's selector says is encrypted",
            "`septum encrypt FILE` [encrypts it](secrets.md#plaintext-in-an-encrypted-file); or restore it, then use `septum set`";
        RecipientsDrift, "recipients-drift", Error, Invalid, true,
            "a file is not encrypted for those whom its rule names; a warning where it is read, with a key or without (`check --keyless`), an error where it would be changed, exit code 1 of `rekey --check`",
            "look at the change of the rule, then `septum rekey`";
        SelectorDrift, "selector-drift", Error, Invalid, true,
            "a file encrypts other values than its rule says; likewise",
            "the same";
        IdentityFile, "identity-file", Error, Invalid, false,
            "`keygen -y` was given a file without identities, or with a line that is none; exit code 3 if it needs another passphrase",
            "name an identity file";
        ExposedKey, "exposed-key", Warning, Invalid, false,
            "`keygen` writes to a file that others may read",
            "name it with `--output`";
        SopsRules, "sops-rules", Error, Invalid, false,
            "`.sops.yaml` has an unknown field, a wrong value, a glob for a regular expression, or a rule that nobody could decrypt by: an error for the files of that rule, a warning for all others",
            "fix the rule";
        SopsMetadata, "sops-metadata", Error, Invalid, false,
            "the `sops` block is not as it should be; a warning for a field that nobody knows",
            "restore the block";
        SopsVersion, "sops-version", Error, Invalid, false,
            "the version in the block is missing, odd or too new",
            "write the version of sops that made the file";
        AlteredComment, "altered-comment", Error, Invalid, false,
            "a comment holds ciphertext that does not decrypt: a warning where the file is read, an error where the data key would be lost (`rotate`, `rekey` that removes somebody, `decrypt -i`)",
            "restore the line from Git, or remove it: [comments](secrets.md#comments)";
        PlainComment, "plain-comment", Warning, Invalid, false,
            "a comment is in plaintext where comments are encrypted, so that nobody can tell who wrote it",
            "look at it; `septum rotate FILE` encrypts it";
        UnverifiedFile, "unverified-file", Warning, Invalid, false,
            "values that were [typed in plaintext](secrets.md#plaintext-in-an-encrypted-file) were encrypted, and the checksum of the others could not be compared",
            "look at `git diff` before you commit";
        UnruledFile, "unruled-file", Warning, Invalid, false,
            "an encrypted file is under no rule of its `.sops.yaml`, so that `rekey` leaves it out",
            "add a rule, or correct one";
        SopsValue, "sops-value", Error, Invalid, false,
            "a value decrypts to bytes that are no UTF-8",
            "keep them in base64 or in a file";
        MergeConflict, "merge-conflict", Error, Invalid, false,
            "a file holds a conflict of Git; or both sides of a [merge](git.md#conflicts) changed a value, and nobody has chosen yet; exit code 1 of `git-merge`",
            "edit the file, keep one of them";
        MergeRefused, "merge-refused", Error, Invalid, false,
            "a merge would lose or show something, or a version cannot be verified; exit code 1",
            "take [one side](git.md#refusals)";
        MergeComments, "merge-comments", Warning, Invalid, false,
            "a merge could not keep comments of theirs",
            "put them in again";
        MergeRotate, "merge-rotate", Warning, Invalid, false,
            "somebody who is no recipient any more knows the data key",
            "take a new data key, change the secrets";
    }
    "Writing SOPS files" {
        SharedValue, "shared-value", Error, Invalid, false,
            "a YAML anchor and its alias are one value, which the selector has encrypted in one place and leaves in plaintext in the other",
            "put both below keys that are encrypted, or write the value out";
        UncheckedLayer, "unchecked-layer", Warning, Invalid, false,
            "a changed layer was not compared with the base, because the project cannot be read",
            "fix what `septum check` says, then check again";
        NotEncrypted, "not-encrypted", Error, Invalid, true,
            "the file is no encrypted one; of `check`, exit code 1: it should be one, by its name or a rule",
            "`septum encrypt`";
        LeftoverDraft, "leftover-draft", Error, Invalid, true,
            "`check` found a `.septum-XXXXXX` that a killed run left, or that is staged; it may hold plaintext",
            "remove it; change the secrets if it was committed";
        NoRule, "no-rule", Error, Invalid, false,
            "no rule of a `.sops.yaml` says for whom, or it names nobody",
            "add a rule, or recipients to it; `encrypt` takes them with `--age` too";
        AlreadyEncrypted, "already-encrypted", Error, Invalid, false,
            "the file has a `sops` block",
            "change it as an encrypted file";
        ReservedKey, "reserved-key", Error, Invalid, false,
            "a key of the document is one that metadata needs",
            "rename the key";
        NothingEncrypted, "nothing-encrypted", Warning, Invalid, false,
            "all values of the file are empty, and the format leaves those readable",
            "give it values with `septum set` or `septum edit`";
        PlainSecret, "plain-secret", Warning, Invalid, false,
            "a value looks like a secret, and the selector leaves it in plaintext",
            "change the selector, then `septum rekey`";
        PlainValue, "plain-value", Error, Invalid, false,
            "`set` would write a value where the file's selector leaves it in plaintext",
            "put it below a key that is encrypted; `--plain` if it is no secret";
        LineEnds, "line-ends", Warning, Invalid, false,
            "the lines of a dotenv file ended with CRLF, and end with LF now: to sops, the CR is a part of the value",
            "nothing";
        NothingSelected, "nothing-selected", Error, Invalid, false,
            "the selector matches no value, so that all would stay readable",
            "mend the selector";
        NoContent, "no-content", Error, Invalid, false,
            "there is nothing to encrypt",
            "give the file keys";
        NotAMapping, "not-a-mapping", Error, Invalid, false,
            "the root of the file is no mapping",
            "give the file keys";
        JsonSyntax, "json-syntax", Error, Invalid, false,
            "the file is no JSON",
            "correct the line";
        DotenvSyntax, "dotenv-syntax", Error, Invalid, false,
            "a line is neither `KEY=value` nor a comment",
            "correct the line";
        IniSyntax, "ini-syntax", Error, Invalid, false,
            "a line is neither a section, a key nor a comment",
            "correct the line";
        SopsPath, "sops-path", Error, Invalid, false,
            "there is nothing at the path, or something else than it needs",
            "compare the path with the file";
        Recipient, "recipient", Error, Invalid, false,
            "there is no recipient, or one that nothing can be encrypted for",
            "name one such as `age1…`";
        ForeignRecipient, "foreign-recipient", Error, Invalid, false,
            "a new data key would have to be wrapped by another service",
            "rotate with sops, or take that recipient out first";
        WouldExpose, "would-expose", Error, Invalid, false,
            "a new selector would leave values in plaintext that are encrypted now",
            "mend the selector";
        KnownSecrets, "known-secrets", Warning, Invalid, false,
            "somebody who was removed has read the file",
            "change the secrets themselves";
        RewordedValue, "reworded-value", Warning, Invalid, false,
            "a number or a time comes back as [another text](secrets.md#whole-files)",
            "put it in quotes";
        TemplateValue, "template-value", Error, Invalid, false,
            "a value that is set would be rendered as a template",
            "`template: false` in the base, or `--template`";
        ShadowedValue, "shadowed-value", Warning, Invalid, false,
            "another value of the environment stands in plaintext",
            "remove it";
        MovedKey, "moved-key", Warning, Invalid, false,
            "a key goes to the Secret from now on, since its value is encrypted",
            "declare it `sensitive`";
        MissingValue, "missing-value", Error, Invalid, false,
            "`get` was asked for a key without a value",
            "`septum set`";
        NoRandomness, "no-randomness", Error, Invalid, false,
            "the system gives no random numbers",
            "mend the system";
    }
    "Editing" {
        Editor, "editor", Error, Invalid, false,
            "no editor is set or found, it could not be started, or it ended with a failure; exit code 4, or 2 for an open quote in the variable",
            "set `EDITOR`";
        NoPrivateDirectory, "no-private-directory", Error, Invalid, false,
            "no directory lies in memory, so the plaintext would lie on a disk; exit code 4",
            "mount a `tmpfs`, or say `--allow-disk`";
        NotEdited, "not-edited", Error, Invalid, false,
            "the text could not be taken, and was given up; the file is as it was",
            "edit it again";
        ChangedMeanwhile, "changed-meanwhile", Error, Invalid, false,
            "somebody else removed the file, or changed the same value, between the moment you started and the moment it was to be written: [theirs stays](secrets.md#several-people-at-once)",
            "look at theirs, and run the command again";
        HardLink, "hard-link", Error, Invalid, false,
            "the file has other names, which would keep the old content: it is [replaced as a whole](secrets.md#several-people-at-once)",
            "give the name a file of its own, as the hint says";
        KeptText, "kept-text", Warning, Invalid, false,
            "what somebody typed in an `edit` that could not save it is still in memory",
            "take from it what you need, then remove it";
    }
}
