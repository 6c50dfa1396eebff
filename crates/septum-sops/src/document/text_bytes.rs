//! The bytes of texts, of which a file may have millions.

use std::ops::Deref;

use zeroize::Zeroizing;

use septum_base::span::{Source, SourcePart};

/// Bytes of a text: its own, or those of the file that contains them unchanged. Own ones are wiped when dropped.
#[derive(Clone)]
pub struct TextBytes(Held);

#[derive(Clone)]
enum Held {
    Own(Zeroizing<Vec<u8>>),
    Part(SourcePart),
}

impl TextBytes {
    /// A text that its file contains unchanged.
    pub(crate) fn in_place(part: SourcePart) -> Self {
        Self(Held::Part(part))
    }

    /// A text that was read at an offset of a file: copied only if it differs there.
    pub(crate) fn read(source: &Source, start: usize, text: &str) -> Self {
        SourcePart::of(source, start, text).map_or_else(|| text.as_bytes().to_vec().into(), Self::in_place)
    }

    /// The bytes, copied if they are shared.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        match self.0 {
            Held::Own(bytes) => bytes,
            Held::Part(part) => Zeroizing::new(part.text().as_bytes().to_vec()),
        }
    }
}

impl Deref for TextBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Own(bytes) => bytes,
            Held::Part(part) => part.text().as_bytes(),
        }
    }
}

impl Default for TextBytes {
    fn default() -> Self {
        Self(Held::Own(Zeroizing::default()))
    }
}

impl PartialEq for TextBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<Vec<u8>> for TextBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Zeroizing::new(bytes).into()
    }
}

impl From<Zeroizing<Vec<u8>>> for TextBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Held::Own(bytes))
    }
}
