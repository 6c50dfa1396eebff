mod kustomize;
pub(crate) mod samples;

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table::{ReferenceTable, SectionScope};
use super::*;
use crate::map::HashSet;
use crate::pattern::{PathPattern, PatternSegment};
use crate::span::Source;
use crate::yaml;

fn tree(text: &str) -> Tree {
    let source = Source::new("x.yaml", text);
    Tree::from_node(yaml::read::read_document(&source).expect("valid"), &source)
}

/// Part of a tree as JSON.
fn show(tree: &Tree) -> Value {
    match &tree.kind {
        TreeKind::Leaf(scalar) => Value::from(scalar.text()),
        TreeKind::List(items) => items.iter().map(show).collect(),
        TreeKind::Map(map) => map.iter().map(|(key, value)| (key.clone(), show(value))).collect(),
    }
}

/// `kind name path` with further properties.
fn line(reference: &Reference) -> String {
    let mut line = format!("{} {} {}", reference.target.as_str(), reference.name.value, reference.path);
    let keys: Vec<_> = reference.keys.iter().map(|key| key.value.as_str()).collect();
    for (word, text) in [("in", reference.namespace.clone().unwrap_or_default()), ("keys", keys.join(","))] {
        if !text.is_empty() {
            write!(line, " {word}={text}").expect("a text");
        }
    }
    for (word, is) in
        [("optional", reference.optional), ("output", reference.role == Role::Output), ("env-from", reference.env_from)]
    {
        if is {
            write!(line, " {word}").expect("a text");
        }
    }
    line
}

fn found(object: &str, rules: &ReferenceRules) -> Vec<String> {
    find_references(&tree(object), rules).iter().map(line).collect()
}

// ---------------------------------------------------------------- every path of the lists

/// Path of a reference in objects of a kind.
struct Case {
    api: String,
    kind: String,
    path: String,
    targets: Vec<RefKind>,
    namespaced: bool,
}

/// Paths that only look like references: the list of custom resources was generated from the names of fields.
const NO_REFERENCES: &[(&str, &str)] = &[
    ("spec.externalSecretName", "names an ExternalSecret"),
    ("spec.pushSecretName", "names a PushSecret"),
    ("ecretStoreRef.name", "names a SecretStore"),
    ("ecretStoreRefs[].name", "names a SecretStore"),
    ("spec.provider.webhook.secrets[].name", "a name within the template; the Secret is in `secretRef`"),
    ("spec.awsSecretManager.secrets[].name", "a name in the store of AWS"),
    ("spec.azureKeyVault.secrets[].name", "a name in the store of Azure"),
    (".applicationCredentialName", "a name in OpenStack"),
];

const OUTPUTS: &[(&str, &str)] = &[
    ("Certificate", "spec.secretName"),
    ("Issuer", "spec.acme.privateKeySecretRef.name"),
    ("ClusterIssuer", "spec.acme.privateKeySecretRef.name"),
    ("KafkaConnector", "listOffsets.toConfigMap.name"),
    ("KafkaMirrorMaker2", "listOffsets.toConfigMap.name"),
];

