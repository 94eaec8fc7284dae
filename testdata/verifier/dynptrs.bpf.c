// Dynptrs over ring buffers, map values and packets: made, sliced, cloned, lost. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, char[64]); } m SEC(".maps");
SEC("xdp") int rb_ok(struct xdp_md *ctx) { struct bpf_dynptr p; u64 x = 5; int e = bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); if (!e) bpf_dynptr_write(&p, 8, &x, 8, 0); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("xdp") int rb_leak(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); return 0; }
SEC("xdp") int rb_leak2(struct xdp_md *ctx) { struct bpf_dynptr p; if (bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p)) return 0; bpf_ringbuf_discard_dynptr(&p, 0); return 0; }
SEC("xdp") int rb_twice(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); bpf_ringbuf_submit_dynptr(&p, 0); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("xdp") int rb_data(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); u32 *d = bpf_dynptr_data(&p, 4, 8); if (d) d[1] = 5; bpf_ringbuf_discard_dynptr(&p, 0); return 0; }
SEC("xdp") int rb_data_oob(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); u32 *d = bpf_dynptr_data(&p, 4, 8); if (d) d[2] = 5; bpf_ringbuf_discard_dynptr(&p, 0); return 0; }
SEC("xdp") int rb_data_after(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); u32 *d = bpf_dynptr_data(&p, 4, 8); bpf_ringbuf_discard_dynptr(&p, 0); if (d) d[1] = 5; return 0; }
SEC("xdp") int overwrite(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); *(volatile u64 *)&p = 1; bpf_ringbuf_discard_dynptr(&p, 0); return 0; }
SEC("xdp") int uninit(struct xdp_md *ctx) { struct bpf_dynptr p; return bpf_dynptr_size(&p); }
SEC("xdp") int frommem(struct xdp_md *ctx) { struct bpf_dynptr p; int k = 0; char buf[8]; void *v = bpf_map_lookup_elem(&m, &k); if (!v) return 0; bpf_dynptr_from_mem(v, 64, 0, &p); bpf_dynptr_read(buf, 8, &p, 3, 0); u64 *d = bpf_dynptr_data(&p, 0, 16); if (!d) return 1; d[1] = buf[0]; return bpf_dynptr_size(&p); }
SEC("xdp") int frommem_stack(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[16]; bpf_dynptr_from_mem(buf, 16, 0, &p); return 0; }
SEC("xdp") int xdp_ok(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, 14); if (!d) return 2; return d[12] << 8 | d[13]; }
SEC("xdp") int xdp_write(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice_rdwr(&p, 0, buf, 14); if (!d) return 2; d[0] = 1; return 0; }
SEC("xdp") int xdp_rdonly(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, 14); if (!d) return 2; d[0] = 1; return 0; }
SEC("xdp") int xdp_nobuf(struct xdp_md *ctx) { struct bpf_dynptr p; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, 0, 14); if (!d) return 2; return d[13]; }
SEC("xdp") int xdp_varsz(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, ctx->rx_queue_index & 7); if (!d) return 2; return d[0]; }
SEC("xdp") int xdp_null(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[14]; bpf_dynptr_from_xdp(ctx, 0, &p); u8 *d = bpf_dynptr_slice(&p, 0, buf, 14); return d[0]; }
SEC("xdp") int xdp_adjust(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, 14); if (!d) return 2; bpf_xdp_adjust_head(ctx, 4); return d[0]; }
SEC("xdp") int xdp_smallbuf(struct xdp_md *ctx) { struct bpf_dynptr p; char buf[8]; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, 600); if (!d) return 2; return d[0]; }
SEC("tc") int skb_ok(struct __sk_buff *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_skb(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice_rdwr(&p, 0, buf, 14); if (!d) return 2; d[0] = 1; char x[2] = {1, 2}; bpf_dynptr_write(&p, 0, x, 2, 0); return 0; }
SEC("tc") int skb_write_inval(struct __sk_buff *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_skb(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, 14); if (!d) return 2; char x[2] = {1, 2}; bpf_dynptr_write(&p, 0, x, 2, 0); return d[0]; }
SEC("cgroup_skb/ingress") int cg_rdwr(struct __sk_buff *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_skb(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice_rdwr(&p, 0, buf, 14); if (!d) return 1; return 0; }
SEC("socket") int sf_skb(struct __sk_buff *ctx) { struct bpf_dynptr p; char buf[14]; if (bpf_dynptr_from_skb(ctx, 0, &p)) return 1; u8 *d = bpf_dynptr_slice(&p, 0, buf, 14); if (!d) return 1; return d[3]; }
SEC("tc") int tc_xdp(struct __sk_buff *ctx) { struct bpf_dynptr p; return bpf_dynptr_from_xdp((void *)ctx, 0, &p); }
SEC("xdp") int clone_ok(struct xdp_md *ctx) { struct bpf_dynptr p, q; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); bpf_dynptr_clone(&p, &q); bpf_ringbuf_submit_dynptr(&q, 0); return 0; }
SEC("xdp") int clone_use(struct xdp_md *ctx) { struct bpf_dynptr p, q; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); bpf_dynptr_clone(&p, &q); bpf_ringbuf_submit_dynptr(&q, 0); return bpf_dynptr_size(&p); }
SEC("xdp") int reinit(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_xdp(ctx, 0, &p); bpf_dynptr_from_xdp(ctx, 0, &p); return bpf_dynptr_is_null(&p) + bpf_dynptr_adjust(&p, 1, 2); }
SEC("xdp") int reinit_ref(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); bpf_ringbuf_reserve_dynptr(&rb, 64, 0, &p); return 0; }
static noinline int use(struct bpf_dynptr *p) { return bpf_dynptr_size(p); }
SEC("xdp") int insub(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_xdp(ctx, 0, &p); return use(&p); }
noinline int guse(const struct bpf_dynptr *p) { char b[4]; bpf_dynptr_read(b, 4, p, 0, 0); return b[1]; }
SEC("xdp") int inglobal(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_xdp(ctx, 0, &p); return guse(&p); }
SEC("xdp") int inglobal_bad(struct xdp_md *ctx) { struct bpf_dynptr p; return guse(&p); }
noinline int gmut(struct bpf_dynptr *p) { return bpf_dynptr_adjust(p, 1, 2) + bpf_ringbuf_reserve_dynptr(&rb, 8, 0, p); }
SEC("xdp") int inglobal_mut(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_xdp(ctx, 0, &p); return gmut(&p); }
SEC("xdp") int wrongtype(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_xdp(ctx, 0, &p); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("xdp") int readslot(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_xdp(ctx, 0, &p); return *(volatile u64 *)&p; }
SEC("xdp") int loopdyn(struct xdp_md *ctx) { struct bpf_dynptr p; int s = 0; if (bpf_dynptr_from_xdp(ctx, 0, &p)) return 1; for (int i = 0; i < 8; i++) { u8 b; if (bpf_dynptr_read(&b, 1, &p, i, 0)) break; s += b; } return s; }
char _license[] SEC("license") = "GPL";
