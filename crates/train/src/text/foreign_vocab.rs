//! The symbols of a model that another program trained.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use serde::Deserialize;

use super::vocab::Vocab;
use crate::error::{Error, InFile};

impl Vocab {
    /// Reads the characters of a model that another program trained, in the order of their tokens. The file
    /// holds
    ///
    /// | content | example |
    /// |---|---|
    /// | what [`save`](Self::save) wrote | the `vocab.json` of a run |
    /// | a JSON list of characters | `["\n", " ", "a"]` |
    /// | a JSON object of their tokens, or of characters by token | `{"a": 2, "\n": 0, " ": 1}` |
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
        if bytes.first() == Some(&0x80) {
            let problem = "a pickle; write its characters as JSON first, in Python: json.dump(pickle.load(open(\"meta.pkl\", \"rb\"))[\"stoi\"], open(\"vocab.json\", \"w\"))";
            return Err(wrong(problem.to_owned()));
        }
        let text = str::from_utf8(&bytes).map_err(|e| wrong(e.to_string()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Ok(vocab) = Vocab::from_json(text) {
            return Ok(vocab);
        }
        let symbols = match serde_json::from_str(text) {
            Ok(Foreign::List(list)) => list,
            Ok(Foreign::Tokens(stoi) | Foreign::Both { stoi }) => in_order(stoi).map_err(wrong)?,
            Ok(Foreign::Symbols(itos)) => {
                let token = |(token, symbol): (String, String)| match token.parse() {
                    Ok(token) => Ok((symbol, token)),
                    Err(_) => Err(format!("{token:?} is neither a character nor a number")),
                };
                let tokens: Result<_, String> = itos.into_iter().map(token).collect();
                tokens.and_then(in_order).map_err(wrong)?
            }
            Err(_) if serde_json::from_str::<serde_json::Value>(text).is_ok() => {
                return Err(wrong("JSON, but no list or object of characters".into()));
            }
            Err(_) => each_once(text).iter().map(char::to_string).collect(),
        };
        let vocab = of_characters(&symbols).and_then(|vocab| vocab.check().map(|()| vocab));
        vocab.map_err(wrong)
    }
}

/// What other programs write as JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Foreign {
    List(Vec<String>),
    Tokens(BTreeMap<String, usize>),
    Symbols(BTreeMap<String, String>),
    Both { stoi: BTreeMap<String, usize> },
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
                "{symbol:?} is not one character; words and symbols such as <pad> can't be imported"
            )),
        }
    };
    symbols
        .iter()
        .map(only)
        .collect::<Result<_, _>>()
        .map(Vocab::Chars)
}
