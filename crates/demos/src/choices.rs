//! Parses flags whose value is one of a few names.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Returns a parser that accepts the name of any of `all`.
pub fn one_of<T, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(name)).map(move |given| {
        let mut all = all.into_iter();
        let chosen = all.find(|&value| name(value) == given);
        chosen.expect("clap has checked the name")
    })
}