/// Reads a list: heads `## apps/v1 Deployment` or `## argoproj.io/workflow_v1.json`, below each the paths, optionally
/// preceded by a kind, and followed by ` (+namespace)` for those that name one.
fn cases(list: &str) -> Vec<Case> {
    let kinds: Vec<_> = ReferenceTable::built_in()
        .sections
        .iter()
        .flat_map(|section| match &section.scope {
            SectionScope::Kinds(kinds) => kinds.kinds.clone(),
            SectionScope::Quiet(_) | SectionScope::Others => Vec::new(),
        })
        .collect();
    let mut cases = Vec::new();
    let (mut api, mut kind) = (String::new(), String::new());
    for line in list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("# ")) {
        if let Some(head) = line.strip_prefix("## ") {
            let mut words = head.split_whitespace();
            let (first, second) = (words.next().unwrap(), words.next().unwrap_or_default());
            if let Some((group, file)) = first.strip_suffix(".json").and_then(|first| first.split_once('/')) {
                let (lower, version) = file.split_once('_').unwrap();
                api = format!("{group}/{version}");
                kind = kinds.iter().find(|kind| kind.to_lowercase() == lower).copied().unwrap_or_default().to_owned();
            } else {
                (api, kind) = (first.to_owned(), second.to_owned());
            }
            continue;
        }
        let mut words: Vec<_> = line.split_whitespace().collect();
        let namespaced = words.iter().any(|word| *word == "(+namespace)" || *word == "SecretReference");
        let told = if words[0].contains(['.', '[']) { "" } else { words.remove(0) };
        let path = words[0].to_owned();
        let end = path.rsplit('.').take(2).collect::<String>();
        let targets = match told {
            "RBAC" => vec![RefKind::ConfigMap, RefKind::Secret],
            "ConfigMap" => vec![RefKind::ConfigMap],
            "" if end.to_lowercase().contains("configmap") => vec![RefKind::ConfigMap],
            _ => vec![RefKind::Secret],
        };
        cases.push(Case { api: api.clone(), kind: kind.clone(), path, targets, namespaced });
    }
    cases
}

/// Smallest object with a name at the path.
fn object(case: &Case) -> Value {
    let mut value = json!("the-name");
    let pattern = PathPattern::parse(&case.path).unwrap();
    for (index, segment) in pattern.segments().iter().rev().enumerate() {
        value = match segment {
            PatternSegment::Items => json!([value]),
            PatternSegment::Key(key) => json!({ key: value }),
            PatternSegment::Like { .. } => json!({ "any": value }),
            PatternSegment::Below => panic!("{}", case.path),
        };
        let map = value.as_object_mut().filter(|map| map.contains_key("resourceNames"));
        if let Some(map) = map {
            map.insert("apiGroups".into(), json!([""]));
            map.insert("resources".into(), json!(["secrets", "configmaps"]));
        }
        if index == 0 && case.namespaced {
            value["namespace"] = json!("elsewhere");
        }
    }
    value["apiVersion"] = json!(case.api);
    value["kind"] = json!(case.kind);
    // some kinds create an object of their own name
    value["metadata"] = json!({ "name": "own" });
    value
}

fn check(case: &Case, rules: &ReferenceRules) -> Result<(), String> {
    let mut object = tree(&object(case).to_string());
    let all = find_references(&object, rules);
    let found: Vec<_> = all.iter().filter(|reference| reference.path != "metadata.name").collect();
    if NO_REFERENCES.iter().any(|(path, _)| case.path.ends_with(path)) {
        return if found.is_empty() { Ok(()) } else { Err("is found, but is no reference".to_owned()) };
    }
    let mut targets: Vec<_> = found.iter().map(|reference| reference.target).collect();
    targets.sort_unstable();
    if targets != case.targets {
        return Err(format!("found {targets:?} instead of {:?}", case.targets));
    }
    let is_output = OUTPUTS.iter().any(|(kind, path)| case.kind == *kind && case.path.ends_with(path));
    let namespace = case.namespaced.then_some("elsewhere");
    for reference in &found {
        if reference.name.value != "the-name"
            || reference.path != case.path.replace("[]", "[0]").replace('*', "any")
            || reference.namespace.as_deref() != namespace
            || (reference.role == Role::Output) != is_output
        {
            return Err(line(reference));
        }
    }
    let before = show(&object).to_string();
    rewrite_references(&mut object, rules, |reference| {
        Some(format!("new-{}", reference.target.as_str().to_lowercase()))
    });
    let expected = match case.targets.as_slice() {
        _ if is_output => before,
        [one] => before.replace("the-name", &format!("new-{}", one.as_str().to_lowercase())),
        _ => before.replace("\"the-name\"", "\"new-secret\",\"new-configmap\""),
    };
    let after = show(&object).to_string();
    if after == expected { Ok(()) } else { Err(format!("became {after}")) }
}

