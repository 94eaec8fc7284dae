// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A layer 4 load balancer as data centres run it in front of their servers, for IPv4 and IPv6. A packet for a virtual address
// (VIP) is hashed by its flow, the hash picks a place on the VIP's ring, the place names a real server, and the packet is sent
// there inside another IP header. Packets of a flow always meet the same server, without any state per flow; an ICMP error about
// a packet of a flow follows the flow. Four map lookups a packet: VIP, ring, real server, statistics. A VIP with protocol ICMP and
// port 0 answers pings.
//
// The statistics are an array instead of a per-CPU array: a card has no CPUs to keep apart, its memory adds atomically.
#include "net.h"

#define VIPS 8
#define RING 256 // places of a VIP, a power of two
#define REALS 256

#define TTL 64
#define RING_SEED 0x9e3779b9

// A VIP: address (the last three words are 0 for IPv4), port and protocol.
struct vip {
	u32 addr[4];
	u16 port;
	u16 family; // 4 or 6
	u32 protocol;
};

struct service {
	u32 number; // 0 .. VIPS - 1
	u32 flags;
};

// Hash on addresses only: all connections of a client meet the same server.
#define SOURCE_HASH 1

struct real {
	u32 addr[4];
	u32 source[4]; // of the outer header
	u8 mac[6]; // of the next hop
	u16 used;
};

struct stats {
	u64 packets;
	u64 bytes;
	u64 no_real;
};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, VIPS);
	__type(key, struct vip);
	__type(value, struct service);
} vips SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, VIPS * RING);
	__type(key, u32);
	__type(value, u32); // number of a real server
} rings SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, REALS);
	__type(key, u32);
	__type(value, struct real);
} reals SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, VIPS);
	__type(key, u32);
	__type(value, struct stats);
} statistics SEC(".maps");


INLINE u32 rotate(u32 word, u32 by)
{
	return word << by | word >> (32 - by);
}

// Bob Jenkins' hash (lookup3), in the form that takes whole words.
#define MIX(a, b, c)                                                                                                                \
	do {                                                                                                                        \
		a -= c; a ^= rotate(c, 4); c += b;                                                                                  \
		b -= a; b ^= rotate(a, 6); a += c;                                                                                  \
		c -= b; c ^= rotate(b, 8); b += a;                                                                                  \
		a -= c; a ^= rotate(c, 16); c += b;                                                                                 \
		b -= a; b ^= rotate(a, 19); a += c;                                                                                 \
		c -= b; c ^= rotate(b, 4); b += a;                                                                                  \
	} while (0)

#define FINAL(a, b, c)                                                                                                              \
	do {                                                                                                                        \
		c ^= b; c -= rotate(b, 14);                                                                                         \
		a ^= c; a -= rotate(c, 11);                                                                                         \
		b ^= a; b -= rotate(a, 25);                                                                                         \
		c ^= b; c -= rotate(b, 16);                                                                                         \
		a ^= c; a -= rotate(c, 4);                                                                                          \
		b ^= a; b -= rotate(a, 14);                                                                                         \
		c ^= b; c -= rotate(b, 24);                                                                                         \
	} while (0)

#define START(words, seed) (0xdeadbeef + ((words) << 2) + (seed))

INLINE u32 hash_ipv4(u32 src, u32 dst, u32 ports, u32 protocol)
{
	u32 a = START(4, RING_SEED), b = a, c = a;

	a += src;
	b += dst;
	c += ports;
	MIX(a, b, c);
	a += protocol;
	FINAL(a, b, c);
	return c;
}

INLINE u32 hash_ipv6(const u32 *src, const u32 *dst, u32 ports, u32 protocol)
{
	u32 a = START(10, RING_SEED), b = a, c = a;

	a += src[0];
	b += src[1];
	c += src[2];
	MIX(a, b, c);
	a += src[3];
	b += dst[0];
	c += dst[1];
	MIX(a, b, c);
	a += dst[2];
	b += dst[3];
	c += ports;
	MIX(a, b, c);
	a += protocol;
	FINAL(a, b, c);
	return c;
}

INLINE u16 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

// The server for a place on a service's ring. Counts the packet, or that there was no server for it.
INLINE struct real *pick(const struct service *service, u32 hash, u64 bytes)
{
	u32 number = service->number, place, *server;
	struct stats *stats;
	struct real *real = 0;

	if (number >= VIPS)
		return 0;
	place = number * RING + (hash & (RING - 1));
	server = map_lookup(&rings, &place);
	if (server) {
		u32 key = *server;

		real = map_lookup(&reals, &key);
	}
	stats = map_lookup(&statistics, &number);
	if (!stats)
		return 0;
	if (!real || !real->used) {
		count(&stats->no_real, 1);
		return 0;
	}
	count(&stats->packets, 1);
	count(&stats->bytes, bytes);
	return real;
}

