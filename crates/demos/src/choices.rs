//! Parses flags whose value is one of a few names.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Returns a parser that accepts the name of any of `all`.
pub fn one_of<T>(
    all: impl IntoIterator<Item = T>,
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let all: Vec<T> = all.into_iter().collect();
    let names: Vec<&'static str> = all.iter().copied().map(name).collect();
    PossibleValuesParser::new(names).map(move |given| {
        let mut all = all.iter().copied();
        let chosen = all.find(|&value| name(value) == given);
        chosen.expect("clap has checked the name")
    })
}
