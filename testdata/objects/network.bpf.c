// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Relocations against types that are the same everywhere, and functions of the kernel.
#include "bpf.h"

struct iphdr {
	u8 first;
	u8 tos;
	u16 length;
} __attribute__((preserve_access_index));

extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, u32 *hash) __attribute__((section(".ksyms")));

SEC("xdp")
int network(struct xdp_md *ctx)
{
	struct iphdr *ip = packet_start(ctx);
	u32 hash = 0;

	if ((void *)(ip + 1) > packet_end(ctx) || bpf_xdp_metadata_rx_hash(ctx, &hash))
		return XDP_DROP;
	return ip->length > hash ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
