//! Pieces of inputs, which random bytes would not meet.

/// None.
pub(crate) const NONE: &[&str] = &[];

/// Those of every text.
pub(crate) const COMMON: &[&str] = &["=====\n", "\n", "\r\n", "\t", " ", "\0", "\u{feff}", "\u{85}", "\u{2028}", "ß", "😀", "\u{202e}"];

pub(crate) const YAML: &[&str] = &[
    "---\n", "...\n", "- ", ": ", "? ", "|\n  ", "|2-\n", ">-\n  ", ">+\n", "&a ", "*a", "<<: *a", "!!binary ", "!!str ", "!!int ",
    "!!float ", "!!null ", "!x ", "\"", "'", "\\u00e9", "\\x41", "\\\n", "[", "]", "{", "}", ", ", "# ", " #", "~", "null", "true",
    "yes", "0x1F", "0o17", "0644", "1.10", "1e6", ".inf", ".nan", "-.inf", "2024-01-01", "2001-12-14T21:59:43.10-05:00", "12:30:45",
    "%YAML 1.2\n", "%TAG ! tag:x,2000:\n", "@", "`", "\n  ", "\n    ", "\n\n",
];

pub(crate) const SOPS_YAML: &[&str] = &[
    "---\n", "- ", ": ", "|\n  ", ">-\n  ", "&a ", "*a", "<<: *a", "!!binary aGk=", "\"", "'", "[", "]", "{", "}", ", ", "# ", "# plain\n",
    "# enc\n", "  # x\n", "a_x", "plain", "data", "stringData", "b", "_unencrypted", "sops", "sops:\n", "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
    "~", "true", "1e6", ".nan", ".inf", "18446744073709551615", "9223372036854775808", "-0", "2024-01-01", "0644", "1.10", "\n  ", "\n- ", "\n  - ", "\n\n", "\u{0}",
];

pub(crate) const JSON: &[&str] = &[
    "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"a_x\"", "\"plain\"", "\"data\"", "\"sops\"", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\/", "\\n",
    "true", "false", "null", "0", "-0", "1.0", "1e3", "1e400", "9223372036854775808", "\n\t", "  ", "{}", "[]", "\"\"", "\"_unencrypted\"",
];

pub(crate) const DOTENV: &[&str] = &[
    "A=", "B=", "=", "export ", "\"", "'", "`", "\\", "\\n", "$A", "${A}", "${A:-x}", "${A:?x}", "$(id)", "\\$", "# ", " #", "#", "\n", "\r\n",
    "a_x=", "plain=", "sops_version=", "sops_mac=", "A: b", "A =", "\nA\n", "=\"a\nb\"",
];

pub(crate) const INI: &[&str] = &[
    "[s]\n", "[DEFAULT]\n", "[sops]\n", "a = ", "b=", "a_x = ", "plain = ", "; ", "# ", " ; x", "`", "\"", "\"\"\"", "\\\n", "%(a)s", "%", ":", "[]\n", "[a.b]\n", "= \n",
];

pub(crate) const SOPS_METADATA: &[&str] = &[
    "ENC[AES256_GCM,data:", ",iv:", ",tag:", ",type:str]", ",type:int]", ",type:float]", ",type:bool]", ",type:bytes]", ",type:comment]", "sops:", "age:", "recipient:",
    "enc: |", "lastmodified:", "mac:", "version: 3.9.0", "unencrypted_suffix: _unencrypted", "encrypted_regex: ", "mac_only_encrypted: true",
    "shamir_threshold: 2", "key_groups:", "pgp: []", "kms: []", "-----BEGIN AGE ENCRYPTED FILE-----", "sops_age__list_0__map_enc=", "[sops]\n", "unencrypted_comment_regex: ",
];

