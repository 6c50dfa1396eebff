use serde_json::Value as Json;

use super::*;

fn by_hex(key: &str) -> UnlockedDataKey {
    let bytes: Vec<u8> =
        (0..key.len()).step_by(2).map(|at| u8::from_str_radix(&key[at..at + 2], 16).expect("hex")).collect();
    UnlockedDataKey::whole(bytes.try_into().expect("a key"))
}

#[test]
fn all_vectors_open_and_print_as_sops_prints_them() {
    let manifest: Json = serde_json::from_slice(&vector("manifest.json")).expect("JSON");
    let files = manifest.as_array().expect("a list");
    assert_eq!(files.len(), 22, "all but the two whose data key is not known");
    for file in files {
        let name = file["file"].as_str().expect("a name");
        let key = file["data_key_hex"].as_str().expect("a key");
        let format = SopsFormat::of_path(name.as_ref());
        let opened = DecryptedFile::decrypt_bytes_with(name, vector(name), format, by_hex(key));
        if matches!(opened, Err(DecryptionError::AmbiguousKey(_))) {
            // a key with a `:`, which sops does not mind
            assert!(String::from_utf8_lossy(&vector(name)).contains("with:colon: ENC["), "{name}");
            continue;
        }
        let sealed = opened.unwrap_or_else(|error| panic!("{name}: {:?}", error.into_diagnostics()));
        let printed =
            sealed.emit_format(format).unwrap_or_else(|error| panic!("{name}: {:?}", error.into_diagnostics()));
        let expected = vector(&format!("decrypted/{name}"));
        assert_eq!(String::from_utf8_lossy(&printed), String::from_utf8_lossy(&expected), "{name}");
        // and the plaintext that keeps the form of the file means the same
        if format != SopsFormat::Binary {
            let plain = Source::new(name, plaintext(&sealed));
            let parsed = format.parse(&plain).unwrap_or_else(|found| panic!("{name}: {found:?}\n{}", plain.text()));
            let again = format.emit_document(&parsed.document, None).expect("emits");
            assert_eq!(again.as_str(), String::from_utf8_lossy(&expected), "{name}\n{}", plain.text());
        }
    }
}

#[test]
fn an_unchanged_vector_is_given_back_byte_for_byte() {
    for entry in fs::read_dir(directory()).expect("vectors") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if !name.contains(".enc.") {
            continue;
        }
        let format = SopsFormat::of_path(name.as_ref());
        let identities = identities();
        if let Ok(sealed) = DecryptedFile::decrypt_bytes(&name, vector(&name), format, &identities) {
            let plain = sealed.plaintext().expect("plain");
            let mut sealed = sealed;
            sealed.replace_plaintext(&plain).expect("the same");
            assert_eq!(sealed.write_bytes(now()).expect("writes"), vector(&name), "{name}");
        }
    }
}
