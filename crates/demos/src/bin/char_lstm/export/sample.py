

def tokens_of(text, symbols, what):
    """Returns the numbers of the characters of a text."""
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    unknown = sorted(set(text) - set(numbers))
    # Stands for all characters that are unknown, if there is one.
    other = numbers.get("\uffff")
    if unknown and other is None:
        sys.exit(f"error: the model does not know {' '.join(unknown)} of {what}")
    return [numbers.get(symbol, other) for symbol in text]


def sample(model, separator, tokens, temperature, rng):
    """Yields what follows `tokens`: each token is drawn from what the model predicts. Documents, which end with
    `separator`, are independent: each starts from a state of zeros."""
    ending = []

    def read(token):
        scores = model.read([token])
        ending.append(token)
        del ending[: len(ending) - len(separator)]
        if separator and ending == separator:
            return begin()
        return scores

    def begin():
        ending.clear()
        model.reset()
        return model.read(separator[-1:])

    scores = begin() if separator else None
    for token in tokens:
        scores = read(token)
    while True:
        if temperature == 0:
            token = int(scores.argmax())
        else:
            weights = np.exp((scores - scores.max()) / temperature)
            token = int(rng.choice(len(weights), p=weights / weights.sum()))
        yield token
        scores = read(token)


def main():
    # This script is called sample_NAME_PROGRAM.py.
    name = Path(__file__).stem.removeprefix("sample_").removesuffix(f"_{PROGRAM}")
    beside = Path(__file__).with_name(name + SUFFIX)
    parser = argparse.ArgumentParser(description="Samples from a character model.")
    parser.add_argument("--model", type=Path, default=beside, help=f"the model [default: {beside.name} beside the script]")
    parser.add_argument("--length", type=int, default=500, help="symbols to write")
    parser.add_argument("--text", default="", help="text to continue")
    parser.add_argument("--temperature", type=float, default=1.0, help="lower is safer; 0 takes the likeliest")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not (arguments.temperature >= 0 and math.isfinite(arguments.temperature)):
        parser.error("--temperature: a number of at least 0")
    if arguments.seed < 0:
        parser.error("--seed: a number of at least 0")
    if not arguments.model.is_file():
        parser.error(f"--model: there is no {arguments.model}")

    model = CharModel(arguments.model)
    symbols, units = json.loads(model.about["vocabulary"]), model.about["units"]
    if arguments.text and units in ("words", "pieces"):
        parser.error("--text: for characters and bytes only; `char_lstm sample` knows how to cut a text into words")
    encoding = "latin-1" if units == "bytes" else "utf-8"
    text = os.fsencode(arguments.text).decode(encoding, "replace")
    separator = json.loads(model.about["documents"])
    # One long text goes on after the end of a line.
    before = "" if separator else "\n"
    known = before if before in symbols else ""
    tokens = tokens_of(known + text, symbols, "--text")
    separator = tokens_of(separator or "", symbols, "the documents' separator")
    if not tokens and not separator:
        tokens = [0]
    rng = np.random.default_rng(arguments.seed)
    out = sys.stdout.buffer
    try:
        out.write(text.encode(encoding))
        tokens = sample(model, separator, tokens, arguments.temperature, rng)
        for _, token in zip(range(arguments.length), tokens):
            out.write(symbols[token].replace("\uffff", "\ufffd").encode(encoding))
            out.flush()
        out.write(b"\n")
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


if __name__ == "__main__":
    main()