pub(crate) const SOPS_CONFIG: &[&str] = &[
    "creation_rules:\n", "- path_regex: ", "  path_regex: '\\.yaml$'\n", "  age: ", "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms", "  key_groups:\n", "  - age:\n",
    "    - ", "  pgp: ", "  kms: ", "  encrypted_regex: '^a$'\n", "  unencrypted_regex: ", "  encrypted_suffix: _x\n", "  unencrypted_suffix: ", "  mac_only_encrypted: true\n",
    "  shamir_threshold: 2\n", "stores:\n  yaml:\n    indent: 2\n", "destination_rules:\n", ",", "(?i)", "[", "*", "&a ", "*a", "merge:\n",
];

pub(crate) const REGEX: &[&str] = &[
    "[", "]", "[^", "-", "\\", "(", ")", "(?i)", "(?:", "(?P<a>", "(?<a>", "(?s-m:", "(?U)", "*", "+", "?", "??", "{2}", "{2,}", "{2,3}", "{,2}", "{02}", "{1001}", "|", "^", "$", ".",
    "\\d", "\\W", "\\s", "\\b", "\\B", "\\A", "\\z", "\\Q", "\\E", "\\pL", "\\p{Greek}", "\\P{^Lu}", "\\x41", "\\x{1F600}", "\\012", "\\a", "\\C", "[[:alpha:]]", "[[:^digit:]]", "&&", "~~", "--",
    "\\<", "é", "K", "\u{212a}", "ſ",
];

pub(crate) const TEMPLATE: &[&str] = &[
    "{{ ", " }}", "{% ", " %}", "{%- ", " -%}", "{# ", " #}", "data.S1", "data.S2", "data.D1", "data.P1", "data.P2", "data.MISSING", "data.T0", "bundles.more.M", "bundles.more.Q",
    "bundles.app.S1", "vars.p", "vars.n", "vars.map", "vars.map.s", "vars.list", "vars.list[1]", "vars.chain", "data[vars.which]", "env.name", "if ", "else", "elif ", "endif", "for x in ",
    "endfor", "set x = ", "set x %}", "endset", "macro m(x)", "endmacro", "m(", "caller()", "call m(1)", "endcall", "filter upper", "endfilter", "with x = ", "endwith",
    "include 'i.j2'", "from 'm.j2' import p", "import 'm.j2' as y", "y.p(1, 2)", "block b", "endblock", "raw", "endraw", "namespace(x=0)", "ns.x", "loop.index", "range(9)", "dict(a=1)",
    "| length", "| upper", "| tojson", "| b64encode", "| sha256", "| default('d')", "| join(',')", "| first", "| list", "| sort", "| map('upper')", "| items", "| attr('S1')", "| int",
    "| replace('a', data.S1)", "| groupby('a')", "| select('eq', 'x')", "| dictsort", "| unique", "| batch(2)", "| urlencode", "| quote", "| toyaml", "| fromjson", "| fromyaml",
    "is defined", "is string", " in ", " and ", " or ", "not ", " ~ ", " == ", " != ", " < ", " if ", " else ", "[0]", "[:2]", "'a'", "1 / 0", "data.NOPE", "none", "{'a': ", "}",
];

pub(crate) const MANIFEST: &[&str] = &[
    "apiVersion: v1\n", "apiVersion: apps/v1\n", "kind: Secret\n", "kind: ConfigMap\n", "kind: Deployment\n", "kind: List\n", "metadata: { name: a }\n", "namespace: b", "stringData: { a: b }\n",
    "data: { a: aGk= }\n", "data:\n", "vars:\n", "bundles:\n", "manifests: [\"w/*\"]\n", "patches:\n", "images:\n", "replicas:\n", "labels: { a: b }\n", "annotations: ", "sensitive: true", "content: ",
    "template: ", "---\n", "- ", ": ", "{", "}", "[", "]", "{{ data.A }}", "{{ data.S }}", "{% for x in [1,2] %}", "{% endfor %}", "$patch: delete", "$patch: replace", "$retainKeys: [a]",
    "$setElementOrder/containers:", "op: replace", "op: add", "op: remove", "op: move", "op: test", "path: /spec/replicas", "path: /metadata/name", "path: /spec/-", "~1", "value: ", "from: /a",
    "containers:\n", "image: nginx:1", "kind=Deployment\n", "name=.*\n", "labelSelector=a=b\n", "labelSelector=a in (b)\n", "allowNameChange\n", "allowKindChange\n", "nginx=apache:2\n", "web=3\n",
    "septum.dev/env-from: app", "septum.dev/mount: \"other:/etc\"", "secretKeyRef: { name: app, key: S }", "names: kustomize\n", "type: kubernetes.io/tls", "app: app\n", "null", "~",
];

