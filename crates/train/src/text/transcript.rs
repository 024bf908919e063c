//! From the bytes of a file to its text.

use std::{borrow::Cow, path::Path};

use super::{
    config::TextConfig,
    encoding::{Decoder, Encoding},
    line_ends::LineEnds,
    records::RecordReader,
};
use crate::error::Error;

/// Turns the blocks of a file into text: decoded, with line feeds at the ends of lines, and only the column or
/// field that is text.
pub(crate) struct Transcript<'a> {
    path: &'a Path,
    decoder: Decoder,
    line_ends: Option<LineEnds>,
    records: Option<RecordReader>,
}

impl<'a> Transcript<'a> {
    /// Creates the transcript of a file from `offset` on.
    pub fn new(
        path: &'a Path,
        config: &TextConfig,
        encoding: Option<Encoding>,
        offset: usize,
    ) -> Self {
        let ending = config.documents.as_ref().map_or("\n", |end| &end.0);
        Transcript {
            path,
            decoder: Decoder::new(encoding, offset),
            line_ends: (!config.keep_line_ends).then(LineEnds::default),
            records: config
                .records
                .as_ref()
                .map(|records| RecordReader::new(records, path, ending, config.keep_line_ends)),
        }
    }

    /// Returns whether the text, as far as it is known, is in the file byte by byte.
    pub fn is_verbatim(&self) -> bool {
        self.decoder.is_utf8()
            && self.records.is_none()
            && !self.line_ends.as_ref().is_some_and(|ends| ends.has_changed)
    }

    /// Returns the text of the next block: whole characters, whole records.
    pub fn next<'b>(&mut self, block: &'b [u8], is_last: bool) -> Result<Cow<'b, str>, Error> {
        let name = || self.path.display().to_string();
        let mut text = self.decoder.decode(block, is_last).map_err(|e| {
            let guess = self.decoder.is_utf8().then(|| Encoding::guess(block));
            Error::NotUtf8 {
                name: name(),
                offset: e.offset,
                problem: e.problem,
                guess,
            }
        })?;
        if let Some(line_ends) = &mut self.line_ends {
            text = line_ends.unify(text);
        }
        match &mut self.records {
            None => Ok(text),
            Some(records) => {
                let read = records.read(&text, is_last);
                read.map(Cow::Owned).map_err(|e| Error::Record {
                    name: name(),
                    line: e.line,
                    problem: e.problem,
                })
            }
        }
    }
}