fn check_list(list: &str) -> usize {
    let rules = ReferenceRules::default();
    let cases = cases(list);
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| Some(format!("{} {} {}: {}", case.api, case.kind, case.path, check(case, &rules).err()?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    cases.len()
}

#[test]
fn all_paths_of_the_lists_are_found_and_rewritten() {
    let lists = [
        (include_str!("../../../../../tests/vectors/references/kubernetes.txt"), 278),
        (include_str!("../../../../../tests/vectors/references/custom-resources.txt"), 2707),
    ];
    for (list, count) in lists {
        assert_eq!(check_list(list), count);
    }
}

// ---------------------------------------------------------------- fields that belong to a name

/// Objects and the lines of their references.
fn check_table(rules: &ReferenceRules, table: &[(&str, &[&str])]) {
    for (object, expected) in table {
        assert_eq!(found(object, rules), *expected, "{object}");
    }
}

#[test]
fn keys_options_and_env_from_are_told() {
    check_table(
        &ReferenceRules::default(),
        &[
            (
                "{kind: Pod, apiVersion: v1, spec: {containers: [{env: [
                  {valueFrom: {secretKeyRef: {name: a, key: K}}}]}]}}",
                &["Secret a spec.containers[0].env[0].valueFrom.secretKeyRef.name keys=K"],
            ),
            (
                "{kind: Pod, apiVersion: v1, spec: {initContainers: [{envFrom: [
                  {configMapRef: {name: a, optional: true}}, {secretRef: {name: a, optional: false}, prefix: X_}]}]}}",
                &[
                    "ConfigMap a spec.initContainers[0].envFrom[0].configMapRef.name optional env-from",
                    "Secret a spec.initContainers[0].envFrom[1].secretRef.name env-from",
                ],
            ),
            (
                "{kind: Pod, apiVersion: v1, spec: {volumes: [
                  {name: a, secret: {secretName: b, items: [{key: K, path: p}, {key: L, path: q}]}},
                  {configMap: {name: a}}]}}",
                &["Secret b spec.volumes[0].secret.secretName keys=K,L", "ConfigMap a spec.volumes[1].configMap.name"],
            ),
            (
                "{kind: Pod, apiVersion: v1, spec: {volumes: [{projected: {sources: [
                  {secret: {name: a, items: [{key: K}], optional: true}}, {downwardAPI: {}}]}}]}}",
                &["Secret a spec.volumes[0].projected.sources[0].secret.name keys=K optional"],
            ),
            (
                "{kind: HelmRelease, apiVersion: helm.toolkit.fluxcd.io/v2, spec: {valuesFrom: [
                  {kind: ConfigMap, name: a}, {kind: Secret, name: b, valuesKey: v, optional: true}],
                  values: {env: [{valueFrom: {secretKeyRef: {name: c, key: K}}}]}}}",
                &[
                    "ConfigMap a spec.valuesFrom[0].name keys=values.yaml",
                    "Secret b spec.valuesFrom[1].name keys=v optional",
                    "Secret c spec.values.env[0].valueFrom.secretKeyRef.name keys=K optional",
                ],
            ),
            (
                "{kind: KafkaConnect, apiVersion: kafka.strimzi.io/v1, spec: {tls: {trustedCertificates: [
                  {secretName: a, certificate: ca.crt}]},
                  authentication: {passwordSecret: {secretName: b, password: p}}}}",
                &[
                    "Secret a spec.tls.trustedCertificates[0].secretName keys=ca.crt",
                    "Secret b spec.authentication.passwordSecret.secretName keys=p",
                ],
            ),
            (
                "{kind: ServiceMonitor, apiVersion: monitoring.coreos.com/v1, spec: {endpoints: [
                  {basicAuth: {username: {name: a, key: u}}, tlsConfig: {ca: {configMap: {name: b, key: c}}}}]}}",
                &[
                    "Secret a spec.endpoints[0].basicAuth.username.name keys=u",
                    "ConfigMap b spec.endpoints[0].tlsConfig.ca.configMap.name keys=c",
                ],
            ),
            (
                "{kind: Prometheus, apiVersion: monitoring.coreos.com/v1, spec: {secrets: [a], configMaps: [b],
                  thanos: {objectStorageConfig: {name: c, key: k}}, tolerations: [{key: k, operator: Exists}]}}",
                &[
                    "Secret a spec.secrets[0]",
                    "ConfigMap b spec.configMaps[0]",
                    "Secret c spec.thanos.objectStorageConfig.name keys=k",
                ],
            ),
        ],
    );
}

