//! Learns pieces of words: byte-pair encoding, with characters for bytes (Sennrich, Haddow and Birch 2016, "Neural
//! machine translation of rare words with subword units").

use std::collections::{BTreeSet, HashMap};

/// Two neighbours, by their numbers among the pieces.
type Pair = (u32, u32);

/// The most frequent words, which teach the pieces of all others.
const MOST_WORDS: usize = 1 << 17;

/// Returns up to `n` pieces, in the order in which they were learned: again and again, the two neighbours that
/// occur most often side by side in words become one piece. Of equally frequent pairs, the one whose symbols were
/// there first is taken. A pair that occurs less often than `least` times is none.
///
/// `chars` are the symbols to begin with, sorted; `words` come with how often they occur.
pub(crate) fn learn(chars: &[char], words: &[(String, u64)], n: usize, least: u64) -> Vec<String> {
    let words = &words[..words.len().min(MOST_WORDS)];
    let mut pieces: Vec<String> = chars.iter().map(char::to_string).collect();
    let number = |symbol| {
        chars
            .binary_search(&symbol)
            .expect("a character of the text") as u32
    };
    let mut spelled: Vec<Vec<u32>> = words
        .iter()
        .map(|(word, _)| word.chars().map(number).collect())
        .collect();
    let mut pairs: HashMap<Pair, PairUse> = HashMap::new();
    for (i, word) in spelled.iter().enumerate() {
        for pair in word.windows(2) {
            let found = pairs.entry((pair[0], pair[1])).or_default();
            found.count += words[i].1;
            found.words.insert(i);
        }
    }

    while pieces.len() < chars.len() + n {
        let most = pairs
            .iter()
            .max_by_key(|(pair, found)| (found.count, std::cmp::Reverse(**pair)));
        let Some((&pair, _)) = most.filter(|(_, found)| found.count >= least) else {
            break;
        };
        let piece = pieces.len() as u32;
        pieces.push(format!(
            "{}{}",
            pieces[pair.0 as usize], pieces[pair.1 as usize]
        ));
        let uses = pairs.remove(&pair).expect("found");
        for i in uses.words {
            let count = words[i].1;
            for old in spelled[i].windows(2) {
                if let Some(found) = pairs.get_mut(&(old[0], old[1])) {
                    found.count -= count;
                    if found.count == 0 {
                        pairs.remove(&(old[0], old[1]));
                    }
                }
            }
            merge(&mut spelled[i], pair, piece);
            for new in spelled[i].windows(2) {
                let found = pairs.entry((new[0], new[1])).or_default();
                found.count += count;
                found.words.insert(i);
            }
        }
    }
    pieces.split_off(chars.len())
}

/// The occurrences of two neighbours.
#[derive(Default)]
struct PairUse {
    count: u64,
    /// The words that have or once had them side by side.
    words: BTreeSet<usize>,
}

/// Replaces each occurrence of a pair, from the left.
fn merge(word: &mut Vec<u32>, pair: Pair, piece: u32) {
    let mut i = 0;
    while i + 1 < word.len() {
        if (word[i], word[i + 1]) == pair {
            word[i] = piece;
            word.remove(i + 1);
        }
        i += 1;
    }
}
