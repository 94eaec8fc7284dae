// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Headers of packets as they stand on the wire: fields of more than a byte are big-endian.
#pragma once

#include "bpf.h"

#define ETH_IPV4 0x0800
#define ETH_IPV6 0x86dd
#define ETH_VLAN 0x8100
#define ETH_QINQ 0x88a8

#define PROTO_ICMP 1
#define PROTO_IPIP 4
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_IPV6 41
#define PROTO_ICMPV6 58

struct eth {
	u8 dst[6];
	u8 src[6];
	u16 type;
};

struct vlan {
	u16 tag;
	u16 type;
};

struct ipv4 {
	u8 version_length; // 4 bits each, length in words
	u8 tos;
	u16 length;
	u16 id;
	u16 fragment; // 3 flags, 13 bits offset
	u8 ttl;
	u8 protocol;
	u16 checksum;
	u32 src;
	u32 dst;
};

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff

struct ipv6 {
	u32 version_class_flow;
	u16 length;
	u8 next;
	u8 hops;
	u32 src[4];
	u32 dst[4];
};

struct tcp {
	u16 src;
	u16 dst;
	u32 seq;
	u32 ack;
	u16 flags; // 4 bits of header length in words, then the flags
	u16 window;
	u16 checksum;
	u16 urgent;
};

#define TCP_SYN 0x0002

struct udp {
	u16 src;
	u16 dst;
	u16 length;
	u16 checksum;
};

struct icmp {
	u8 type;
	u8 code;
	u16 checksum;
	u32 rest;
};

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_ECHO 8
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_TOO_BIG 2
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129
