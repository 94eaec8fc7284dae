// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A rate limiter that a card can run: it has no clock, so it keeps a share. User space measures the rates that it reads from the
// counters, and sets for each source address how many of 2^32 packets shall pass.
#include "net.h"

struct limit {
	u32 share; // 0xffffffff: all
	u32 pad;
	u64 passed;
	u64 dropped;
};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); // IPv4 source address
	__type(value, struct limit);
} sources SEC(".maps");

// For all other sources.
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct limit);
} others SEC(".maps");

SEC("xdp")
int xdp_limit(struct xdp_md *ctx)
{
	struct eth *eth = packet_start(ctx);
	struct ipv4 *ip = (void *)(eth + 1);
	struct limit *limit;
	u32 key;

	if ((void *)(ip + 1) > packet_end(ctx) || eth->type != htons(ETH_IPV4))
		return XDP_PASS;

	key = ip->src;
	limit = map_lookup(&sources, &key);
	if (!limit) {
		u32 zero = 0;

		limit = map_lookup(&others, &zero);
		if (!limit)
			return XDP_ABORTED;
		if (get_prandom_u32() > limit->share) {
			count(&limit->dropped, 1);
			return XDP_DROP;
		}
		count(&limit->passed, 1);
		return XDP_PASS;
	}
	if (get_prandom_u32() > limit->share) {
		count(&limit->dropped, 1);
		return XDP_DROP;
	}
	count(&limit->passed, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
