// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A firewall: flows that stand in the map are dropped or passed as their rule says and counted there; all others pass.
// User space adds and removes rules while packets flow.
#include "net.h"

struct flow {
	u32 src;
	u32 dst;
	u16 src_port;
	u16 dst_port;
	u32 protocol;
};

// The program reads the first word and only adds to the others: on a card a word of a value is either read or counted in.
struct rule {
	u32 drop;
	u32 pad;
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct rule);
} rules SEC(".maps");

enum verdict { NO_IPV4, NO_PORTS, NO_RULE, PASSED, DROPPED, VERDICTS };

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, VERDICTS);
	__type(key, u32);
	__type(value, u64);
} verdicts SEC(".maps");

INLINE enum verdict judge(void *data, void *end)
{
	struct eth *eth = data;
	struct ipv4 *ip = (void *)(eth + 1);
	struct udp *ports = (void *)(ip + 1); // TCP has its ports in the same place
	struct rule *rule;
	struct flow flow;

	if ((void *)(ip + 1) > end || eth->type != htons(ETH_IPV4))
		return NO_IPV4;
	if (ip->version_length != 0x45 || ip->fragment & htons(IPV4_FRAGMENT_OFFSET))
		return NO_PORTS;
	if (ip->protocol != PROTO_TCP && ip->protocol != PROTO_UDP)
		return NO_PORTS;
	if ((void *)(ports + 1) > end)
		return NO_PORTS;

	flow.src = ip->src;
	flow.dst = ip->dst;
	flow.src_port = ports->src;
	flow.dst_port = ports->dst;
	flow.protocol = ip->protocol;
	rule = map_lookup(&rules, &flow);
	if (!rule)
		return NO_RULE;
	count(&rule->packets, 1);
	count(&rule->bytes, end - data);
	return rule->drop ? DROPPED : PASSED;
}

SEC("xdp")
int xdp_fw(struct xdp_md *ctx)
{
	u32 verdict = judge(packet_start(ctx), packet_end(ctx));
	u64 *counter = map_lookup(&verdicts, &verdict);

	if (counter)
		count(counter, 1);
	return verdict == DROPPED ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
