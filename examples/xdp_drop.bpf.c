// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Drops every packet: what the network card alone can do at most.
#include "bpf.h"

SEC("xdp")
int xdp_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