// The new Ethernet header: from where the packet came to, to the next hop of the server.
INLINE void address(struct eth *to, const struct eth *from, const struct real *real, u16 type)
{
	u16 *src = (u16 *)to->src, *dst = (u16 *)to->dst;
	const u16 *own = (const u16 *)from->dst, *hop = (const u16 *)real->mac;

	src[0] = own[0];
	src[1] = own[1];
	src[2] = own[2];
	dst[0] = hop[0];
	dst[1] = hop[1];
	dst[2] = hop[2];
	to->type = type;
}

INLINE int forward_ipv4(struct xdp_md *ctx, const struct real *real, u32 hash, u16 inner_bytes)
{
	u16 total = inner_bytes + sizeof(struct ipv4), id = hash & 0xffff;
	struct eth *to, *from;
	struct ipv4 *outer;
	void *end;
	u32 sum;

	if (adjust_head(ctx, -(int)sizeof(struct ipv4)))
		return XDP_ABORTED;
	to = packet_start(ctx);
	from = (void *)to + sizeof(struct ipv4);
	outer = (void *)(to + 1);
	end = packet_end(ctx);
	if ((void *)(from + 1) > end)
		return XDP_ABORTED;

	address(to, from, real, htons(ETH_IPV4));
	outer->version_length = 0x45;
	outer->tos = 0;
	outer->length = htons(total);
	outer->id = id;
	outer->fragment = 0;
	outer->ttl = TTL;
	outer->protocol = PROTO_IPIP;
	outer->src = real->source[0];
	outer->dst = real->addr[0];
	// Sums of 16-bit words do not care for byte order, as long as all words have the same.
	sum = 0x0045 + htons(total) + id + (PROTO_IPIP << 8 | TTL);
	sum += (real->source[0] & 0xffff) + (real->source[0] >> 16);
	sum += (real->addr[0] & 0xffff) + (real->addr[0] >> 16);
	outer->checksum = fold(sum);
	return XDP_TX;
}

INLINE int forward_ipv6(struct xdp_md *ctx, const struct real *real, u32 hash, u16 inner_bytes)
{
	struct eth *to, *from;
	struct ipv6 *outer;
	void *end;

	if (adjust_head(ctx, -(int)sizeof(struct ipv6)))
		return XDP_ABORTED;
	to = packet_start(ctx);
	from = (void *)to + sizeof(struct ipv6);
	outer = (void *)(to + 1);
	end = packet_end(ctx);
	if ((void *)(from + 1) > end)
		return XDP_ABORTED;

	address(to, from, real, htons(ETH_IPV6));
	// The flow label spreads the flows over the paths to the server.
	outer->version_class_flow = htonl(6 << 28 | (hash & 0xfffff));
	outer->length = htons(inner_bytes);
	outer->next = PROTO_IPV6;
	outer->hops = TTL;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		outer->src[i] = real->source[i];
		outer->dst[i] = real->addr[i];
	}
	return XDP_TX;
}

INLINE void swap(u32 *a, u32 *b)
{
	u32 word = *a;

	*a = *b;
	*b = word;
}

// A ping goes back as its answer, which differs in the type alone: the checksum follows by the difference.
INLINE int answer(struct eth *eth, struct icmp *icmp, u8 type, u32 difference)
{
	u16 *dst = (u16 *)eth->dst, *src = (u16 *)eth->src, word;

#pragma unroll
	for (int i = 0; i < 3; i++) {
		word = dst[i];
		dst[i] = src[i];
		src[i] = word;
	}
	difference += icmp->checksum;
	icmp->checksum = (difference & 0xffff) + (difference >> 16);
	icmp->type = type;
	return XDP_TX;
}

