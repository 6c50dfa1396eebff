//! Addresses of files, as editors write them.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::protocol::DocumentUri;
use crate::disk::{path_of, real_named};

/// Scheme of addresses of files.
const SCHEME: &str = "file://";

/// Bytes of a path that an address writes as `%XX`: all but the unreserved ones of RFC 3986, and `/`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The file of an address, without links; none if it is not of a file on this machine.
pub(super) fn path_of_uri(uri: &DocumentUri) -> Option<PathBuf> {
    let text = uri.as_str();
    let scheme = text.get(..SCHEME.len())?;
    let rest = text.get(SCHEME.len()..).filter(|_| scheme.eq_ignore_ascii_case(SCHEME))?;
    let rest = rest.split(['?', '#']).next()?;
    let start = rest.find('/')?;
    let (host, path) = rest.split_at(start);
    if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
        return None;
    }
    // `/c:/directory` on Windows
    let path = if cfg!(windows) { path.strip_prefix('/')? } else { path };
    let path = path_of(percent_decode_str(path).collect()).ok()?;
    (path.is_absolute() && !path.as_os_str().as_encoded_bytes().contains(&0)).then(|| real_named(&path))
}

/// The address of an absolute path.
pub(super) fn uri_of_path(path: &Path) -> DocumentUri {
    let bytes = path.as_os_str().as_encoded_bytes();
    let encoded = percent_encode(bytes, ENCODED).to_string();
    let text =
        if cfg!(windows) { format!("{SCHEME}/{}", encoded.replace("%5C", "/")) } else { format!("{SCHEME}{encoded}") };
    DocumentUri(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn an_address_is_that_of_its_path() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        for (path, address) in [
            (b"/a b/ba%e.yaml".as_slice(), "file:///a%20b/ba%25e.yaml"),
            (b"/gr\xC3\xBC\xC3\x9Fe/#1?.yaml", "file:///gr%C3%BC%C3%9Fe/%231%3F.yaml"),
            (b"/not-utf8-\xFF", "file:///not-utf8-%FF"),
        ] {
            let path = Path::new(OsStr::from_bytes(path));
            let uri = uri_of_path(path);
            assert_eq!(uri.as_str(), address);
            assert_eq!(path_of_uri(&uri).as_deref(), Some(path));
        }
    }

    #[test]
    fn an_address_that_is_of_no_file_here_has_no_path() {
        for address in ["untitled:Untitled-1", "file://host/a", "https://example.com/a", "file:a", "file:///a%00b", "a"]
        {
            assert_eq!(path_of_uri(&DocumentUri(address.to_owned())), None, "{address}");
        }
    }
}
