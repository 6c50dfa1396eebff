//! Sets one value of an encrypted file and prints the new file: nothing else in it changes.
//!
//! ```console
//! $ export SOPS_AGE_KEY_FILE=examples/demo-age-key.txt
//! $ cargo run -p septum-sops --example set_value -- environments/prod.secrets.yaml data.DATABASE_PASSWORD new
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use septum_sops::{DecryptedFile, HostSystem, Identities, IdentitySources, SopsFormat, SopsTree, Timestamp, ValuePath};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, path, value] = arguments.as_slice() else { return Err("usage: set_value FILE PATH VALUE".into()) };

    let format = SopsFormat::of_path(Path::new(file));
    let identities =
        Identities::new(IdentitySources::of(HostSystem::current(), |variable: &str| std::env::var_os(variable)));

    // decrypts every value and verifies the MAC
    let mut decrypted = DecryptedFile::decrypt_bytes(file, std::fs::read(file)?, format, &identities)?;
    let path: ValuePath = path.parse()?;
    decrypted.set_value(0, &path, &SopsTree::from_text(value))?;
    // encrypts what changed, then decrypts the result again and compares
    let bytes = decrypted.write_bytes(Timestamp::from_system_time(SystemTime::now()))?;
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}