#[test]
fn namespaces_are_read_in_all_forms() {
    check_table(
        &ReferenceRules::default(),
        &[
            (
                "{kind: Ingress, apiVersion: networking.k8s.io/v1, metadata: {annotations: {
                  nginx.ingress.kubernetes.io/auth-secret: a, nginx.ingress.kubernetes.io/auth-tls-secret: ns/b,
                  nginx.ingress.kubernetes.io/proxy-ssl-secret: no-namespace,
                  nginx.ingress.kubernetes.io/custom-headers: ns/c}}}",
                &[
                    "Secret a metadata.annotations[\"nginx.ingress.kubernetes.io/auth-secret\"]",
                    "Secret b metadata.annotations[\"nginx.ingress.kubernetes.io/auth-tls-secret\"] in=ns",
                    "ConfigMap c metadata.annotations[\"nginx.ingress.kubernetes.io/custom-headers\"] in=ns",
                ],
            ),
            (
                "{kind: PersistentVolume, apiVersion: v1, spec: {azureFile: {secretName: a, secretNamespace: ns}}}",
                &["Secret a spec.azureFile.secretName in=ns"],
            ),
            (
                "{kind: StorageClass, apiVersion: storage.k8s.io/v1, parameters: {
                  csi.storage.k8s.io/node-stage-secret-name: a, csi.storage.k8s.io/node-stage-secret-namespace: ns}}",
                &["Secret a parameters[\"csi.storage.k8s.io/node-stage-secret-name\"] in=ns"],
            ),
            (
                "{kind: Deployment, apiVersion: apps/v1, metadata: {annotations: {
                  secret.reloader.stakater.com/reload: 'a, b,'}}}",
                &[
                    "Secret a metadata.annotations[\"secret.reloader.stakater.com/reload\"] optional",
                    "Secret b metadata.annotations[\"secret.reloader.stakater.com/reload\"] optional",
                ],
            ),
        ],
    );
}

#[test]
fn a_field_tells_what_is_named() {
    check_table(
        &ReferenceRules::default(),
        &[
            (
                "{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, spec: {listeners: [{tls: {certificateRefs: [
                  {name: a}, {group: '', kind: Secret, name: b, namespace: ns}, {group: x.io, kind: Secret, name: c},
                  {kind: Other, name: d}]}}]}}",
                &[
                    "Secret a spec.listeners[0].tls.certificateRefs[0].name",
                    "Secret b spec.listeners[0].tls.certificateRefs[1].name in=ns",
                ],
            ),
            (
                "{kind: BackendTLSPolicy, apiVersion: gateway.networking.k8s.io/v1,
                  spec: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: a}, {name: b}]}}}",
                &["ConfigMap a spec.validation.caCertificateRefs[0].name"],
            ),
            (
                "{kind: Kustomization, apiVersion: kustomize.toolkit.fluxcd.io/v1, spec: {postBuild: {substituteFrom: [
                  {kind: ConfigMap, name: a, optional: true}, {kind: Secret, name: b}]}}}",
                &[
                    "ConfigMap a spec.postBuild.substituteFrom[0].name optional",
                    "Secret b spec.postBuild.substituteFrom[1].name",
                ],
            ),
            (
                "{kind: Role, apiVersion: rbac.authorization.k8s.io/v1, rules: [
                  {apiGroups: [''], resources: [secrets], resourceNames: [a, b]},
                  {apiGroups: [x.io], resources: [secrets], resourceNames: [c]},
                  {apiGroups: [''], resources: [pods], resourceNames: [d]}]}",
                &["Secret a rules[0].resourceNames[0] optional", "Secret b rules[0].resourceNames[1] optional"],
            ),
            (
                "{kind: SecretStore, apiVersion: external-secrets.io/v1, spec: {provider: {vault: {
                  caProvider: {type: ConfigMap, name: a, key: ca.crt}, auth: {kubernetes: {
                  serviceAccountRef: {name: c}, secretRef: {name: d}}}}}}}",
                &[
                    "ConfigMap a spec.provider.vault.caProvider.name keys=ca.crt",
                    "Secret d spec.provider.vault.auth.kubernetes.secretRef.name",
                ],
            ),
        ],
    );
}

