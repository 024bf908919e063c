//! The symbols of a model that another program trained.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use super::vocab::Vocab;
use crate::error::{Error, InFile};

impl Vocab {
    /// Reads the characters of a model that another program trained, in the order of their tokens. The file holds
    ///
    /// | content | example |
    /// |---|---|
    /// | what [`save`](Self::save) wrote | the `vocab.json` of a run |
    /// | a JSON list of characters | `["\n", " ", "a"]` |
    /// | a JSON object of their tokens | `{"a": 2, "\n": 0, " ": 1}` |
    /// | the characters themselves, each once | `abc…` |
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is none of these, or has a character twice.
    pub fn load_foreign(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).in_file(path)?;
        let wrong = |reason: String| Error::NoCharacters {
            path: path.to_owned(),
            reason,
        };
        let text = str::from_utf8(&bytes).map_err(|e| wrong(e.to_string()))?;
        if let Ok(vocab) = serde_json::from_str::<Vocab>(text) {
            vocab.check().map_err(wrong)?;
            return Ok(vocab);
        }
        let symbols = match serde_json::from_str::<Vec<String>>(text) {
            Ok(list) => list,
            Err(_) => match serde_json::from_str::<BTreeMap<String, usize>>(text) {
                Ok(tokens) => in_order(tokens).map_err(wrong)?,
                Err(_) => each_once(text).iter().map(char::to_string).collect(),
            },
        };
        let vocab = of_characters(&symbols).and_then(|vocab| vocab.check().map(|()| vocab));
        vocab.map_err(wrong)
    }
}

/// Returns the symbols in the order of their tokens, which are 0, 1, 2, …
fn in_order(tokens: BTreeMap<String, usize>) -> Result<Vec<String>, String> {
    let n = tokens.len();
    let mut symbols = vec![None; n];
    for (symbol, token) in tokens {
        match symbols.get_mut(token) {
            Some(place @ None) => *place = Some(symbol),
            Some(Some(other)) => {
                return Err(format!("{symbol:?} and {other:?} have token {token}"));
            }
            None => {
                return Err(format!(
                    "{symbol:?} has token {token}, but there are {n} symbols"
                ));
            }
        }
    }
    Ok(symbols.into_iter().flatten().collect())
}

/// Returns the characters of a text. An editor ends it with a line feed, which counts if it is the only one.
fn each_once(text: &str) -> Vec<char> {
    let mut seen = HashSet::new();
    let last = text.char_indices().next_back();
    let is_new = |&(i, c): &(usize, char)| seen.insert(c) || Some((i, c)) != last || c != '\n';
    text.char_indices().filter(is_new).map(|(_, c)| c).collect()
}

fn of_characters(symbols: &[String]) -> Result<Vocab, String> {
    let only = |symbol: &String| {
        let mut chars = symbol.chars();
        match (chars.next(), chars.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(format!(
                "{symbol:?} is not one character; models of words can't be imported"
            )),
        }
    };
    symbols
        .iter()
        .map(only)
        .collect::<Result<_, _>>()
        .map(Vocab::Chars)
}
