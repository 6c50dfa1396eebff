#!/usr/bin/env python3
"""Measures Septum beside the tools that do parts of its work, and prints the tables of docs/performance.md.

    benches/compare.py [--septum PROGRAM] [--services N] [--runs N] [--only start,file,service,churn]

Whole processes, one after another, on inputs that are made here. Times are medians, of the clock and of all processors together,
which a busy machine changes less; memory is the largest resident set of one process. A tool that is not on the PATH is named and left out (`.ci/peers` installs
them). Nothing is downloaded, and nothing outside a temporary directory is written.
"""

import argparse
import difflib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ["dev", "staging", "prod"]
PLAIN = [f"SETTING_{number:02}" for number in range(20)]
SECRET = [f"PASSWORD_{number}" for number in range(5)]
PEERS = {
    "sops": ["--version", "--disable-version-check"],
    "age": ["--version"],
    "kustomize": ["version"],
    "helm": ["version", "--short"],
    "kubeseal": ["--version"],
}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Bench:
    def __init__(self, directory, septum, runs):
        self.directory, self.septum, self.runs = directory, str(septum), runs
        self.peers = {name: path for name in PEERS if (path := shutil.which(name))}
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory / "home"), "SOPS_AGE_KEY_FILE": str(directory / "key.txt")}
        (directory / "home").mkdir()

    def run(self, command, cwd=None, text=None, output=subprocess.DEVNULL):
        """Runs a command; the milliseconds it took, and those it used processors for."""
        start = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=cwd or self.directory, env=self.environment, stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
            stdout=output, stderr=subprocess.PIPE,
        )
        if text is not None:
            child.stdin.write(text.encode())
            child.stdin.close()
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = (time.perf_counter() - start) * 1000
        if child.returncode:
            sys.exit(f"compare: {' '.join(map(str, command))} failed:\n{errors.decode(errors='replace')}")
        return took, (usage.ru_utime + usage.ru_stime) * 1000

    def peak(self, command, cwd=None):
        """The MiB that a command had at most, by GNU time: the kernel counts those of this program to what it starts itself."""
        if not os.access("/usr/bin/time", os.X_OK):
            return None
        self.run(["/usr/bin/time", "-f", "%M", "-o", str(self.directory / "peak"), *command], cwd)
        return int((self.directory / "peak").read_text().split()[-1]) / 1024

    def output(self, command, cwd=None):
        done = subprocess.run(command, cwd=cwd or self.directory, env=self.environment, capture_output=True, encoding="utf-8")
        return done.stdout if done.returncode == 0 else sys.exit(f"compare: {' '.join(map(str, command))} failed:\n{done.stderr}")

    def median(self, *commands, cwd=None, before=lambda: None, runs=None):
        """Medians of the times of all commands together, and the memory of the first."""
        results = []
        for number in range((runs or self.runs) + 1):
            before()
            each = [self.run(command, cwd) for command in commands]
            # the first run warms the caches of the system
            if number or runs == 1:
                took, used = zip(*each)
                results.append((sum(took), sum(used)))
                if runs == 1:
                    break
        before()
        return *(statistics.median(column) for column in zip(*results)), self.peak(commands[0], cwd)


def table(title, head, rows):
    print(f"\n### {title}\n")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def measured(bench, rows):
    """Rows of what can be run here."""
    for name, what, measure in rows:
        program = name.split()[0]
        if program == "septum" or program in bench.peers:
            yield [name, what, *map(number, measure())]


def start_up(bench):
    rows = [("septum", "`--version`", lambda: bench.median([bench.septum, "--version"]))]
    for name, arguments in PEERS.items():
        rows.append((name, f"`{arguments[0]}`", lambda name=name, arguments=arguments: bench.median([bench.peers[name], *arguments])))
    table("Start", ["program", "command", "ms", "CPU ms", "MiB"], measured(bench, rows))


SMALL = "".join(f"{name}: invented-value-{index:04}\n" for index, name in enumerate(PLAIN + SECRET))