#[test]
fn what_controllers_make_is_an_output() {
    check_table(
        &ReferenceRules::default(),
        &[
            (
                "{kind: Certificate, apiVersion: cert-manager.io/v1, spec: {secretName: a}}",
                &["Secret a spec.secretName output"],
            ),
            (
                "{kind: ExternalSecret, apiVersion: external-secrets.io/v1, metadata: {name: a},
                  spec: {target: {name: b}, data: [{secretKey: K}, {secretKey: L}]}}",
                &["Secret b spec.target.name keys=K,L output"],
            ),
            (
                "{kind: ExternalSecret, apiVersion: external-secrets.io/v1, metadata: {name: a},
                  spec: {data: [{secretKey: K}]}}",
                &["Secret a metadata.name keys=K output"],
            ),
            (
                "{kind: SecretProviderClass, apiVersion: secrets-store.csi.x-k8s.io/v1,
                  spec: {secretObjects: [{secretName: a, data: [{key: K, objectName: o}]}]}}",
                &["Secret a spec.secretObjects[0].secretName keys=K output"],
            ),
            (
                "{kind: VaultStaticSecret, apiVersion: secrets.hashicorp.com/v1beta1, spec: {destination: {name: a}}}",
                &["Secret a spec.destination.name output"],
            ),
            (
                "{kind: SealedSecret, apiVersion: bitnami.com/v1alpha1, metadata: {name: a}}",
                &["Secret a metadata.name output"],
            ),
            (
                "{kind: Ingress, apiVersion: networking.k8s.io/v1, spec: {tls: [{secretName: a}]},
                  metadata: {annotations: {cert-manager.io/cluster-issuer: x}}}",
                &["Secret a spec.tls[0].secretName output"],
            ),
        ],
    );
}

#[test]
fn only_objects_of_the_group_and_kind_are_looked_at() {
    check_table(
        &ReferenceRules::default(),
        &[
            ("{kind: Deployment, apiVersion: example.com/v1, spec: {template: {spec: {hostname: a}}}}", &[]),
            ("{kind: Certificate, apiVersion: example.com/v1, spec: {secretName: a}}", &[]),
            (
                "{kind: Pod, apiVersion: v1, spec: {volumes: [
                  {secret: {secretName: }}, {secret: {secretName: null}}]}}",
                &[],
            ),
            ("{kind: Pod, apiVersion: v1, spec: {volumes: [{secret: {secretName: {a: b}}}, {secret: a}]}}", &[]),
            ("[]", &[]),
            ("a", &[]),
            (
                "{kind: Unheard, apiVersion: example.com/v1, spec: {run: {env: [
                  {valueFrom: {configMapKeyRef: {name: a, key: K}}}]}}}",
                &["ConfigMap a spec.run.env[0].valueFrom.configMapKeyRef.name keys=K"],
            ),
        ],
    );
}

