//! Flags of char-rnn, torch-rnn and nanoGPT that are none here. Those with the same meaning under another
//! name are aliases in [`args`](crate::args).

use demos::command_line::Habits;

/// Their flags, and ours. What is no flag at all is most likely a text.
pub const HABITS: &Habits = &[
    (
        &[""],
        "name a text with --data, a run to sample from with sample",
    ),
    (
        &["--gpuid", "--gpu", "--gpu-backend", "--opencl", "--device"],
        "--backend NAME, of those that --list-backends shows",
    ),
    (
        &["--input-h5", "--input-json", "--input-txt"],
        "--data TEXT, which needs no preprocessing",
    ),
    (
        &[
            "--learning-rate-decay",
            "--learning-rate-decay-after",
            "--lr-decay-every",
            "--lr-decay-factor",
        ],
        "--schedule decay:FACTOR:AFTER_EPOCH",
    ),
    (&["--decay-rate"], "--optimizer rmsprop:DECAY"),
    (
        &["--train-frac", "--test-frac"],
        "--val-frac, and the rest is trained on",
    ),
    (&["--max-iters"], "--max-epochs"),
    (
        &["--print-every", "--log-interval"],
        "not needed: metrics.jsonl in the folder of the run has every update",
    ),
    (&["--eval-val-every"], "--eval-every N"),
    (&["--savefile", "--checkpoint-name"], "--out DIR"),
    (
        &["--sample"],
        "--temperature 0 for the likeliest symbol each time",
    ),
    (&["--num-samples"], "--length"),
];