INLINE int balance_ipv4(struct xdp_md *ctx, struct ipv4 *ip, void *end)
{
	struct udp *ports = (void *)(ip + 1);
	struct service *service;
	struct real *real;
	struct vip vip;
	u32 client, hash, pair;
	u16 bytes;

	if ((void *)(ip + 1) > end || ip->version_length != 0x45)
		return XDP_DROP;
	// Only the first fragment has ports.
	if (ip->fragment & htons(IPV4_FRAGMENT_OFFSET | IPV4_MORE_FRAGMENTS))
		return XDP_DROP;
	bytes = ntohs(ip->length);
	vip.addr[0] = ip->dst;
	client = ip->src;
	vip.addr[1] = 0;
	vip.addr[2] = 0;
	vip.addr[3] = 0;
	vip.family = 4;
	vip.protocol = ip->protocol;

	if (ip->protocol == PROTO_ICMP) {
		struct icmp *icmp = (void *)(ip + 1);
		struct ipv4 *about = (void *)(icmp + 1);

		ports = (void *)(about + 1);
		if ((void *)(icmp + 1) > end)
			return XDP_DROP;
		if (icmp->type == ICMP_ECHO) {
			vip.port = 0;
			if (!map_lookup(&vips, &vip))
				return XDP_PASS;
			swap(&ip->src, &ip->dst);
			return answer((void *)ip - sizeof(struct eth), icmp, ICMP_ECHO_REPLY, ICMP_ECHO - ICMP_ECHO_REPLY);
		}
		if (icmp->type != ICMP_UNREACHABLE)
			return XDP_PASS;
		// The packet that the error is about was one of the server's: what was its source is the VIP.
		if ((void *)(ports + 1) > end || about->version_length != 0x45)
			return XDP_DROP;
		if (about->protocol != PROTO_TCP && about->protocol != PROTO_UDP)
			return XDP_PASS;
		vip.addr[0] = about->src;
		client = about->dst;
		vip.protocol = about->protocol;
		vip.port = ports->src;
		pair = ports->dst | (u32)ports->src << 16;
	} else if (ip->protocol == PROTO_TCP || ip->protocol == PROTO_UDP) {
		if ((void *)(ports + 1) > end)
			return XDP_DROP;
		vip.port = ports->dst;
		pair = ports->src | (u32)ports->dst << 16;
	} else {
		return XDP_PASS;
	}

	service = map_lookup(&vips, &vip);
	if (!service)
		return XDP_PASS;
	if (service->flags & SOURCE_HASH)
		pair = 0;
	hash = hash_ipv4(client, vip.addr[0], pair, vip.protocol);
	real = pick(service, hash, bytes);
	if (!real)
		return XDP_DROP;
	return forward_ipv4(ctx, real, hash, bytes);
}

INLINE int balance_ipv6(struct xdp_md *ctx, struct ipv6 *ip, void *end)
{
	struct udp *ports = (void *)(ip + 1);
	struct service *service;
	struct real *real;
	struct vip vip;
	u32 client[4], hash, pair;
	u16 bytes;

	if ((void *)(ip + 1) > end)
		return XDP_DROP;
	bytes = ntohs(ip->length) + sizeof(*ip);
	vip.protocol = ip->next;

	if (ip->next == PROTO_ICMPV6) {
		struct icmp *icmp = (void *)(ip + 1);
		struct ipv6 *about = (void *)(icmp + 1);

		ports = (void *)(about + 1);
		if ((void *)(icmp + 1) > end)
			return XDP_DROP;
		if (icmp->type == ICMPV6_ECHO) {
#pragma unroll
			for (int i = 0; i < 4; i++)
				vip.addr[i] = ip->dst[i];
			vip.port = 0;
			vip.family = 6;
			if (!map_lookup(&vips, &vip))
				return XDP_PASS;
#pragma unroll
			for (int i = 0; i < 4; i++)
				swap(&ip->src[i], &ip->dst[i]);
			// One less, in one's complement.
			return answer((void *)ip - sizeof(struct eth), icmp, ICMPV6_ECHO_REPLY, 0xffff - (ICMPV6_ECHO_REPLY - ICMPV6_ECHO));
		}
		if (icmp->type != ICMPV6_UNREACHABLE && icmp->type != ICMPV6_TOO_BIG)
			return XDP_PASS;
		if ((void *)(ports + 1) > end)
			return XDP_DROP;
		if (about->next != PROTO_TCP && about->next != PROTO_UDP)
			return XDP_PASS;
#pragma unroll
		for (int i = 0; i < 4; i++) {
			vip.addr[i] = about->src[i];
			client[i] = about->dst[i];
		}
		vip.protocol = about->next;
		vip.port = ports->src;
		pair = ports->dst | (u32)ports->src << 16;
	} else if (ip->next == PROTO_TCP || ip->next == PROTO_UDP) {
		if ((void *)(ports + 1) > end)
			return XDP_DROP;
#pragma unroll
		for (int i = 0; i < 4; i++) {
			vip.addr[i] = ip->dst[i];
			client[i] = ip->src[i];
		}
		vip.port = ports->dst;
		pair = ports->src | (u32)ports->dst << 16;
	} else {
		return XDP_PASS;
	}

	vip.family = 6;
	service = map_lookup(&vips, &vip);
	if (!service)
		return XDP_PASS;
	if (service->flags & SOURCE_HASH)
		pair = 0;
	hash = hash_ipv6(client, vip.addr, pair, vip.protocol);
	real = pick(service, hash, bytes);
	if (!real)
		return XDP_DROP;
	return forward_ipv6(ctx, real, hash, bytes);
}

SEC("xdp")
int xdp_lb(struct xdp_md *ctx)
{
	void *data = packet_start(ctx), *end = packet_end(ctx);
	struct eth *eth = data;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	if (eth->type == htons(ETH_IPV4))
		return balance_ipv4(ctx, (void *)(eth + 1), end);
	if (eth->type == htons(ETH_IPV6))
		return balance_ipv6(ctx, (void *)(eth + 1), end);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