#[test]
fn a_reference_knows_its_places() {
    let object = tree(
        "kind: Pod\napiVersion: v1\nspec:\n  volumes:\n  - secret:\n      secretName: a\n      items: [{key: K}]\n",
    );
    let all = find_references(&object, &ReferenceRules::default());
    assert_eq!(all[0].name.place.to_string(), "x.yaml:6:19");
    assert_eq!(all[0].keys[0].place.to_string(), "x.yaml:7:21");
}

// ---------------------------------------------------------------- rules of a project

fn user(text: &str) -> ReferenceRules {
    ReferenceRules::with_user(&[UserRule::of_text(text)])
}

#[test]
fn a_project_adds_rules() {
    for (rule, object, expected) in [
        (
            "{kind: Widget, group: example.com, path: spec.secretName, target: Secret, key: spec.secretKey}",
            "{kind: Widget, apiVersion: example.com/v1, spec: {secretName: a, secretKey: K}}",
            vec!["Secret a spec.secretName keys=K"],
        ),
        (
            "{kind: Widget, group: other.com, path: spec.secretName, target: Secret}",
            "{kind: Widget, apiVersion: example.com/v1, spec: {secretName: a}}",
            vec![],
        ),
        (
            "{kind: Widget, path: 'spec.users[].config.name', target: ConfigMap, key: 'spec.users[].field'}",
            "{kind: Widget, apiVersion: v1, spec: {users: [{config: {name: a}, field: K}, {config: {name: b}}]}}",
            vec!["ConfigMap a spec.users[0].config.name keys=K", "ConfigMap b spec.users[1].config.name"],
        ),
        (
            "{kind: Widget, path: '**.credentials.name', target: Secret, key: '**.credentials.key'}",
            "{kind: Widget, apiVersion: v1, spec: {a: {credentials: {name: a, key: K}}}}",
            vec!["Secret a spec.a.credentials.name keys=K"],
        ),
        (
            "{kind: Widget, path: 'spec.**.name', target: Secret, key: spec.key}",
            "{kind: Widget, apiVersion: v1, spec: {a: {name: a}, key: K}}",
            vec!["Secret a spec.a.name keys=K"],
        ),
        (
            "{kind: Widget, path: spec.secretName, target: Secret, role: output}",
            "{kind: Widget, apiVersion: v1, spec: {secretName: a, imagePullSecrets: [{name: b}]}}",
            vec!["Secret a spec.secretName output", "Secret b spec.imagePullSecrets[0].name"],
        ),
        (
            "{kind: Certificate, path: spec.secretName, target: Secret}",
            "{kind: Certificate, apiVersion: cert-manager.io/v1, spec: {secretName: a}}",
            vec!["Secret a spec.secretName"],
        ),
    ] {
        assert_eq!(found(object, &user(rule)), expected, "{rule}");
    }
}

// ---------------------------------------------------------------- new names