pub(crate) const RULES: &[&str] = &[
    "[[rules]]\n", "id = \"a\"\n", "description = \"b\"\n", "regex = '''", "'''\n", "secretGroup = 1\n", "entropy = 3.5\n", "keywords = [\"a\"]\n", "path = '''a'''\n", "[rules.allowlist]\n",
    "[[rules.allowlists]]\n", "[allowlist]\n", "[[allowlists]]\n", "condition = \"AND\"\n", "regexTarget = \"match\"\n", "regexTarget = \"line\"\n", "regexes = ['''a''']\n", "paths = ['''b''']\n", "stopwords = [\"c\"]\n",
    "commits = []\n", "targetRules = [\"a\"]\n", "tags = []\n", "[extend]\n", "useDefault = true\n", "title = \"x\"\n", "(?i)", "([a-z]+)", "\\b", "generic", "\"\"\"", "required", "skipReport = true\n",
];

pub(crate) const CERTIFICATE: &[&str] = &[
    "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n", "-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    "Proc-Type: 4,ENCRYPTED\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "{\"auths\":{\"a\":{\"auth\":\"YTpi\"}}}", "\"username\":", "\"password\":", "\u{30}\u{7f}", "\u{2}\u{1}\u{0}",
];

pub(crate) const LEAK: &[&str] = &[
    "hunter2-canary", "aHVudGVyMi1jYW5hcnk=", "h1bnRlcjItY2FuYXJ5", "odW50ZXIyLWNhbmFyeQ", "68756e746572322d63616e617279", "%68unter2", "\\u0068unter2", "\\n", "\\\"", "\\ud83d\\ude00", "\\u", "\\u+041", "%2B", "%2", "+", "%",
    "\n    ", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB", "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n", " ", "correct horse",
];

pub(crate) const DETECT: &[&str] = &[
    "password", "token", "secret", "key", "url", "_", "-", "PASSWORD=", "://", "user:hunter2@", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIA", "eyJhbGciOiJIUzI1NiJ9.", "-----BEGIN RSA PRIVATE KEY-----", "$2b$12$", "xoxb-",
    "{{ ", " }}", "{\"password\":\"", "\"}", "<password>", "</password>", "[section]\n", "machine a login b password c", "Server=a;Password=b;", "AccountKey=", "${X}", "changeme", "sk_live_",
];

pub(crate) const LSP: &[&str] = &[
    "=====\nopen 1\n", "=====\nopen 0\n", "=====\nchange 1\n", "=====\nedit 1 1 2 1 4\n", "=====\nclose 1\n", "=====\nsave 1\n", "=====\nwatched 0\n", "=====\nhover 1 1 3\n", "=====\ncompletion 1 1 2\n", "=====\ndefinition 0 4 14\n",
    "=====\nreferences 0 2 3\n", "=====\nprepareRename 0 2 3\n", "=====\nrename 0 2 3\nNEW", "=====\ncodeAction 1 0 0 9 0\n", "=====\ndocumentSymbol 1\n", "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"textDocument/hover\",\"params\":{}}",
    "data:\n", "vars:\n", "extends: [mix/a]\n", "  A: \"{{ data.PORT }}\"\n", "{{ vars.", "4294967295", "2147483648", "bundles:\n", "😀", "\r\n", "manifests: [x.yaml]\n",
];
