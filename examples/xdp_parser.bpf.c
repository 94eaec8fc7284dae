// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Follows the headers of a packet as deep as it knows them (Ethernet, up to two VLAN tags, IPv4 with options, IPv6, TCP, UDP,
// ICMP), counts where it came to its end, and drops what breaks off or contradicts itself.
#include "net.h"

enum depth {
	BROKEN_ETH,
	BROKEN_VLAN,
	BROKEN_IPV4,
	BROKEN_IPV6,
	BROKEN_L4,
	OTHER_L3,
	FRAGMENT,
	OTHER_L4,
	TCP_SYNS,
	TCP_OTHER,
	UDP,
	ICMP,
	DEPTHS,
};

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, DEPTHS);
	__type(key, u32);
	__type(value, u64);
} depths SEC(".maps");

INLINE enum depth parse_l4(void *data, void *end, u8 protocol)
{
	struct tcp *tcp = data;
	struct udp *udp = data;
	struct icmp *icmp = data;

	switch (protocol) {
	case PROTO_TCP:
		if ((void *)(tcp + 1) > end || ntohs(tcp->flags) >> 12 < 5)
			return BROKEN_L4;
		return tcp->flags & htons(TCP_SYN) ? TCP_SYNS : TCP_OTHER;
	case PROTO_UDP:
		if ((void *)(udp + 1) > end || ntohs(udp->length) < sizeof(*udp))
			return BROKEN_L4;
		return UDP;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return (void *)(icmp + 1) > end ? BROKEN_L4 : ICMP;
	}
	return OTHER_L4;
}

INLINE enum depth parse(void *data, void *end)
{
	struct eth *eth = data;
	struct vlan *vlan;
	struct ipv4 *ip4;
	struct ipv6 *ip6;
	u16 type;
	u32 bytes;

	if ((void *)(eth + 1) > end)
		return BROKEN_ETH;
	type = eth->type;
	data = eth + 1;
#pragma unroll
	for (int tags = 0; tags < 2; tags++) {
		if (type != htons(ETH_VLAN) && type != htons(ETH_QINQ))
			break;
		vlan = data;
		if ((void *)(vlan + 1) > end)
			return BROKEN_VLAN;
		type = vlan->type;
		data = vlan + 1;
	}

	if (type == htons(ETH_IPV4)) {
		ip4 = data;
		if ((void *)(ip4 + 1) > end)
			return BROKEN_IPV4;
		bytes = (ip4->version_length & 15) * 4;
		if (ip4->version_length >> 4 != 4 || bytes < sizeof(*ip4))
			return BROKEN_IPV4;
		if (ip4->fragment & htons(IPV4_FRAGMENT_OFFSET))
			return FRAGMENT;
		return parse_l4(data + bytes, end, ip4->protocol);
	}
	if (type == htons(ETH_IPV6)) {
		ip6 = data;
		if ((void *)(ip6 + 1) > end || *(u8 *)ip6 >> 4 != 6)
			return BROKEN_IPV6;
		return parse_l4(ip6 + 1, end, ip6->next);
	}
	return OTHER_L3;
}

SEC("xdp")
int xdp_parser(struct xdp_md *ctx)
{
	u32 depth = parse(packet_start(ctx), packet_end(ctx));
	u64 *counter = map_lookup(&depths, &depth);

	if (counter)
		count(counter, 1);
	return depth <= BROKEN_L4 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
