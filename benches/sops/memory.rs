//! Peak memory of whole processes on big files, over the length of the larger of input and output.

use std::fs;

use super::{Bench, files, length};

/// How many maps of a hundred keys a file has: 10 MB in plaintext.
const MAPS: usize = 3000;

/// The length of the binary file.
const BINARY: usize = 40_000_000;

/// Prints a row for each format.
pub(super) fn measure(bench: &Bench) {
    println!(
        "\n{:<12} {:>12} {:>12} {:>8} {:>8} {:>8}",
        "peak memory", "plain MiB", "sealed MiB", "encrypt", "decrypt", "rotate"
    );
    for name in ["memory.yaml", "memory.json", "memory.env", "memory.ini", "memory.bin"] {
        row(bench, name);
    }
}

fn row(bench: &Bench, name: &str) {
    let (plain, sealed) = (bench.directory.join(name), bench.directory.join("memory").join(name));
    match name {
        "memory.yaml" => files::yaml(&plain, MAPS),
        "memory.json" => files::json(&plain, MAPS),
        "memory.env" => files::lines(&plain, MAPS, None),
        "memory.ini" => files::lines(&plain, MAPS, Some(" ")),
        _ => files::binary(&plain, BINARY),
    }
    let encrypt = format!("encrypt --age {} --output memory/{name} {name}", bench.recipient);
    fs::create_dir_all(bench.directory.join("memory")).expect("a directory");
    let encrypted = bench.septum("", &encrypt).peak_memory();
    let (input, output) = (length(&plain), length(&sealed));
    let decrypted = bench.septum("memory", &format!("decrypt {name}")).peak_memory();
    let rotated = bench.septum("memory", &format!("rotate {name}")).peak_memory();
    let ratio =
        |peak: Option<f64>| peak.map_or_else(|| "–".to_owned(), |peak| format!("{:.1}", peak / input.max(output)));
    let [encrypted, decrypted, rotated] = [encrypted, decrypted, rotated].map(ratio);
    println!("{name:<12} {input:>12.1} {output:>12.1} {encrypted:>8} {decrypted:>8} {rotated:>8}");
}