def encrypt(bench, name, text):
    """Writes a file and, encrypted, another one; returns the recipient."""
    recipient = bench.output([bench.septum, "keygen", "-y", "key.txt"]).strip()
    write(bench.directory / ".sops.yaml", f"creation_rules:\n  - age: {recipient}\n")
    write(bench.directory / f"{name}.yaml", text)
    bench.output([bench.septum, "encrypt", "--output", f"{name}.enc.yaml", f"{name}.yaml"])
    return recipient


def secrets(bench):
    """An encrypted file of 25 values, and one of 10,000."""
    large = "".join(f"GROUP_{group:05}:\n" + "".join(f"    KEY_{key:03}: invented-value-{group:05}-{key:03}\n" for key in range(100)) for group in range(100))
    for size, text in [("small", SMALL), ("large", large)]:
        recipient = encrypt(bench, size, text)
        if "age" in bench.peers:
            bench.output([bench.peers["age"], "-r", recipient, "-o", f"{size}.age", f"{size}.yaml"])
    rows = []
    for size, what, runs in [("small", "25 values", None), ("large", f"10,000 values in {len(large) / 1e6:.1f} MB", 3)]:
        def each(program, *arguments, runs=runs):
            return lambda: bench.median([bench.peers.get(program, bench.septum), *arguments], runs=runs)
        rows += [
            ("septum", f"`decrypt`, {what}", each("septum", "decrypt", f"{size}.enc.yaml")),
            ("sops", f"`decrypt`, {what}", each("sops", "decrypt", f"{size}.enc.yaml")),
            ("age", f"`--decrypt`, {what}, as one text", each("age", "-d", "-i", "key.txt", f"{size}.age")),
            ("septum", f"`encrypt`, {what}", each("septum", "encrypt", "--output", "out.yaml", f"{size}.yaml")),
            ("sops", f"`encrypt`, {what}", each("sops", "encrypt", "--output", "out.yaml", f"{size}.yaml")),
            ("age", f"`--encrypt`, {what}, as one text", each("age", "-r", recipient, "-o", "out.age", f"{size}.yaml")),
        ]
    table("One encrypted file", ["program", "command", "ms", "CPU ms", "MiB"], measured(bench, rows))


def septum_app(directory, values):
    keys = "".join(f"  {name}: default-{index}\n" for index, name in enumerate(PLAIN))
    keys += "".join(f"  {name}: {{ sensitive: true, required: true }}\n" for name in SECRET)
    write(directory / "base.yaml", f"names: kustomize\nmanifests: [workloads/deployment.yaml]\ndata:\n{keys}")
    for environment in ENVIRONMENTS:
        write(directory / f"{environment}.yaml", "data:\n" + "".join(f"  {name}: {value}\n" for name, value in values(environment)))


def deployment(name, environment_from):
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: {name} }}\nspec:\n  selector: {{ matchLabels: {{ app: {name} }} }}\n"
        f"  template:\n    metadata: {{ labels: {{ app: {name} }}{environment_from[0]} }}\n    spec:\n      containers:\n"
        f"        - name: {name}\n          image: registry.example.com/{name}:1.0\n{environment_from[1]}"
    )


def values_of(environment):
    """A quarter of the settings, and all passwords."""
    return [(name, f"{environment}-value") for name in PLAIN[:5]] + [(name, f"dummy-{environment}-invented") for name in SECRET]


REFERENCES = "          envFrom: [{ configMapRef: { name: NAME } }, { secretRef: { name: NAME } }]\n"


