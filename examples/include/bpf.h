// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What an XDP program needs of the kernel's BPF interface, so that the examples compile with nothing but clang installed.
// Numbers and layouts are those of Linux's user API.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

// A map is a variable of `.maps` whose type says everything: a number N is written as the type `int (*)[N]`, a type T as `T *`.
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name

enum map_type {
	MAP_HASH = 1,
	MAP_ARRAY = 2,
	MAP_PERF_EVENT_ARRAY = 4,
	MAP_PERCPU_ARRAY = 6,
};

enum update_flag { ANY, NOEXIST, EXIST };

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

#define CURRENT_CPU 0xffffffffULL

// A helper is called through its number.
static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const map_delete)(void *map, const void *key) = (void *)3;
static u64 (*const ktime_get_ns)(void) = (void *)5;
static u32 (*const get_prandom_u32)(void) = (void *)7;
static long (*const perf_event_output)(void *ctx, void *map, u64 flags, void *data, u64 size) = (void *)25;
static long (*const adjust_head)(struct xdp_md *ctx, int bytes) = (void *)44;
static long (*const adjust_tail)(struct xdp_md *ctx, int bytes) = (void *)65;

INLINE void *packet_start(const struct xdp_md *ctx)
{
	return (void *)(unsigned long)ctx->data;
}

INLINE void *packet_end(const struct xdp_md *ctx)
{
	return (void *)(unsigned long)ctx->data_end;
}

// Counters in map values are only ever added to, atomically: a card counts in its memory unit and cannot store to a value.
INLINE void count(u64 *counter, u64 by)
{
	__sync_fetch_and_add(counter, by);
}

// Byte order: BPF is little-endian here, the network is not.
#define htons(x) ((u16)__builtin_bswap16(x))
#define ntohs(x) ((u16)__builtin_bswap16(x))
#define htonl(x) ((u32)__builtin_bswap32(x))
#define ntohl(x) ((u32)__builtin_bswap32(x))
