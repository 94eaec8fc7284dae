// Global functions: every kind of argument, right and wrong calls, nesting, stack. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
struct pt { int a; u64 b; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct pt); } m SEC(".maps");
#define TAG(t) __attribute__((btf_decl_tag("arg:" t)))
noinline int add(int a, u64 b) { return a + b; }
noinline int mem(struct pt *p) { if (!p) return 0; return p->a + p->b; }
noinline int memw(struct pt *p) { if (p) p->a = 5; return 0; }
noinline int memnn(struct pt *p TAG("nonnull")) { return p->a; }
noinline int mem_nocheck(struct pt *p) { return p->a; }
noinline int ctxf(struct xdp_md *ctx) { return ctx->rx_queue_index + (ctx->data_end - ctx->data); }
noinline int ctxtag(void *ctx TAG("ctx")) { return ((struct xdp_md *)ctx)->rx_queue_index; }
noinline void vd(int a) { asm volatile(""); }
noinline int badarg(struct pt p) { return p.a; }
noinline int vptr(void *p) { return p != 0; }
noinline int oob(int *p) { if (!p) return 0; return p[1]; }
noinline int lvl2(int x) { return add(x, 3) + 1; }
noinline int lvl1(int x) { return lvl2(x) * 2; }
noinline int chg(struct xdp_md *ctx) { return bpf_xdp_adjust_head(ctx, 4); }
noinline int chg2(struct xdp_md *ctx) { return chg(ctx) + 1; }
noinline int div(int a, int b) { return (u32)a / (u32)b; }
noinline int arr4(int (*a)[4]) { if (!a) return 0; return (*a)[3]; }
noinline int en(enum bpf_attach_type t) { return t == 3; }
noinline int untr(int *p TAG("untrusted")) { return *p; }
noinline int ch(char c, short s, _Bool b) { return c + s + b; }
#define P(n, ...) SEC("xdp") int n(struct xdp_md *ctx) { __VA_ARGS__; }
P(p_add, return add(ctx->rx_queue_index, 4))
P(p_add_ptr, return add((long)ctx, 4))
P(p_mem_stack, struct pt x = {1, 2}; return mem(&x))
P(p_mem_null, return mem(0))
P(p_mem_map, int k = 0; struct pt *v = bpf_map_lookup_elem(&m, &k); return mem(v))
P(p_mem_map2, int k = 0; struct pt *v = bpf_map_lookup_elem(&m, &k); if (!v) return 1; return memw(v))
P(p_memnn, struct pt x = {1, 2}; return memnn(&x))
P(p_memnn_null, int k = 0; struct pt *v = bpf_map_lookup_elem(&m, &k); return memnn(v))
P(p_nocheck, struct pt x = {1, 2}; return mem_nocheck(&x))
P(p_small, int x = 1; return mem((void *)&x))
P(p_ctx, return ctxf(ctx))
P(p_ctx_bad, struct pt x; return ctxf((void *)&x))
P(p_ctx_off, return ctxf((void *)((char *)ctx + 4)))
P(p_ctxtag, return ctxtag(ctx))
P(p_vd, vd(1); return 0)
P(p_vptr, int x = 3; return vptr(&x))
P(p_oob, int x[2] = {}; return oob(x))
P(p_lvl, return lvl1(ctx->rx_queue_index))
P(p_chg, char *d = (void *)(long)ctx->data; char *e = (void *)(long)ctx->data_end; if (d + 2 > e) return 0; int x = d[0]; chg2(ctx); return x + d[1])
P(p_div, return div(ctx->rx_queue_index, ctx->ingress_ifindex))
P(p_arr, int a[4] = {}; return arr4(&a))
P(p_en, return en(3))
P(p_untr, return untr((int *)7))
P(p_ch, return ch(1, 2, 1))
P(p_pkt, char *d = (void *)(long)ctx->data; char *e = (void *)(long)ctx->data_end; if (d + 16 > e) return 0; return mem((void *)d))
P(p_pkt_bad, char *d = (void *)(long)ctx->data; return mem((void *)d))
static noinline int st(struct pt *p) { return p->a; }
P(p_static, struct pt x = {1, 2}; return st(&x))
static noinline int stx(struct xdp_md *c) { return c->rx_queue_index; }
P(p_static_ctx, return stx(ctx))
SEC("tc") int t_ctx(struct __sk_buff *ctx) { return ctxf((void *)ctx); }
noinline int skbf(struct __sk_buff *s) { return s->len; }
SEC("tc") int t_skb(struct __sk_buff *ctx) { return skbf(ctx); }
SEC("cgroup_skb/egress") int c_skb(struct __sk_buff *ctx) { return skbf(ctx) & 1; }
noinline int deep(int a) { volatile char b[300]; b[a & 255] = 1; return b[3]; }
noinline int deep2(int a) { volatile char b[300]; b[a & 255] = 1; return b[3] + deep(a); }
P(p_deep, return deep2(1))
char _license[] SEC("license") = "GPL";
