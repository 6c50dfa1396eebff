# Tasks of this repository: `just` lists them.

# recipes that take arguments get them as $1, $2 …
set positional-arguments

_default:
    @just --list --unsorted

# every test
test *ARGUMENTS:
    cargo test --locked "$@"

# the tests of one part, such as `just fast check::`
fast PART:
    cargo test --locked --test program -- "$1"
    cargo test --locked --lib -- "$1"

# format, lints, documentation
lint:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps

# benchmarks, or one of them
bench *ARGUMENTS:
    cargo bench --locked "$@"

# the tables of docs/performance.md about other tools
bench-page *ARGUMENTS:
    cargo build --locked --profile dist
    python3 benches/compare.py --septum target/dist/septum "$@"

# the documentation of the library in a browser
docs:
    cargo doc --locked --no-deps --open

# the programs that tests compare with
peers *NAMES:
    .ci/peers "$@"

# all fuzz targets, or those that are named, for some seconds in all
fuzz SECONDS="60" *TARGETS:
    cargo run --locked --release -p septum-fuzz --features driver --bin fuzz -- --seconds "$@"

# the fuzz targets on the inputs that CI tries
fuzz-ci:
    CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo run --locked -p septum-fuzz --features driver --bin fuzz -- --runs 8000 --seed 1

# changes the code of a file, one expression at a time, and shows the changes with which the tests named still pass
mutants PACKAGE FILE *TESTS="--lib":
    package=$1 file=$2; shift 2; cargo mutants --in-place --package "$package" --file "$file" -- --locked "$@"

# records again what programs print and what the demo and the examples render
update-cases:
    UPDATE_EXPECT=1 cargo test --locked --test program
    git status --short tests docs

# the archive of a release for this machine
archive *ARGUMENTS:
    python3 dist/archive.py "$@"

# licences, advisories and sources of dependencies
deny:
    cargo deny --workspace check

# what CI runs
ci:
    .ci/run
