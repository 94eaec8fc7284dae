// Callbacks, tail calls, maps in maps, sockets, and what packets and contexts allow. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, u64); } h SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8); __type(key, int); __type(value, u64); } a SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, int); } pa SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_USER_RINGBUF); __uint(max_entries, 4096); } ur SEC(".maps");
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, u64); } in1 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 2); __type(key, int); __array(values, struct inner); } om SEC(".maps") = { .values = { &in1 } };
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 4); __uint(map_flags, 1); __type(key, u64); __type(value, u32); } lpm SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __uint(max_entries, 4); __type(key, int); __type(value, int); } dm SEC(".maps");
const volatile int cfg = 7; volatile int counter; const volatile u64 tbl[4] = {1, 2, 3, 4};
struct c { int i; u64 s; };
static int cb1(u32 i, struct c *c) { c->s += i; return 0; }
static int cb2(u32 i, struct c *c) { if (i > 5) return 1; c->i = i; return 0; }
static int cbret(u32 i, struct c *c) { return 2; }
static int cbpkt(u32 i, struct xdp_md **pp) { struct xdp_md *ctx = *pp; u8 *d = (void *)(long)ctx->data, *e = (void *)(long)ctx->data_end; if (i > 100) return 1; if (d + i + 1 > e) return 1; counter += d[i]; return 0; }
SEC("xdp") int lp1(struct xdp_md *ctx) { struct c c = {}; bpf_loop(10, cb1, &c, 0); return c.s; }
SEC("xdp") int lp2(struct xdp_md *ctx) { struct c c = {}; bpf_loop(ctx->rx_queue_index, cb2, &c, 0); return c.i; }
SEC("xdp") int lpret(struct xdp_md *ctx) { struct c c = {}; bpf_loop(3, cbret, &c, 0); return c.i; }
SEC("xdp") int lppkt(struct xdp_md *ctx) { struct xdp_md *p = ctx; bpf_loop(64, cbpkt, &p, 0); return counter; }
SEC("xdp") int lpnull(struct xdp_md *ctx) { bpf_loop(3, cb1, 0, 0); return 0; }
static int fe(void *m, int *k, u64 *v, struct c *c) { c->s += *v + *k; *v = 3; return 0; }
static int fek(void *m, int *k, u64 *v, struct c *c) { *k = 3; return 0; }
SEC("xdp") int each(struct xdp_md *ctx) { struct c c = {}; bpf_for_each_map_elem(&h, fe, &c, 0); return c.s; }
SEC("xdp") int eacha(struct xdp_md *ctx) { struct c c = {}; bpf_for_each_map_elem(&a, fe, &c, 0); return c.s; }
SEC("xdp") int eachk(struct xdp_md *ctx) { struct c c = {}; bpf_for_each_map_elem(&h, fek, &c, 0); return c.s; }
SEC("xdp") int eachbad(struct xdp_md *ctx) { struct c c = {}; bpf_for_each_map_elem(&lpm, fe, &c, 0); return c.s; }
SEC("xdp") int tail(struct xdp_md *ctx) { bpf_tail_call(ctx, &pa, 1); return 1; }
SEC("xdp") int tailv(struct xdp_md *ctx) { bpf_tail_call(ctx, &pa, ctx->rx_queue_index); return 1; }
noinline int tsub(struct xdp_md *ctx) { bpf_tail_call(ctx, &pa, 2); return 5; }
SEC("xdp") int tails(struct xdp_md *ctx) { u8 *d = (void *)(long)ctx->data, *e = (void *)(long)ctx->data_end; if (d + 4 > e) return 0; int x = d[0]; tsub(ctx); return x; }
static noinline int ts(struct xdp_md *ctx) { bpf_tail_call(ctx, &pa, 2); return 5; }
SEC("xdp") int tailst(struct xdp_md *ctx) { int y = ts(ctx); return y; }
SEC("xdp") int tailpkt(struct xdp_md *ctx) { u8 *d = (void *)(long)ctx->data, *e = (void *)(long)ctx->data_end; if (d + 4 > e) return 0; ts(ctx); return d[1]; }
SEC("xdp") int rbr(struct xdp_md *ctx) { u64 *p = bpf_ringbuf_reserve(&rb, 16, 0); if (!p) return 0; p[1] = 3; bpf_ringbuf_submit(p, 0); return 0; }
SEC("xdp") int rbl(struct xdp_md *ctx) { u64 *p = bpf_ringbuf_reserve(&rb, 16, 0); if (!p) return 0; if (ctx->rx_queue_index) return 1; bpf_ringbuf_discard(p, 0); return 0; }
static int dr(struct bpf_dynptr *d, struct c *c) { u64 x; if (bpf_dynptr_read(&x, 8, d, 0, 0)) return 0; c->s += x; return 0; }
SEC("xdp") int drain(struct xdp_md *ctx) { struct c c = {}; bpf_user_ringbuf_drain(&ur, dr, &c, 0); return c.s; }
SEC("xdp") int mim(struct xdp_md *ctx) { int k = 0; void *m = bpf_map_lookup_elem(&om, &k); if (!m) return 1; u64 *v = bpf_map_lookup_elem(m, &k); if (v) return *v; return 2; }
SEC("xdp") int mimn(struct xdp_md *ctx) { int k = 0; void *m = bpf_map_lookup_elem(&om, &k); u64 *v = bpf_map_lookup_elem(m, &k); return 2; }
SEC("xdp") int ro(struct xdp_md *ctx) { if (cfg == 7) return tbl[ctx->rx_queue_index & 3]; return *(int *)(long)cfg; }
SEC("xdp") int rob(struct xdp_md *ctx) { return tbl[ctx->rx_queue_index & 7]; }
SEC("xdp") int redir(struct xdp_md *ctx) { return bpf_redirect_map(&dm, ctx->rx_queue_index, 0); }
SEC("xdp/devmap") int dmp(struct xdp_md *ctx) { return ctx->egress_ifindex; }
SEC("xdp") int nodmp(struct xdp_md *ctx) { return ctx->egress_ifindex; }
SEC("tc") int sk(struct __sk_buff *s) { struct bpf_sock_tuple t = {}; struct bpf_sock *k = bpf_sk_lookup_tcp(s, &t, sizeof(t.ipv4), -1, 0); if (!k) return 0; int r = k->family; bpf_sk_release(k); return r; }
SEC("tc") int skl(struct __sk_buff *s) { struct bpf_sock_tuple t = {}; struct bpf_sock *k = bpf_sk_lookup_tcp(s, &t, sizeof(t.ipv4), -1, 0); return k ? k->family : 0; }
SEC("tc") int sko(struct __sk_buff *s) { struct bpf_sock *k = s->sk; if (!k) return 0; struct bpf_sock *f = bpf_sk_fullsock(k); if (!f) return 1; struct bpf_tcp_sock *t = bpf_tcp_sock(f); return t ? t->snd_cwnd : f->mark; }
SEC("tc") int pf(struct __sk_buff *s) { char fmt[] = "x %d"; bpf_trace_printk(fmt, sizeof fmt, s->len); u8 *d = (void *)(long)s->data, *e = (void *)(long)s->data_end; if (d + 34 > e) { bpf_skb_pull_data(s, 34); d = (void *)(long)s->data; e = (void *)(long)s->data_end; if (d + 34 > e) return 0; } return d[33]; }
SEC("tc") int chk(struct __sk_buff *s) { u8 b[64]; u32 l = s->len; if (l > 64 || l < 1) return 0; if (bpf_skb_load_bytes(s, 0, b, l)) return 1; return b[l - 1]; }
SEC("tc") int cksum(struct __sk_buff *s) { u32 x = 5; bpf_l4_csum_replace(s, 20, 0, x, 4); return bpf_csum_diff(0, 0, &x, 4, 0); }
SEC("cgroup_skb/egress") int cge(struct __sk_buff *s) { u8 *d = (void *)(long)s->data, *e = (void *)(long)s->data_end; if (d + 1 > e) return 1; return d[0] & 3; }
SEC("socket") int sf(struct __sk_buff *s) { u8 b[4]; if (bpf_skb_load_bytes_relative(s, 0, b, 4, 1)) return 0; return b[2]; }
SEC("xdp") int at(struct xdp_md *ctx) { int k = 0; u64 *v = bpf_map_lookup_elem(&a, &k); if (v) { __sync_fetch_and_add(v, 1); } return 0; }
SEC("xdp") int big(struct xdp_md *ctx) { u8 *d = (void *)(long)ctx->data, *e = (void *)(long)ctx->data_end; u64 s = 0; for (int i = 0; i < 40; i++) { if (d + i + 1 > e) break; s = s * 31 + d[i]; } return s; }
char _license[] SEC("license") = "GPL";
