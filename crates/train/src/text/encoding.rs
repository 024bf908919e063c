//! Encodings, and text out of bytes in one of them.

use std::{borrow::Cow, fmt, str::FromStr};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE};

use crate::serde_text::serde_as_text;

/// An encoding of text, by its name in the [Encoding Standard](https://encoding.spec.whatwg.org/#names-and-labels):
/// `windows-1252`, `gb18030`, `shift_jis`, `utf-16le`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl FromStr for Encoding {
    type Err = &'static str;

    fn from_str(label: &str) -> Result<Self, Self::Err> {
        let plain = || label.replace(['-', '_'], "");
        let found = encoding_rs::Encoding::for_label(label.as_bytes())
            .or_else(|| encoding_rs::Encoding::for_label(plain().as_bytes()));
        found
            .map(Encoding)
            .ok_or("not an encoding; try utf-16le, windows-1252, gb18030, shift_jis, …")
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name().to_ascii_lowercase())
    }
}

serde_as_text!(Encoding);

impl Encoding {
    /// Returns the encoding that a byte order mark at the start of a file names, and how long the mark is.
    pub(crate) fn of_mark(head: &[u8]) -> Option<(Self, usize)> {
        let (encoding, length) = encoding_rs::Encoding::for_bom(head)?;
        Some((Encoding(encoding), length))
    }

    /// Returns whether text in it has zero bytes.
    pub(crate) fn has_zeros(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
    }

    /// Guesses the encoding of a text that is not UTF-8.
    pub(crate) fn guess(text: &[u8]) -> Self {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(text, true);
        Encoding(detector.guess(None, Utf8Detection::Deny))
    }
}

/// Turns the blocks of a file into text.
pub(crate) struct Decoder {
    /// `None` for UTF-8.
    other: Option<(Encoding, encoding_rs::Decoder)>,
    /// The character that the last block ended within.
    partial: Vec<u8>,
    /// The place in the file at which the next block begins.
    offset: usize,
}

/// Bytes that are no character.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// Their place in the file.
    pub offset: usize,
    pub problem: String,
}

impl Decoder {
    /// Creates the decoder of a file from `offset` on.
    pub fn new(encoding: Option<Encoding>, offset: usize) -> Self {
        let other = encoding.filter(|encoding| encoding.0 != UTF_8);
        Decoder {
            other: other.map(|other| (other, other.0.new_decoder_without_bom_handling())),
            partial: Vec::new(),
            offset,
        }
    }

    /// Returns whether the text is in the file as it is.
    pub fn is_utf8(&self) -> bool {
        self.other.is_none()
    }

    /// Returns the text of the next block, without a character that it ends within.
    pub fn decode<'a>(
        &mut self,
        block: &'a [u8],
        is_last: bool,
    ) -> Result<Cow<'a, str>, Malformed> {
        let Some((encoding, decoder)) = &mut self.other else {
            return self.decode_utf8(block, is_last);
        };
        let length = decoder.max_utf8_buffer_length_without_replacement(block.len());
        let mut text = String::with_capacity(length.expect("a block is short"));
        let (result, read) =
            decoder.decode_to_string_without_replacement(block, &mut text, is_last);
        let end = self.offset + read;
        self.offset = end;
        match result {
            DecoderResult::Malformed(length, after) => Err(Malformed {
                offset: end.saturating_sub((length + after).into()),
                problem: format!("not text in {encoding}: invalid bytes"),
            }),
            _ => Ok(text.into()),
        }
    }

    fn decode_utf8<'a>(
        &mut self,
        block: &'a [u8],
        is_last: bool,
    ) -> Result<Cow<'a, str>, Malformed> {
        let bytes: Cow<[u8]> = match self.partial.is_empty() {
            true => block.into(),
            false => [&self.partial[..], block].concat().into(),
        };
        let whole = match str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(e) => {
                let place = e.valid_up_to();
                let problem = match e.error_len() {
                    Some(_) => format!("not UTF-8 text: invalid byte 0x{:02x}", bytes[place]),
                    None if is_last => "not UTF-8 text: it ends within a character".to_owned(),
                    None => String::new(),
                };
                if !problem.is_empty() {
                    let offset = self.offset + place;
                    return Err(Malformed { offset, problem });
                }
                place
            }
        };
        self.offset += whole;
        self.partial = bytes[whole..].to_vec();
        let checked = "checked";
        Ok(match bytes {
            Cow::Borrowed(bytes) => str::from_utf8(&bytes[..whole]).expect(checked).into(),
            Cow::Owned(mut bytes) => {
                bytes.truncate(whole);
                String::from_utf8(bytes).expect(checked).into()
            }
        })
    }
}