def make_service(directory, name):
    """The same service as a project of Septum, as bases and overlays of kustomize, and as a chart."""
    septum_app(directory / "septum" / name, values_of)
    write(directory / "septum" / name / "workloads" / "deployment.yaml", deployment(name, (f", annotations: {{ septum.dev/env-from: {name} }}", "")))
    references = REFERENCES.replace("NAME", name)
    base = directory / "kustomize" / name / "base"
    write(base / "deployment.yaml", deployment(name, ("", references)))
    literals = "".join(f"      - {key}=default-{index}\n" for index, key in enumerate(PLAIN))
    write(base / "kustomization.yaml", f"resources: [deployment.yaml]\nconfigMapGenerator:\n  - name: {name}\n    literals:\n{literals}secretGenerator:\n  - name: {name}\n")
    for environment in ENVIRONMENTS:
        plain = "".join(f"      - {key}={value}\n" for key, value in values_of(environment) if key in PLAIN)
        secret = "".join(f"      - {key}={value}\n" for key, value in values_of(environment) if key in SECRET)
        write(
            directory / "kustomize" / name / environment / "kustomization.yaml",
            f"resources: [../base]\nconfigMapGenerator:\n  - name: {name}\n    behavior: merge\n    literals:\n{plain}"
            f"secretGenerator:\n  - name: {name}\n    behavior: merge\n    literals:\n{secret}",
        )
    chart = directory / "helm" / name
    write(chart / "Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    write(chart / "values.yaml", "data:\n" + "".join(f"  {key}: default-{index}\n" for index, key in enumerate(PLAIN)) + "secret: {}\n")
    for environment in ENVIRONMENTS:
        lines = {key: [f"  {name}: {value}\n" for name, value in values_of(environment) if name in names] for key, names in [("data", PLAIN), ("secret", SECRET)]}
        write(chart / f"{environment}.yaml", "".join(f"{key}:\n{''.join(values)}" for key, values in lines.items()))
    write(chart / "templates" / "deployment.yaml", deployment(name, ("", references)))
    write(chart / "templates" / "config.yaml", (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{{{- toYaml .Values.data | nindent 2 }}}}\n---\n"
        f"apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name} }}\nstringData: {{{{- toYaml .Values.secret | nindent 2 }}}}\n"
    ))


def commands(bench, environment, name):
    kustomize, helm = (bench.peers.get(program, "") for program in ["kustomize", "helm"])
    return {
        "septum": [bench.septum, "-C", str(bench.directory / "fleet" / "septum"), "render", environment, "--app", name],
        "kustomize": [kustomize, "build", str(bench.directory / "fleet" / "kustomize" / name / environment)],
        "helm": [helm, "template", name, str(bench.directory / "fleet" / "helm" / name), "-f", str(bench.directory / "fleet" / "helm" / name / f"{environment}.yaml")],
    }


def manifests(bench, services):
    fleet = bench.directory / "fleet"
    names = [f"service-{index:04}" for index in range(services)]
    for name in names:
        make_service(fleet, name)
    write(fleet / "septum" / "septum.yaml", 'apps: ["service-*"]\n')
    one = commands(bench, "prod", names[0])
    for program, command in one.items():
        if program == "septum" or program in bench.peers:
            text = bench.output(command)
            missing = [key for key in PLAIN + SECRET if key not in text] + [kind for kind in ["ConfigMap", "Secret", "Deployment"] if f"kind: {kind}" not in text]
            assert not missing, f"{program} does not render {missing}"
    rows = [
        ("septum", "`render prod --app APP`", lambda: bench.median(one["septum"])),
        ("kustomize", "`build`", lambda: bench.median(one["kustomize"])),
        ("helm", "`template`", lambda: bench.median(one["helm"])),
    ]
    table("One service in one environment", ["program", "command", "ms", "CPU ms", "MiB"], measured(bench, rows))

    def clean():
        shutil.rmtree(bench.directory / "rendered", ignore_errors=True)

    def each(program):
        every = [commands(bench, environment, name)[program] for environment in ENVIRONMENTS for name in names]
        return lambda: bench.median(*every, runs=1)

    render = [bench.septum, "-C", str(fleet / "septum"), "render", "--all", "--out", str(bench.directory / "rendered")]
    rows = [
        ("septum", "`render --all --out`, a new directory", lambda: bench.median(render, before=clean, runs=5)),
        ("septum", "the same, nothing changed", lambda: bench.median(render, runs=5)),
        ("kustomize", "`build`, once for each", each("kustomize")),
        ("helm", "`template`, once for each", each("helm")),
    ]
    table(f"{services} services in {len(ENVIRONMENTS)} environments", ["program", "command", "ms", "CPU ms", "MiB"], measured(bench, rows))


def changed_lines(before, after):
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return sum(line[:1] in "+-" and line[:3] not in {"+++", "---"} for line in lines)


