//! Text in a column of a table or in a field of objects.

use std::path::Path;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::memchr_iter;
use serde_json::Value;

use super::{config::Records, line_ends::LineEnds};

/// Takes the text out of the parts of a file.
pub(crate) enum RecordReader {
    Csv(CsvReader),
    Jsonl(JsonlReader),
}

/// A record that is not as it should be.
pub(crate) struct BadRecord {
    /// Its line, from 1.
    pub line: u64,
    pub problem: String,
}

impl RecordReader {
    /// Creates the reader of a file. `ending` follows each record that does not end in it.
    pub fn new(records: &Records, path: &Path, ending: &str, keep_line_ends: bool) -> Self {
        let ending = ending.to_owned();
        match records {
            Records::Csv(column) => {
                let name = path.file_name().unwrap_or_default();
                let is_tsv = name.to_string_lossy().contains(".tsv");
                let delimiter = if is_tsv { b'\t' } else { b',' };
                RecordReader::Csv(CsvReader {
                    reader: ReaderBuilder::new().delimiter(delimiter).build(),
                    name: column.clone(),
                    column: None,
                    names: Vec::new(),
                    place: 0,
                    field: Vec::new(),
                    line: 1,
                    begin: 1,
                    is_between: true,
                    ending,
                })
            }
            Records::Jsonl(field) => RecordReader::Jsonl(JsonlReader {
                field: field.clone(),
                partial: String::new(),
                line: 0,
                keep_line_ends,
                ending,
            }),
        }
    }

    /// Returns the text of the records that end in the next part of the file.
    pub fn read(&mut self, part: &str, is_last: bool) -> Result<String, BadRecord> {
        let mut text = String::new();
        match self {
            RecordReader::Csv(csv) => {
                csv.read(part.as_bytes(), &mut text)?;
                if is_last {
                    csv.end(&mut text)?;
                }
            }
            RecordReader::Jsonl(jsonl) => {
                if !is_last && !part.contains('\n') {
                    jsonl.partial.push_str(part);
                    return check_length(jsonl.partial.len(), jsonl.line + 1).map(|()| text);
                }
                let joined = std::mem::take(&mut jsonl.partial) + part;
                let whole = match is_last {
                    true => joined.len(),
                    false => joined.rfind('\n').map_or(0, |last| last + 1),
                };
                for line in joined[..whole].lines() {
                    jsonl.read_line(line, &mut text)?;
                }
                jsonl.partial = joined[whole..].to_owned();
            }
        }
        Ok(text)
    }
}

pub(crate) struct CsvReader {
    reader: Reader,
    name: String,
    /// Which column is text, once it is known.
    column: Option<usize>,
    /// The names of the columns so far, while it is not.
    names: Vec<String>,
    /// The column that comes next.
    place: usize,
    /// What has been read of it.
    field: Vec<u8>,
    /// The line that is read, from 1.
    line: u64,
    /// The line in which the record begins.
    begin: u64,
    /// Whether the next record has not begun.
    is_between: bool,
    ending: String,
}

impl CsvReader {
    /// Reads a part of the file.
    fn read(&mut self, mut part: &[u8], text: &mut String) -> Result<(), BadRecord> {
        let mut buffer = [0; 4096];
        while !part.is_empty() {
            let (result, read, written) = self.reader.read_field(part, &mut buffer);
            let (mut taken, rest) = part.split_at(read);
            part = rest;
            if self.is_between {
                let blank = taken.iter().take_while(|&&byte| byte == b'\n').count();
                self.line += blank as u64;
                self.begin = self.line;
                self.is_between = blank == read;
                if self.is_between {
                    continue;
                }
                taken = &taken[blank..];
            }
            let line_ends = memchr_iter(b'\n', taken).count() as u64;
            // A record ends with its line.
            let line = self.line + line_ends.saturating_sub(1);
            self.line += line_ends;
            if self.column.is_none_or(|column| column == self.place) {
                self.field.extend_from_slice(&buffer[..written]);
                check_length(self.field.len(), self.begin)?;
            }
            if let ReadFieldResult::Field { record_end } = result {
                self.end_field(record_end, line, text)?;
                self.is_between = record_end;
            }
        }
        Ok(())
    }

