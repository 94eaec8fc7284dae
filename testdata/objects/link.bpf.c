// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a linker of BPF objects has to do: functions of all kinds called from several programs, callbacks, maps in maps, program
// arrays, data of every section, several programs in a section.
#include "net.h"

#define __array(name, value) typeof(value) *name[]

static long (*const for_each)(void *map, void *callback, void *ctx, u64 flags) = (void *)164;
static long (*const tail_call)(void *ctx, void *map, u32 index) = (void *)12;

enum color { RED, GREEN = 5 };

struct value {
	u64 a;
	u32 b[3];
	char name[16];
	enum color color;
	union {
		u32 all;
		struct {
			u8 low : 3, high : 5;
		};
	};
};

struct inner {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} inner_one SEC(".maps"), inner_two SEC(".maps");

struct {
	__uint(type, 12); // array of maps
	__uint(max_entries, 3);
	__type(key, u32);
	__array(values, struct inner);
} outer SEC(".maps") = {.values = {[0] = &inner_one, [2] = &inner_two}};

int second(struct xdp_md *ctx);

struct {
	__uint(type, 3); // program array
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} programs SEC(".maps") = {.values = {[1] = &second}};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 10);
	__uint(map_flags, 1);
	__type(key, struct { u32 a; u16 b; u16 c; });
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, 30); // bloom filter
	__uint(max_entries, 10);
	__uint(map_extra, 3);
	__uint(value_size, 4);
} bloom SEC(".maps");

struct {
	__uint(type, 27); // ring buffer, to be rounded up to pages
	__uint(max_entries, 5000);
} ring SEC(".maps");

struct {
	__uint(type, MAP_PERF_EVENT_ARRAY); // as many entries as CPUs
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

static volatile const int static_rodata = 4;
const volatile int global_rodata = 3;
static int static_bss;
int global_bss;
int global_data = 7;
static int static_data = 9;
int custom_data SEC(".data.custom") = 4;
static int hidden_data SEC(".data.hidden") = 3;
const volatile int custom_rodata SEC(".rodata.custom") = 9;

static __attribute__((noinline)) long callback(void *map, u32 *key, struct value *value, void *ctx)
{
	static_bss++;
	global_data += *key;
	return 0;
}

static __attribute__((noinline)) int leaf(int x)
{
	return x * 7 + static_rodata;
}

__attribute__((noinline)) int global_function(int x)
{
	return leaf(x) + global_rodata;
}

static __attribute__((noinline)) int middle(int x)
{
	return global_function(x) + leaf(x + 1);
}

__attribute__((visibility("hidden"), noinline)) int hidden_function(int x)
{
	return x + custom_data + hidden_data;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	global_bss++;
	static_data++;
	for_each(&hash, callback, 0, 0);
	return middle(ctx->ingress_ifindex) & 3;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	u32 key = 1, *value;
	void *map = map_lookup(&outer, &key);

	if (map) {
		value = map_lookup(map, &key);
		if (value)
			return *value & 1;
	}
	tail_call(ctx, &programs, 1);
	return hidden_function(ctx->rx_queue_index) > 5 ? XDP_DROP : XDP_PASS;
}

SEC("xdp.frags")
int third(struct xdp_md *ctx)
{
	return (global_function(1) + custom_rodata) & 3;
}

SEC("tc")
int classify(void *skb)
{
	return hidden_function(3);
}

SEC("?xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
int _version SEC("version") = 0x60100;
