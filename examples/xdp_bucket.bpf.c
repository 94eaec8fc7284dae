// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A token bucket for each source address. It reads the clock and stores into map values, which no card does: this program is for
// the host, and shows how a refusal is told and how the driver takes over.
#include "net.h"

#define TOKEN 1000000ULL // nanoseconds that a packet costs: 1,000 packets a second
#define BURST (16 * TOKEN)

struct bucket {
	u64 last; // time of the last refill
	u64 credit; // nanoseconds
	u64 dropped;
};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); // IPv4 source address
	__type(value, struct bucket);
} buckets SEC(".maps");

SEC("xdp")
int xdp_bucket(struct xdp_md *ctx)
{
	struct eth *eth = packet_start(ctx);
	struct ipv4 *ip = (void *)(eth + 1);
	struct bucket *bucket, fresh;
	u64 now, credit;
	u32 key;

	if ((void *)(ip + 1) > packet_end(ctx) || eth->type != htons(ETH_IPV4))
		return XDP_PASS;

	key = ip->src;
	now = ktime_get_ns();
	bucket = map_lookup(&buckets, &key);
	if (!bucket) {
		fresh.last = now;
		fresh.credit = BURST - TOKEN;
		fresh.dropped = 0;
		map_update(&buckets, &key, &fresh, ANY);
		return XDP_PASS;
	}
	credit = bucket->credit + (now - bucket->last);
	if (credit > BURST)
		credit = BURST;
	bucket->last = now;
	if (credit < TOKEN) {
		bucket->credit = credit;
		bucket->dropped += 1;
		return XDP_DROP;
	}
	bucket->credit = credit - TOKEN;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