    /// Ends the file.
    fn end(&mut self, text: &mut String) -> Result<(), BadRecord> {
        // A line end ends the last record, unless it is part of a field.
        let (result, _, written) = self.reader.read_field(b"\n", &mut [0; 2]);
        match result {
            ReadFieldResult::Field { record_end } => self.end_field(record_end, self.line, text),
            _ if written == 0 => Ok(()),
            _ => Err(BadRecord {
                line: self.begin,
                problem: "a quotation mark in this record is never closed".to_owned(),
            }),
        }
    }

    fn end_field(&mut self, is_last: bool, line: u64, text: &mut String) -> Result<(), BadRecord> {
        let field = String::from_utf8_lossy(&self.field).into_owned();
        self.field.clear();
        match self.column {
            Some(column) if column == self.place => push_record(text, &field, &self.ending),
            Some(column) if is_last && self.place < column => {
                let problem = format!(
                    "column {} is not there: the row has {}",
                    column + 1,
                    self.place + 1
                );
                return Err(BadRecord { line, problem });
            }
            Some(_) => (),
            None => self.names.push(field),
        }
        self.place = if is_last { 0 } else { self.place + 1 };
        if is_last && self.column.is_none() {
            self.end_first_line(line, text)?;
        }
        Ok(())
    }

    /// Finds the column by its name or, if the first line has no such name, by its number.
    fn end_first_line(&mut self, line: u64, text: &mut String) -> Result<(), BadRecord> {
        let (name, names) = (&self.name, &self.names);
        self.column = names.iter().position(|found| found == name);
        if self.column.is_some() {
            return Ok(());
        }
        match name.parse().map(|number: usize| number.wrapping_sub(1)) {
            Ok(column) if column < names.len() => {
                self.column = Some(column);
                push_record(text, &names[column], &self.ending);
                Ok(())
            }
            _ => Err(BadRecord {
                line,
                problem: format!("no column is named {name:?}; there are: {}", listed(names)),
            }),
        }
    }
}

pub(crate) struct JsonlReader {
    field: String,
    /// The line that the last part ended within.
    partial: String,
    line: u64,
    keep_line_ends: bool,
    ending: String,
}

impl JsonlReader {
    fn read_line(&mut self, line: &str, text: &mut String) -> Result<(), BadRecord> {
        self.line += 1;
        if line.trim().is_empty() {
            return Ok(());
        }
        let bad = |problem| BadRecord {
            line: self.line,
            problem,
        };
        let object: Value = serde_json::from_str(line)
            .map_err(|e| bad(format!("not JSON: {e}").replace(" at line 1", "")))?;
        let field = object
            .get(&self.field)
            .or_else(|| object.pointer(&self.field));
        match field {
            Some(Value::String(found)) if self.keep_line_ends => {
                push_record(text, found, &self.ending);
            }
            Some(Value::String(found)) => {
                let found = LineEnds::default().unify(found.into());
                push_record(text, &found, &self.ending);
            }
            Some(_) => return Err(bad(format!("its {:?} is not a string", self.field))),
            None => {
                let names = object
                    .as_object()
                    .into_iter()
                    .flat_map(|object| object.keys());
                let names: Vec<String> = names.cloned().collect();
                let problem = format!("it has no {:?}; it has: {}", self.field, listed(&names));
                return Err(bad(problem));
            }
        }
        Ok(())
    }
}

/// Returns an error for a record that is longer than any text that was meant to be one.
fn check_length(length: usize, line: u64) -> Result<(), BadRecord> {
    const LONGEST: usize = 256 << 20;
    match length > LONGEST {
        true => Err(BadRecord {
            line,
            problem: "a record of more than 256 MiB, perhaps after a quotation mark".to_owned(),
        }),
        false => Ok(()),
    }
}

/// Lists the first names.
fn listed(names: &[String]) -> String {
    let all = names.join(", ");
    match all.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
}

fn push_record(text: &mut String, record: &str, ending: &str) {
    if !record.is_empty() {
        text.push_str(record);
        if !record.ends_with(ending) {
            text.push_str(ending);
        }
    }
}