#[test]
fn new_names_take_the_place_of_old_ones() {
    let new = |reference: &Reference| match (reference.name.value.as_str(), reference.target) {
        ("a", RefKind::Secret) => Some("a-s1".to_owned()),
        ("a", RefKind::ConfigMap) => Some("a-c1".to_owned()),
        _ => None,
    };
    let role = "kind: Role, apiVersion: rbac.authorization.k8s.io/v1";
    let ingress = "kind: Ingress, apiVersion: networking.k8s.io/v1";
    for (head, before, after, count) in [
        (
            "kind: Pod, apiVersion: v1",
            "spec: {imagePullSecrets: [{name: a}, {name: b}]}",
            "{\"imagePullSecrets\":[{\"name\":\"a-s1\"},{\"name\":\"b\"}]}",
            1,
        ),
        ("kind: Certificate, apiVersion: cert-manager.io/v1", "spec: {secretName: a}", "{\"secretName\":\"a\"}", 0),
        (
            ingress,
            "metadata: {annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: a/a}}",
            "{\"annotations\":{\"nginx.ingress.kubernetes.io/auth-tls-secret\":\"a/a-s1\"}}",
            1,
        ),
        (
            "kind: Deployment, apiVersion: apps/v1",
            "metadata: {annotations: {secret.reloader.stakater.com/reload: 'b, a,,a'}}",
            "{\"annotations\":{\"secret.reloader.stakater.com/reload\":\"b, a-s1,,a-s1\"}}",
            2,
        ),
        (
            role,
            "rules: [{apiGroups: [''], resources: [configmaps, secrets], resourceNames: [b, a, c, a]}]",
            "[{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\",\"secrets\"],\
              \"resourceNames\":[\"b\",\"a-c1\",\"a-s1\",\"c\",\"a-c1\",\"a-s1\"]}]",
            4,
        ),
        (
            role,
            "rules: [{apiGroups: [''], resources: [secrets, services], resourceNames: [a]}]",
            "[{\"apiGroups\":[\"\"],\"resources\":[\"secrets\",\"services\"],\"resourceNames\":[\"a-s1\",\"a\"]}]",
            1,
        ),
    ] {
        let mut object = tree(&format!("{{{head}, {before}}}"));
        assert_eq!(rewrite_references(&mut object, &ReferenceRules::default(), new), count, "{before}");
        let after_all = show(&object);
        let field = before.split(':').next().unwrap();
        assert_eq!(after_all[field].to_string(), after, "{before}");
    }
}

#[test]
fn a_new_name_is_a_text_at_the_place_of_the_old_one() {
    let mut object = tree("kind: ServiceAccount\napiVersion: v1\nsecrets:\n- name: a\n");
    rewrite_references(&mut object, &ReferenceRules::default(), |_| Some("1e5".to_owned()));
    object.leaves("", &mut |path, tree, scalar| {
        if path == "secrets[0].name" {
            assert_eq!((scalar.text(), tree.place.to_string().as_str()), ("1e5", "x.yaml:4:9"));
            assert_eq!(scalar.style, yaml::node::YamlStyle::DoubleQuoted);
        }
    });
}

// ---------------------------------------------------------------- guesses

