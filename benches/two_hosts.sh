#!/usr/bin/env bash
# Runs a program under Open MPI over two "hosts" on one machine, joined by a
# cable of a chosen delay and rate. Needs root, Open MPI 4, cc, /dev/net/tun.
#
#   two_hosts.sh up [--delay 0.5ms] [--rate 1gbit]  lay the cable; each way has this delay and rate
#   two_hosts.sh run [-n RANKS_PER_HOST] COMMAND…   run COMMAND under mpirun; exits as mpirun does
#   two_hosts.sh pull | plug                        pull the cable out, put it back
#   two_hosts.sh down                               end every process on the hosts, remove all
#
# A host is a network namespace with a host name and a TMPDIR of its own.
# mpirun runs on the first; its daemon on the second is started with
# `ip netns exec` where a cluster has ssh. All they say to each other, and all
# that the ranks do, is TCP over the cable. Other MCA parameters can be given
# in the environment, as in OMPI_MCA_odls_base_sigkill_timeout=30.
#
# `tc netem` would do for the cable, but kernels without modules (small VMs)
# lack it. So the cable is a small program between two TUN devices. It counts
# the bytes a real Ethernet would carry, and takes TCP's segments 64 KiB at a
# time (TSO) to be cheap; it still uses some of the two ranks' cores.
set -euo pipefail

self=$(realpath "$0")
names=(rnn-a rnn-b) addresses=(10.99.0.1 10.99.0.2) net=10.99.0.0/24
work=/tmp/rnn-two-hosts

# on HOST COMMAND…: becomes COMMAND on host 0 or 1.
on() {
    export TMPDIR=$work/${names[$1]}
    exec ip netns exec "${names[$1]}" unshare --uts \
        sh -c 'hostname "$0" && exec "$@"' "${names[$1]}" "${@:2}"
}

links() { # set both ends of the cable: links up, links carrier off
    for name in "${names[@]}"; do ip -n "$name" link set cable "$@"; done
}

up() {
    local delay=0.5ms rate=1gbit
    while [[ ${1-} == --delay || ${1-} == --rate ]]; do declare "${1#--}=$2"; shift 2; done
    [[ $# == 0 && $delay =~ ^[0-9.]+(us|ms|s)$ && $rate =~ ^[0-9.]+[kmg]bit$ ]] || usage
    down
    for i in 0 1; do
        ip netns add "${names[i]}"
        ip -n "${names[i]}" link set lo up
        mkdir -p "$work/${names[i]}"
    done
    cable_source | cc -O2 -Wall -x c -o $work/cable -
    # Real-time, or it would wait for the ranks, which never sleep.
    chrt --fifo 10 $work/cable \
        "$(sed 's/us$/e3/; s/ms$/e6/; s/s$/e9/' <<<"$delay")" \
        "$(sed 's/kbit/e3/; s/mbit/e6/; s/gbit/e9/' <<<"$rate")" "${names[@]}"
    for i in 0 1; do ip -n "${names[i]}" address add "${addresses[i]}/24" dev cable; done
    links up
}

down() {
    for name in "${names[@]}"; do
        [[ -e /run/netns/$name ]] || continue
        ip netns pids "$name" | xargs -r kill -9 2>/dev/null || true
        ip netns delete "$name"
    done
    rm -rf $work
}

run() {
    local n=1 spin=()
    [[ ${1-} == -n ]] && { n=$2; shift 2; }
    [[ $# -gt 0 ]] || usage
    # More ranks than cores: a waiting rank has to let the others run.
    (( 2 * n <= $(nproc) )) || spin=(--mca mpi_yield_when_idle 1)
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    on 0 mpirun --host "${addresses[0]}:$n,${addresses[1]}:$n" -n $((2 * n)) \
        --mca plm_rsh_agent "$self agent" --mca orte_keep_fqdn_hostnames 1 \
        --mca oob_tcp_if_include $net --mca btl_tcp_if_include $net \
        --mca pml ob1 --mca btl tcp,self "${spin[@]}" \
        --bind-to none "$self" rank "$@"
}

# agent HOST COMMAND…: what mpirun calls in place of `ssh HOST COMMAND…`.
agent() {
    [[ $1 == "${addresses[1]}" ]] || { echo "agent: unknown host $1" >&2; exit 1; }
    on 1 setsid sh -c "${*:2}"
}

# rank COMMAND…: runs COMMAND on this rank's core. mpirun's own binding would
# put the first rank of either host on core 0, as each daemon sees all cores.
rank() { exec taskset -c $((OMPI_COMM_WORLD_RANK % $(nproc))) "$@"; }

cable_source() { cat <<'C'
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = sizeof(struct virtio_net_hdr) + 65536, HEADERS = 52, ETHERNET = 38 };
struct packet { struct packet *next; double due; size_t size; char bytes[]; };

static double now(void) { // in ns
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int end_of_cable(const char *name) {
    char path[64];
    struct ifreq request = {.ifr_name = "cable", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(path, sizeof path, "/run/netns/%s", name);
    if (setns(open(path, O_RDONLY), CLONE_NEWNET)) err(1, "%s", path);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4))
        err(1, "/dev/net/tun");
    return fd;
}

static void carry(int in, int out, double delay, double rate) {
    struct packet *first = NULL, **last = &first;
    struct pollfd ready = {.fd = in, .events = POLLIN};
    for (double line_free = 0;;) {
        double t = now();
        if (first && first->due <= t) { // lost if the other end is down
            struct packet *p = first;
            if (write(out, p->bytes, p->size) < 0) {}
            if (!(first = p->next)) last = &first;
            free(p);
            continue;
        }
        struct packet *p = malloc(sizeof *p + MOST);
        ssize_t size = read(in, p->bytes, MOST);
        if (size <= 0) {
            free(p);
            double wait = first ? first->due - t : 1e9;
            struct timespec timeout = {wait / 1e9, (long)wait % 1000000000};
            if (ppoll(&ready, 1, &timeout, NULL) > 0 && ready.revents & POLLERR) return;
            continue;
        }
        p = realloc(p, sizeof *p + size);
        struct virtio_net_hdr *header = (void *)p->bytes;
        double wire = size - sizeof *header + ETHERNET;
        if (header->gso_type) // each segment has headers of its own
            wire += (size - 1) / header->gso_size * (HEADERS + ETHERNET);
        line_free = (line_free > t ? line_free : t) + wire * 8e9 / rate;
        p->due = line_free + delay;
        p->size = size;
        p->next = NULL;
        *last = p;
        last = &p->next;
    }
}

int main(int count, char **arguments) { // DELAY_NS RATE_BITS HOST HOST
    int ends[] = {end_of_cable(arguments[3]), end_of_cable(arguments[4])};
    for (int way = 0; way < 2; way++) { // a process for each way
        if (fork()) continue;
        setsid();
        // Each on a core of its own, or one rank would lose its core to both.
        cpu_set_t core;
        CPU_ZERO(&core);
        CPU_SET(way % sysconf(_SC_NPROCESSORS_ONLN), &core);
        sched_setaffinity(0, sizeof core, &core);
        for (int fd = 0; fd < 3; fd++) close(fd);
        carry(ends[way], ends[!way], atof(arguments[1]), atof(arguments[2]));
        return 0;
    }
}
C
}

usage() { sed -n '/^#   /s/^#   //p' "$self" >&2; exit 2; }

case ${1-} in
    up | run | down | agent | rank) "$@" ;;
    pull) links carrier off ;;
    plug) links carrier on ;;
    *) usage ;;
esac
