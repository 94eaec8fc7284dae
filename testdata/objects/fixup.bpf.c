// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the kernel rewrites in programs that it has accepted: loops over callbacks, lookups in every kind of map, divisions, fields of
// packet buffers, writes into packets, functions that are called, one that is not, and hidden arguments of the kernel's functions.
#include "bpf.h"

struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id;
	u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
};

static u32 (*const processor)(void) = (void *)8;
static long (*const tail_call)(void *ctx, void *map, u32 index) = (void *)12;
static u64 (*const jiffies)(void) = (void *)118;
static long (*const for_each)(void *map, void *callback, void *ctx, u64 flags) = (void *)164;
static long (*const timer_init)(void *timer, void *map, u64 flags) = (void *)169;
static long (*const timer_callback)(void *timer, void *callback) = (void *)170;
static long (*const loop)(u32 rounds, void *callback, void *ctx, u64 flags) = (void *)181;


struct bpf_timer {
	u64 words[2];
} __attribute__((aligned(8)));

struct timed {
	struct bpf_timer timer;
	u32 fired;
};

#define MAP(name, number, key_type, value_type, entries) \
	struct {                                         \
		__uint(type, number);                    \
		__type(key, key_type);                   \
		__type(value, value_type);               \
		__uint(max_entries, entries);            \
	} name SEC(".maps")

MAP(array, 2, u32, u64, 4);
MAP(array24, 2, u32, struct timed, 5);
MAP(hash, 1, u32, u64, 4);
MAP(processors, 6, u32, u64, 4);
MAP(hash_processors, 5, u32, u64, 4);
MAP(recent, 9, u32, u64, 4);
MAP(programs, 3, u32, u32, 4);

u32 total = 5;
const volatile u32 limit = 7;

static long add(u32 round, void *ctx)
{
	*(u64 *)ctx += round;
	return round > 100;
}

static long flip(u32 round, void *ctx)
{
	*(u64 *)ctx ^= round;
	return 0;
}

SEC("xdp")
int loops(struct xdp_md *ctx)
{
	u64 sum = ctx->rx_queue_index;

	loop(10, add, &sum, 0);
	loop(limit, flip, &sum, 0);
	return sum & 3;
}

SEC("xdp")
int loop_called(struct xdp_md *ctx)
{
	u64 sum = 0;

	loop(10, add, &sum, ctx->rx_queue_index & 1);
	return sum & 3;
}

static long increment(void *map, u32 *key, u64 *value, void *ctx)
{
	*value += 1;
	return 0;
}

SEC("xdp")
int each(struct xdp_md *ctx)
{
	for_each(&array, increment, 0, 0);
	for_each(&hash, increment, 0, 0);
	return XDP_PASS;
}

SEC("xdp")
int lookups(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;
	u64 sum = jiffies(), *value;

	if ((value = map_lookup(&array, &key)))
		sum += *value;
	if ((value = map_lookup(&hash, &key)))
		sum += *value;
	if ((value = map_lookup(&processors, &key)))
		sum += *value;
	if ((value = map_lookup(&hash_processors, &key)))
		sum += *value;
	if ((value = map_lookup(&recent, &key)))
		sum += *value;
	map_update(&hash, &key, &sum, ANY);
	map_delete(&recent, &key);
	tail_call(ctx, &programs, 1);
	return sum & 3;
}

static __attribute__((noinline)) u32 divide(u32 a, u32 b)
{
	volatile u32 kept = a;

	return kept / b + kept % (b | 1);
}

__attribute__((noinline)) int public(struct xdp_md *ctx, u32 a)
{
	return divide(a, ctx->rx_queue_index) + a % 7;
}

SEC("xdp")
int functions(struct xdp_md *ctx)
{
	total += 3;
	return public(ctx, total) + divide(total, 3);
}

SEC("xdp")
int unused(struct xdp_md *ctx)
{
	u32 one = 1;

	if (one == 2)
		return public(ctx, 1);
	return divide(total, 3);
}

static int fire(void *map, u32 *key, struct timed *value)
{
	value->fired++;
	return 0;
}

SEC("tc")
int timer(struct __sk_buff *skb)
{
	u32 key = 0;
	struct timed *value = map_lookup(&array24, &key);

	if (!value)
		return 0;
	timer_init(&value->timer, &array24, 1);
	timer_callback(&value->timer, fire);
	return 0;
}

SEC("tc")
int writes(struct __sk_buff *skb)
{
	u8 *data = (void *)(unsigned long)skb->data, *end = (void *)(unsigned long)skb->data_end;

	if (data + 14 > end)
		return 0;
	data[0] = 1;
	skb->mark = skb->tc_index + skb->ifindex;
	skb->tstamp = skb->tstamp + 1;
	skb->queue_mapping = skb->hash;
	skb->cb[2] = skb->priority;
	return skb->napi_id + skb->pkt_type + skb->gso_segs + skb->vlan_present;
}

SEC("socket")
int reads(struct __sk_buff *skb)
{
	return processor() + skb->len + skb->ifindex + *(volatile u8 *)&skb->protocol;
}

#define KERNEL extern __attribute__((section(".ksyms")))

struct bpf_list_head {
	u64 words[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	u64 words[3];
} __attribute__((aligned(8)));

struct bpf_refcount {
	u32 word;
} __attribute__((aligned(4)));

struct bpf_spin_lock {
	u32 word;
};

static void (*const lock)(void *lock) = (void *)93;
static void (*const unlock)(void *lock) = (void *)94;

KERNEL void *bpf_obj_new_impl(u64 type, void *meta);
KERNEL void bpf_obj_drop_impl(void *object, void *meta);
KERNEL void *bpf_refcount_acquire_impl(void *object, void *meta);
KERNEL int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off);
KERNEL void bpf_throw(u64 cookie);

struct plain {
	u32 a, b, c;
};

struct item {
	u32 number;
	struct bpf_list_node node;
	struct bpf_refcount refs;
};

struct queue {
	struct bpf_spin_lock lock;
	struct bpf_list_head head __attribute__((btf_decl_tag("contains:item:node")));
};

MAP(queues, 2, u32, struct queue, 1);

#define NEW(type) ((type *)bpf_obj_new_impl(__builtin_btf_type_id(*(type *)0, 0), 0))

SEC("tc")
int objects(struct __sk_buff *skb)
{
	u32 key = 0;
	struct queue *queue = map_lookup(&queues, &key);
	struct plain *plain = NEW(struct plain);
	struct item *item, *same;

	if (plain) {
		plain->c = skb->len;
		bpf_obj_drop_impl(plain, 0);
	}
	if (!queue || !(item = NEW(struct item)))
		return 0;
	item->number = 3;
	if ((same = bpf_refcount_acquire_impl(item, 0)))
		bpf_obj_drop_impl(same, 0);
	lock(&queue->lock);
	bpf_list_push_front_impl(&queue->head, &item->node, 0, 0);
	unlock(&queue->lock);
	return 0;
}

SEC("tc")
int throws(struct __sk_buff *skb)
{
	if (skb->len == 7)
		bpf_throw(3);
	return 0;
}

char _license[] SEC("license") = "GPL";
