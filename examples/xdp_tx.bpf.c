// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Sends every packet back out of the port that it came from, with source and destination MAC exchanged.
#include "net.h"

SEC("xdp")
int xdp_tx(struct xdp_md *ctx)
{
	struct eth *eth = packet_start(ctx);
	u16 *dst, *src, word;

	if ((void *)(eth + 1) > packet_end(ctx))
		return XDP_DROP;

	dst = (u16 *)eth->dst;
	src = (u16 *)eth->src;
	word = dst[0];
	dst[0] = src[0];
	src[0] = word;
	word = dst[1];
	dst[1] = src[1];
	src[1] = word;
	word = dst[2];
	dst[2] = src[2];
	src[2] = word;
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
