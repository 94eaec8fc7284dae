// Open-coded iterators: bounded by their range, leaked, used after their end. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16); __type(key, int); __type(value, u64); } m SEC(".maps");
#define NEW(it) struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10)
SEC("xdp") int sum(struct xdp_md *ctx) { NEW(it); int *v; u64 s = 0; while ((v = bpf_iter_num_next(&it))) s += *v; bpf_iter_num_destroy(&it); return s; }
SEC("xdp") int arr(struct xdp_md *ctx) { NEW(it); int *v; int a[10] = {}; while ((v = bpf_iter_num_next(&it))) { int i = *v; if (i < 0 || i >= 10) break; a[i] = 5; } bpf_iter_num_destroy(&it); return a[3]; }
SEC("xdp") int oob(struct xdp_md *ctx) { NEW(it); int *v; volatile int a[10] = {}; while ((v = bpf_iter_num_next(&it))) { a[*v] = 5; } bpf_iter_num_destroy(&it); return a[3]; }
SEC("xdp") int leak(struct xdp_md *ctx) { NEW(it); int *v; u64 s = 0; while ((v = bpf_iter_num_next(&it))) s += *v; return s; }
SEC("xdp") int leakret(struct xdp_md *ctx) { NEW(it); int *v; u64 s = 0; while ((v = bpf_iter_num_next(&it))) { if (*v == 3) return 1; } bpf_iter_num_destroy(&it); return s; }
SEC("xdp") int after(struct xdp_md *ctx) { NEW(it); bpf_iter_num_destroy(&it); bpf_iter_num_next(&it); return 0; }
SEC("xdp") int uninit(struct xdp_md *ctx) { struct bpf_iter_num it; bpf_iter_num_next(&it); return 0; }
SEC("xdp") int twice(struct xdp_md *ctx) { NEW(it); bpf_iter_num_new(&it, 0, 3); bpf_iter_num_destroy(&it); return 0; }
SEC("xdp") int nested(struct xdp_md *ctx) { NEW(it); int *v, *w; u64 s = 0; while ((v = bpf_iter_num_next(&it))) { NEW(jt); while ((w = bpf_iter_num_next(&jt))) s += *v * *w; bpf_iter_num_destroy(&jt); } bpf_iter_num_destroy(&it); return s; }
SEC("xdp") int maploop(struct xdp_md *ctx) { NEW(it); int *v; u64 s = 0; while ((v = bpf_iter_num_next(&it))) { int k = *v; u64 *p = bpf_map_lookup_elem(&m, &k); if (p) *p += s++; } bpf_iter_num_destroy(&it); return s; }
SEC("xdp") int nullderef(struct xdp_md *ctx) { NEW(it); int *v = bpf_iter_num_next(&it); int r = *v; bpf_iter_num_destroy(&it); return r; }
SEC("xdp") int wr(struct xdp_md *ctx) { NEW(it); int *v = bpf_iter_num_next(&it); if (v) *v = 3; bpf_iter_num_destroy(&it); return 0; }
SEC("xdp") int useafter(struct xdp_md *ctx) { NEW(it); int *v = bpf_iter_num_next(&it); bpf_iter_num_destroy(&it); return v ? *v : 0; }
SEC("xdp") int slot(struct xdp_md *ctx) { NEW(it); *(volatile u64 *)&it = 3; bpf_iter_num_destroy(&it); return 0; }
SEC("xdp") int rd(struct xdp_md *ctx) { NEW(it); u64 x = *(volatile u64 *)&it; bpf_iter_num_destroy(&it); return x; }
SEC("xdp") int bits(struct xdp_md *ctx) { u64 w[2] = {5, 6}; struct bpf_iter_bits it; int *v; u64 s = 0; bpf_iter_bits_new(&it, w, 2); while ((v = bpf_iter_bits_next(&it))) s += *v; bpf_iter_bits_destroy(&it); return s; }
static noinline int body(struct bpf_iter_num *it) { int *v = bpf_iter_num_next(it); return v ? *v : -1; }
SEC("xdp") int insub(struct xdp_md *ctx) { NEW(it); int r = body(&it); r += body(&it); bpf_iter_num_destroy(&it); return r; }
SEC("tc") int cond(struct __sk_buff *ctx) { NEW(it); int *v; int i = 0, j = 0; while ((v = bpf_iter_num_next(&it))) { if (ctx->len & 1) i++; else j++; if (i > 3) break; } bpf_iter_num_destroy(&it); return i + j; }
char _license[] SEC("license") = "GPL";
