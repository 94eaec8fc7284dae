// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Counts packets and bytes per IP protocol, and passes everything on.
#include "net.h"

// Slots above the 256 protocol numbers.
#define NO_IP 256
#define TOO_SHORT 257
#define SLOTS 258

struct counter {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct counter);
} protocols SEC(".maps");

INLINE u32 slot_of(void *data, void *end)
{
	struct eth *eth = data;
	struct ipv4 *ip4 = (void *)(eth + 1);
	struct ipv6 *ip6 = (void *)(eth + 1);

	if ((void *)(eth + 1) > end)
		return TOO_SHORT;
	if (eth->type == htons(ETH_IPV4))
		return (void *)(ip4 + 1) > end ? TOO_SHORT : ip4->protocol;
	if (eth->type == htons(ETH_IPV6))
		return (void *)(ip6 + 1) > end ? TOO_SHORT : ip6->next;
	return NO_IP;
}

SEC("xdp")
int xdp_counter(struct xdp_md *ctx)
{
	void *data = packet_start(ctx), *end = packet_end(ctx);
	u32 slot = slot_of(data, end);
	struct counter *counter = map_lookup(&protocols, &slot);

	if (counter) {
		count(&counter->packets, 1);
		count(&counter->bytes, end - data);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