#[test]
fn a_generated_name_at_an_unknown_place_is_suspicious() {
    let names = HashSet::from_iter(["app".to_owned()]);
    for (object, expected) in [
        (
            "{kind: Widget, apiVersion: example.com/v1, metadata: {name: app},
              spec: {config: app, list: [x, app], other: b}}",
            vec!["spec.config"],
        ),
        ("{kind: ConfigMap, apiVersion: v1, data: {NAME: app, CREDENTIALS_SECRET: app}}", vec!["data.CREDENTIALS_SECRET"]),
        (
            "{kind: ValidatingAdmissionPolicyBinding, apiVersion: admissionregistration.k8s.io/v1,
              spec: {paramRef: {name: app}}}",
            vec!["spec.paramRef.name"],
        ),
        (
            "{kind: ScaledObject, apiVersion: keda.sh/v1alpha1, spec: {scaleTargetRef: {kind: Deployment, name: app}}}",
            vec![],
        ),
        (
            "{kind: Deployment, apiVersion: apps/v1, spec: {template: {metadata: {labels: {app: app}}, spec: {
              serviceAccountName: app, containers: [{name: app, env: [{name: A, value: app}]}]}}}}",
            vec![],
        ),
        (
            "{kind: Widget, apiVersion: example.com/v1, spec: {selector: {matchLabels: {app: app}}, labels: {app: app},
              template: {metadata: {name: app}}, env: [{valueFrom: {secretKeyRef: {name: app}}}]}}",
            vec![],
        ),
        (
            "{kind: VirtualService, apiVersion: networking.istio.io/v1, spec: {hosts: [app], http: [{name: app}]}}",
            vec![],
        ),
        // ordinary objects of an app, with its name
        (
            "{kind: HTTPRoute, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: app, annotations: {note: app}}, spec: {
              parentRefs: [{name: app, sectionName: app}], hostnames: [app], rules: [{name: app, backendRefs: [{name: app, port: 1}]}]}}",
            vec![],
        ),
        (
            "{kind: ScaledObject, apiVersion: keda.sh/v1alpha1, spec: {scaleTargetRef: {name: app}, triggers: [
              {type: kafka, name: app, metadata: {topic: app, consumerGroup: app}, authenticationRef: {name: app}}]}}",
            vec![],
        ),
        (
            "{kind: Certificate, apiVersion: cert-manager.io/v1, spec: {commonName: app, dnsNames: [app], issuerRef: {name: app}}}",
            vec![],
        ),
        (
            "{kind: PrometheusRule, apiVersion: monitoring.coreos.com/v1, spec: {groups: [{name: app, rules: [{alert: app, expr: app, labels: {job: app}}]}]}}",
            vec![],
        ),
        ("{kind: ServiceMonitor, apiVersion: monitoring.coreos.com/v1, spec: {jobLabel: app, endpoints: [{port: app}]}}", vec![]),
        ("{kind: Application, apiVersion: argoproj.io/v1alpha1, spec: {project: app, destination: {name: app}, source: {path: app}}}", vec![]),
        ("{kind: Kustomization, apiVersion: kustomize.toolkit.fluxcd.io/v1, spec: {dependsOn: [{name: app}], healthChecks: [{name: app}]}}", vec![]),
        ("{kind: HelmRelease, apiVersion: helm.toolkit.fluxcd.io/v2, spec: {releaseName: app, chart: {spec: {chart: app}}, values: {fullnameOverride: app}}}", vec![]),
        ("{kind: CiliumNetworkPolicy, apiVersion: cilium.io/v2, spec: {endpointSelector: {matchLabels: {x: app}}, egress: [{toServices: [{k8sService: {serviceName: app}}]}]}}", vec![]),
        ("{kind: Rollout, apiVersion: argoproj.io/v1alpha1, spec: {strategy: {canary: {stableService: app, canaryService: app}}}}", vec![]),
        ("{kind: VirtualServer, apiVersion: k8s.nginx.org/v1, spec: {upstreams: [{name: app, service: app}], routes: [{action: {pass: app}}]}}", vec![]),
        ("{kind: ExternalSecret, apiVersion: external-secrets.io/v1, spec: {secretStoreRef: {name: app}, dataFrom: [{extract: {key: app}}]}}", vec![]),
        ("{kind: Certificate, apiVersion: example.com/v1, spec: {tls: {serverName: app}, secretType: app, config: {name: app}}}", vec![]),
        // references to it
        (
            "{kind: Widget, apiVersion: example.com/v1, spec: {credentialsSecret: app, configMaps: [app], secretRef: {name: app}, ref: {kind: Secret, name: x}}}",
            vec!["spec.credentialsSecret", "spec.configMaps[0]", "spec.secretRef.name"],
        ),
        (
            "{kind: Ingress, apiVersion: networking.k8s.io/v1, metadata: {name: app, annotations: {
              haproxy.org/auth-secret: shop/app, example.com/owner: app, checksum/secret: app,
              alb.ingress.kubernetes.io/auth-idp-oidc: '{\"issuer\": \"x\", \"secretName\": \"app\"}'}}, spec: {}}",
            vec![
                "metadata.annotations[\"haproxy.org/auth-secret\"]",
                "metadata.annotations[\"alb.ingress.kubernetes.io/auth-idp-oidc\"]",
            ],
        ),
        (
            "{kind: Service, apiVersion: v1, metadata: {annotations: {example.com/config-maps: 'other,app', example.com/secret: apple}}}",
            vec!["metadata.annotations[\"example.com/config-maps\"]"],
        ),
        ("{kind: Certificate, apiVersion: cert-manager.io/v1, spec: {secretName: app}}", vec![]),
    ] {
        let found: Vec<_> =
            suspicious_names(&tree(object), &ReferenceRules::default(), &names).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, expected, "{object}");
    }
}
