// Spin locks: pairs, leaks, calls between, wrong offsets and wrong locks. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
struct val { int cnt; struct bpf_spin_lock lock; int b; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, struct val); } h SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8); __type(key, int); __type(value, struct val); } a SEC(".maps");
#define LOOKUP(m, k) ({ int key = k; bpf_map_lookup_elem(&m, &key); })
SEC("xdp") int ok(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock(&v->lock); v->cnt++; bpf_spin_unlock(&v->lock); return v->cnt; }
SEC("tc") int ok_tc(struct __sk_buff *ctx) { struct val *v = LOOKUP(a, 1); if (!v) return 0; bpf_spin_lock(&v->lock); v->cnt++; v->b = ctx->len; bpf_spin_unlock(&v->lock); return v->cnt; }
SEC("xdp") int twice(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); struct val *w = LOOKUP(h, 2); if (!v || !w) return 0; bpf_spin_lock(&v->lock); bpf_spin_lock(&w->lock); bpf_spin_unlock(&v->lock); return 0; }
SEC("xdp") int other(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); struct val *w = LOOKUP(h, 2); if (!v || !w) return 0; bpf_spin_lock(&v->lock); bpf_spin_unlock(&w->lock); return 0; }
SEC("xdp") int other2(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); struct val *w = LOOKUP(a, 2); if (!v || !w) return 0; bpf_spin_lock(&v->lock); bpf_spin_unlock(&w->lock); return 0; }
SEC("xdp") int leak(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock(&v->lock); if (ctx->rx_queue_index) return 1; bpf_spin_unlock(&v->lock); return 0; }
SEC("xdp") int calls(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock(&v->lock); v->cnt = bpf_get_prandom_u32(); bpf_spin_unlock(&v->lock); return 0; }
SEC("xdp") int nolock(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_unlock(&v->lock); return 0; }
SEC("xdp") int off(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock((void *)&v->b); return 0; }
SEC("xdp") int direct(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; *(volatile int *)&v->lock = 1; return 0; }
SEC("xdp") int direct2(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; return *(volatile u64 *)v; }
SEC("xdp") int byhelper(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); int k = 3; if (!v) return 0; return bpf_map_update_elem(&h, &k, v, 0); }
SEC("xdp") int varoff(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; u32 i = ctx->rx_queue_index & 4; bpf_spin_lock((void *)((char *)v + i)); return 0; }
SEC("socket") int sf(struct __sk_buff *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock(&v->lock); bpf_spin_unlock(&v->lock); return 0; }
static noinline int sub(struct val *v) { v->cnt++; return v->cnt; }
SEC("xdp") int substatic(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock(&v->lock); int r = sub(v); bpf_spin_unlock(&v->lock); return r; }
noinline int gsub(int x) { return x + 1; }
SEC("xdp") int subglobal(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; bpf_spin_lock(&v->lock); int r = gsub(1); bpf_spin_unlock(&v->lock); return r; }
static noinline int lk(struct val *v) { bpf_spin_lock(&v->lock); return 0; }
SEC("xdp") int insub(struct xdp_md *ctx) { struct val *v = LOOKUP(h, 1); if (!v) return 0; lk(v); v->cnt = 3; bpf_spin_unlock(&v->lock); return 0; }
SEC("xdp") int paths(struct xdp_md *ctx) { struct val *v = LOOKUP(h, ctx->rx_queue_index); struct val *w = LOOKUP(h, 2); if (!v || !w) return 0; struct val *x = ctx->ingress_ifindex ? v : w; bpf_spin_lock(&x->lock); x->cnt++; bpf_spin_unlock(&x->lock); return w->cnt; }
char _license[] SEC("license") = "GPL";
