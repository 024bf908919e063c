#!/usr/bin/env bash
# Kills random ranks of a run at random moments, resumes the run until it ends,
# and compares its weights with those of a run that nobody killed.
#
#   kill_ranks.sh PROGRAM [K [SEED [RANKS]]]
#
# PROGRAM is char_lstm, built with the feature mpi. Does so K times (20), on so
# many RANKS (2). SEED (1) chooses the ranks and the delays; what a rank is at
# by then is chance. Exits with 1 unless all K are equal. Needs Open MPI.
set -euo pipefail

[[ $# -ge 1 && $# -le 4 ]] || { sed -n '/^#   /s/^#   //p' "$0" >&2; exit 2; }
program=$(realpath "$1") k=${2-20} ranks=${4-2}
RANDOM=${3-1}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 RAYON_NUM_THREADS=1
work=$(mktemp -d)
trap 'pids | xargs -r kill -9; rm -rf "$work"' EXIT
cd "$work"

# A run of several seconds; its checkpoints are some tens of milliseconds apart.
model=(--data text --hidden-size 128 --batch-size 8 --seq-length 25 --max-epochs 4 --checkpoint-every 20)
seq 12000 >text
# Open MPI 4's mpirun may never end, though all ranks have (seen once in some 300 kills): PMIx locks up as it finalises.
train() { timeout -k 10 120 mpirun -q --oversubscribe -n "$ranks" "$program" train "$@" >out 2>&1; }

# pids [RANK]: the processes of the ranks. A zombie has no working folder.
pids() {
    for process in /proc/[0-9]*; do
        [[ $process/cwd -ef $work ]] || continue
        tr '\0' '\n' <"$process/environ" | grep -qx "OMPI_COMM_WORLD_RANK=${1-.*}" && echo "${process#/proc/}"
    done 2>/dev/null || true
}

# Starts the run, or resumes it if it has a checkpoint, and kills a rank after up to two seconds. Fails if it did.
attempt() {
    local how=(--resume run) victim=$((RANDOM % ranks)) milliseconds=$((RANDOM % 2000)) status=0 process
    compgen -G 'run/checkpoints/[0-9]*' >/dev/null || { rm -rf run; how=("${model[@]}" --out run); }
    train "${how[@]}" &
    sleep "${milliseconds}e-3"
    process=$(pids "$victim")
    [[ -z $process ]] || ! kill -9 "$process" 2>/dev/null || kills=$((kills + 1)) killed=yes
    wait $! || status=$?
    [[ -z $(pids) ]] || { echo "processes are left: $(pids)"; exit 1; }
    [[ $status != 124 ]] || { echo "it does not end:"; cat out; exit 1; }
    [[ $status == 0 || -n ${killed-} ]] || { echo "it ended with $status by itself:"; cat out; exit 1; }
    unset killed
    return $status
}

# weights RUN: the hashes of its best weights and of its last checkpoint's.
weights() { sha256sum <"$1/weights.safetensors"; sha256sum <"$1/checkpoints/$(ls "$1/checkpoints" | sort -n | tail -n 1)/weights.safetensors"; }

train "${model[@]}" --out whole
equal=0
for ((i = 1; i <= k; i++)); do
    rm -rf run
    kills=0; until attempt; do :; done
    [[ $(weights run) == "$(weights whole)" ]] && equal=$((equal + 1)) || echo "repetition $i: other weights"
    echo "repetition $i: $kills kills"
done
echo "$equal of $k equal"
[[ $equal == "$k" ]]
