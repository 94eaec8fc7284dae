// Kernel functions: tasks, cgroups, connections, timers, kernel pointers in values, exceptions, casts. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
struct task_struct { int a; }; struct cgroup { int a; }; struct bpf_ct_opts { s32 netns_id; s32 error; u8 l4proto; u8 dir; u16 z; u8 zd; u8 reserved[3]; }; struct nf_conn { int a; }; struct nf_conn___init { int a; }; struct bpf_key { int a; }; struct bpf_map { int a; };
struct bpf_wq { u64 x[2]; } __attribute__((aligned(8)));
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
extern struct task_struct *bpf_task_from_pid(s32 pid) __weak __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __weak __ksym;
extern void bpf_task_release(struct task_struct *p) __weak __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 cgid) __weak __ksym;
extern void bpf_cgroup_release(struct cgroup *p) __weak __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *p, int level) __weak __ksym;
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *, struct bpf_sock_tuple *, u32, struct bpf_ct_opts *, u32) __weak __ksym;
extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *, struct bpf_sock_tuple *, u32, struct bpf_ct_opts *, u32) __weak __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *) __weak __ksym;
extern void bpf_ct_release(struct nf_conn *) __weak __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *, u32) __weak __ksym;
extern int bpf_ct_change_timeout(struct nf_conn *, u32) __weak __ksym;
extern struct bpf_key *bpf_lookup_system_key(u64 id) __weak __ksym;
extern void bpf_key_put(struct bpf_key *) __weak __ksym;
extern int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags) __weak __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __weak __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*cb)(void *map, int *key, void *value), unsigned int flags, void *aux) __weak __ksym;
extern void bpf_throw(u64 cookie) __weak __ksym;
extern void *bpf_cast_to_kern_ctx(void *obj) __weak __ksym;
extern void *bpf_rdonly_cast(void *obj, u32 id) __weak __ksym;
extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, u64 *timestamp) __weak __ksym;
extern int bpf_xdp_pull_data(struct xdp_md *, u32) __weak __ksym;
extern int bpf_strlen(const char *) __weak __ksym;
extern long bpf_map_sum_elem_count(const struct bpf_map *map) __weak __ksym;
struct xdp_rxq_info; struct net_device;
struct xdp_buff { void *data; void *data_end; void *data_meta; void *hard; struct xdp_rxq_info *rxq; };
struct xdp_rxq_info { struct net_device *dev; u32 queue_index; };
struct v { struct bpf_timer t; struct bpf_wq w; struct task_struct __kptr *task; struct cgroup __kptr_untrusted *cg; int x; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, struct v); } h SEC(".maps");
#define LOOKUP(m, k) ({ int key = k; bpf_map_lookup_elem(&m, &key); })
#define P(n, ...) SEC("xdp") int n(struct xdp_md *ctx) { __VA_ARGS__; return 0; }
P(task_ok, struct task_struct *t = bpf_task_from_pid(1); if (t) bpf_task_release(t))
P(task_leak, struct task_struct *t = bpf_task_from_pid(1))
P(task_null, struct task_struct *t = bpf_task_from_pid(1); bpf_task_release(t))
P(task_twice, struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; bpf_task_release(t); bpf_task_release(t))
P(task_acq, struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; struct task_struct *u = bpf_task_acquire(t); bpf_task_release(t); if (u) bpf_task_release(u))
P(task_type, struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; bpf_cgroup_release((void *)t))
P(task_scalar, bpf_task_release((void *)5))
P(task_ctx, bpf_task_release((void *)ctx))
P(task_stack, long x[8]; bpf_task_release((void *)x))
P(cg, struct cgroup *c = bpf_cgroup_from_id(5); if (!c) return 0; struct cgroup *d = bpf_cgroup_ancestor(c, 1); if (d) bpf_cgroup_release(d); bpf_cgroup_release(c))
P(ct, struct bpf_sock_tuple t = {}; struct bpf_ct_opts o = {}; struct nf_conn *c = bpf_xdp_ct_lookup(ctx, &t, sizeof(t.ipv4), &o, 16); if (!c) return o.error; bpf_ct_change_timeout(c, 3); bpf_ct_release(c))
P(ct_leak, struct bpf_sock_tuple t = {}; struct bpf_ct_opts o = {}; struct nf_conn *c = bpf_xdp_ct_lookup(ctx, &t, sizeof(t.ipv4), &o, 16))
P(ct_small, int t = 0; struct bpf_ct_opts o = {}; struct nf_conn *c = bpf_xdp_ct_lookup(ctx, (void *)&t, 36, &o, 16); if (c) bpf_ct_release(c))
P(ct_new, struct bpf_sock_tuple t = {}; struct bpf_ct_opts o = {}; struct nf_conn___init *c = bpf_xdp_ct_alloc(ctx, &t, sizeof(t.ipv4), &o, 16); if (!c) return 1; bpf_ct_set_timeout(c, 10); struct nf_conn *d = bpf_ct_insert_entry(c); if (d) bpf_ct_release(d))
P(ct_mix, struct bpf_sock_tuple t = {}; struct bpf_ct_opts o = {}; struct nf_conn___init *c = bpf_xdp_ct_alloc(ctx, &t, sizeof(t.ipv4), &o, 16); if (!c) return 1; bpf_ct_release((void *)c))
P(ct_mix2, struct bpf_sock_tuple t = {}; struct bpf_ct_opts o = {}; struct nf_conn *c = bpf_xdp_ct_lookup(ctx, &t, sizeof(t.ipv4), &o, 16); if (!c) return 1; bpf_ct_set_timeout((void *)c, 1); bpf_ct_release((void *)c))
P(key, struct bpf_key *k = bpf_lookup_system_key(0); if (k) bpf_key_put(k))
static int tcb(void *map, int *key, struct v *val) { val->x++; return 0; }
static int tcb1(void *map, int *key, struct v *val) { return 1; }
P(timer, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_timer_init(&v->t, &h, 1); bpf_timer_set_callback(&v->t, tcb); bpf_timer_start(&v->t, 100, 0))
P(timer_ret, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_timer_init(&v->t, &h, 1); bpf_timer_set_callback(&v->t, tcb1))
P(timer_off, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_timer_init((void *)&v->w, &h, 1))
static int wcb(void *map, int *key, void *value) { return ((struct v *)value)->x & 0; }
P(wq, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_wq_init(&v->w, &h, 0); bpf_wq_set_callback_impl(&v->w, wcb, 0, 0); bpf_wq_start(&v->w, 0))
P(wq_off, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_wq_init((void *)&v->t, &h, 0))
P(kx, struct v *v = LOOKUP(h, 1); if (!v) return 0; struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; t = bpf_kptr_xchg(&v->task, t); if (t) bpf_task_release(t))
P(kx_leak, struct v *v = LOOKUP(h, 1); if (!v) return 0; struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; t = bpf_kptr_xchg(&v->task, t))
P(kx_unref, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_kptr_xchg(&v->cg, 0))
P(kx_null, struct v *v = LOOKUP(h, 1); if (!v) return 0; struct task_struct *t = bpf_kptr_xchg(&v->task, 0); if (t) bpf_task_release(t))
P(kx_type, struct v *v = LOOKUP(h, 1); if (!v) return 0; struct cgroup *c = bpf_cgroup_from_id(1); if (!c) return 0; void *t = bpf_kptr_xchg(&v->task, c); if (t) bpf_task_release(t))
P(kload, struct v *v = LOOKUP(h, 1); if (!v) return 0; bpf_rcu_read_lock(); struct task_struct *t = v->task; if (!t) { bpf_rcu_read_unlock(); return 1; } t = bpf_task_acquire(t); bpf_rcu_read_unlock(); if (t) bpf_task_release(t))
P(kload2, struct v *v = LOOKUP(h, 1); if (!v) return 0; struct task_struct *t = v->task; if (!t) return 1; t = bpf_task_acquire(t); if (t) bpf_task_release(t))
P(kstore, struct v *v = LOOKUP(h, 1); if (!v) return 0; v->task = 0)
P(kstore2, struct v *v = LOOKUP(h, 1); if (!v) return 0; v->cg = 0)
P(kload_unref, struct v *v = LOOKUP(h, 1); if (!v) return 0; struct cgroup *c = v->cg; if (c) bpf_cgroup_release(c))
P(kpart, struct v *v = LOOKUP(h, 1); if (!v) return 0; return *(volatile int *)&v->task)
P(thr, if (ctx->rx_queue_index) bpf_throw(5))
noinline static int st(int x) { if (x) bpf_throw(x); return 3; }
P(thr2, return st(ctx->rx_queue_index))
noinline int gl(int x) { if (x) bpf_throw(x); return 3; }
P(thr3, return gl(ctx->rx_queue_index))
P(thr_ref, struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; if (ctx->rx_queue_index) bpf_throw(1); bpf_task_release(t))
P(thr_lock, bpf_rcu_read_lock(); if (ctx->rx_queue_index) bpf_throw(1); bpf_rcu_read_unlock())
noinline int excb(u64 c) { return c; }
__attribute__((btf_decl_tag("exception_callback:excb"))) SEC("tc") int thr_cb(struct __sk_buff *ctx) { bpf_throw(3); return 0; }
SEC("cgroup_skb/ingress") int thr_cg(struct __sk_buff *ctx) { bpf_throw(ctx->len); return 0; }
SEC("cgroup_skb/ingress") int thr_cg1(struct __sk_buff *ctx) { bpf_throw(1); return 0; }
P(cast, struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx); return x->rxq->queue_index)
P(cast_dev, struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx); return (long)x->rxq->dev & 3)
P(cast_w, struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx); x->data = 0)
P(cast_bad, int y = 0; struct xdp_buff *x = bpf_cast_to_kern_ctx(&y))
P(cast_data, struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx); return *(char *)x->data)
P(cast_oob, struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx); return *(volatile int *)((char *)x + 56))
P(cast_part, struct xdp_buff *x = bpf_cast_to_kern_ctx(ctx); return *(volatile int *)((char *)x + 4))
P(rdo, int *x = bpf_rdonly_cast(ctx, 0); return x[5])
P(rdo_w, int *x = bpf_rdonly_cast(ctx, 0); x[5] = 3)
P(meta, u64 t; return bpf_xdp_metadata_rx_timestamp(ctx, &t))
P(pull, char *d = (void *)(long)ctx->data; char *e = (void *)(long)ctx->data_end; if (d + 4 > e) return 0; bpf_xdp_pull_data(ctx, 20); return d[1])
P(slen, return bpf_strlen((void *)ctx))
P(msum, return bpf_map_sum_elem_count((void *)&h))
P(msum_bad, return bpf_map_sum_elem_count((void *)ctx))
P(msum_val, struct v *v = LOOKUP(h, 1); return bpf_map_sum_elem_count((void *)v))
char _license[] SEC("license") = "GPL";