def churn(bench):
    """Lines of a committed file that differ after one of its 25 values was changed."""
    encrypt(bench, "churn", SMALL)
    original = (bench.directory / "churn.enc.yaml").read_text()
    total = len(original.splitlines())
    path = bench.directory / "churn.enc.yaml"
    rows = []

    def edited(name, what, edit):
        path.write_text(original)
        edit()
        rows.append([name, what, f"{changed_lines(original, path.read_text())} of {total}"])

    edited("septum", "`set FILE PASSWORD_3`", lambda: bench.run([bench.septum, "set", path.name, "PASSWORD_3"], text="changed-invented"))
    changed = SMALL.replace("PASSWORD_3: invented-value-0023", "PASSWORD_3: changed-invented")
    assert changed != SMALL
    if sops := bench.peers.get("sops"):
        edited("sops", "`set FILE '[\"PASSWORD_3\"]' VALUE`", lambda: bench.run([sops, "set", path.name, '["PASSWORD_3"]', '"changed-invented"']))

        def again():
            write(bench.directory / "changed.yaml", changed)
            bench.run([sops, "encrypt", "--output", path.name, "changed.yaml"])
        edited("sops", "`decrypt`, an edit, `encrypt` again", again)
    if (kubeseal := bench.peers.get("kubeseal")) and (openssl := shutil.which("openssl")):
        certificate = str(bench.directory / "certificate.pem")
        bench.run([openssl, "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-days", "3650", "-subj", "/CN=sealed", "-keyout", os.devnull, "-out", certificate])

        def sealed(text):
            secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: shop, namespace: shop }\nstringData:\n" + "".join(f"  {line}\n" for line in text.splitlines())
            with open(bench.directory / "sealed.yaml", "w") as file:
                bench.run([kubeseal, "--cert", certificate, "--format", "yaml"], text=secret, output=file)
            return (bench.directory / "sealed.yaml").read_text()
        before, after = sealed(SMALL), sealed(changed)
        rows.append(["kubeseal", "the Secret sealed again", f"{changed_lines(before, after)} of {len(before.splitlines())}"])
    table("Lines that differ after one value of 25 was changed", ["program", "command", "lines"], rows)
    print("\nCounted as `git diff` does: a line that changed is one removed and one added.")


def machine(bench):
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.processor()) if Path("/proc/cpuinfo").exists() else platform.processor()
    versions = [bench.output([bench.septum, "--version"]).strip()]
    for name, path in bench.peers.items():
        first = subprocess.run([path, *PEERS[name]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", env=bench.environment).stdout.splitlines()[0]
        versions.append(first if name in first else f"{name} {first}")
    missing = [name for name in PEERS if name not in bench.peers]
    print(f"{os.cpu_count()} cores of {cpu}, {platform.system()} {platform.release()}. Load when it began: {', '.join(f'{load:.1f}' for load in os.getloadavg())}.")
    print(f"{'; '.join(versions)}. Not installed: {', '.join(missing) or 'none'}.")
    print(f"Medians of {bench.runs} runs, of 3 or 5 where one takes long; of kustomize and helm for a fleet, one run. MiB: the largest resident set of one process.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--septum", type=Path, default=ROOT / "target" / "release" / "septum", help="program [default: target/release/septum]")
    parser.add_argument("--services", type=int, default=100, help="services of the fleet [default: 100]")
    parser.add_argument("--runs", type=int, default=30, help="runs of what is short [default: 30]")
    parser.add_argument("--only", metavar="PARTS", help="only these parts: start, file, service, churn")
    arguments = parser.parse_args()
    if not arguments.septum.is_file():
        sys.exit(f"compare: there is no `{arguments.septum}`: run `cargo build --release`, or name another with `--septum`")
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), arguments.septum.resolve(), arguments.runs)
        bench.output([bench.septum, "keygen", "-o", "key.txt"])
        machine(bench)
        parts = {"start": start_up, "file": secrets, "service": lambda bench: manifests(bench, arguments.services), "churn": churn}
        for name in arguments.only.split(",") if arguments.only else parts:
            parts.get(name, lambda _, name=name: sys.exit(f"compare: `{name}` is none of {', '.join(parts)}"))(bench)


main()
