"""What the library `tokenizers` (0.23.3, from PyPI) learns as pieces of words, for tests/train/words.rs.

    python tests/golden/pieces.py > tests/golden/pieces.json

It gets the words as they are cut here: a run of letters and apostrophes or a single other character, with the space
before it. In this text these are the words of Unicode Standard Annex 29 too.
"""

import json
import re

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

TEXT = """\
The old clock on the stair told the hours to an empty house. Nobody heard it, and nobody wound it; still it told
them, one after another, as if the telling were the thing and not the hours. In the cellar the cat listened. She had
counted the strokes on other nights, in other houses, and knew that no two clocks ever told the same hour.
"The same," said the clock. "Never the same," said the cat. "The hour is the hour." "It's the hour that's never the
same." And the stair, which had heard them both before, said nothing at all.
"""
WORDS = r" ?(?:[A-Za-z']+|[^A-Za-z' \n])|\n"

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "isolated")
trainer = trainers.BpeTrainer(vocab_size=1000, min_frequency=2, show_progress=False)
tokenizer.train_from_iterator([TEXT], trainer)
vocab = tokenizer.get_vocab()
pieces = sorted(vocab, key=vocab.get)[len(set(TEXT)) :]
assert "".join(re.findall(WORDS, TEXT)) == TEXT
print(json.dumps({"text": TEXT, "pieces": pieces, "encoded": tokenizer.encode(TEXT).tokens}, indent=1))
