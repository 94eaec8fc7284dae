// Allocated objects, lists and trees: owning and other references, locks that must be held. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define private(name) SEC(".bss." #name) __attribute__((visibility("hidden"))) __attribute__((aligned(8)))
struct bpf_rb_node { u64 x[4]; } __attribute__((aligned(8))); struct bpf_list_node { u64 x[3]; } __attribute__((aligned(8))); struct bpf_rb_root { u64 x[2]; } __attribute__((aligned(8))); struct bpf_list_head { u64 x[2]; } __attribute__((aligned(8))); struct bpf_refcount { u32 x; } __attribute__((aligned(4)));
extern void *bpf_obj_new_impl(u64 local_type_id, void *meta) __weak __ksym;
extern void bpf_obj_drop_impl(void *kptr, void *meta) __weak __ksym;
extern void *bpf_refcount_acquire_impl(void *kptr, void *meta) __weak __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off) __weak __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off) __weak __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __weak __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __weak __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __weak __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __weak __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node, bool (*less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, u64 off) __weak __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __weak __ksym;
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(__builtin_btf_type_id(*(type *)0, 0), 0))
#define bpf_obj_drop(p) bpf_obj_drop_impl(p, 0)
#define container_of(ptr, type, member) ((type *)((void *)(ptr) - __builtin_offsetof(type, member)))
struct node { long key; long data; struct bpf_rb_node rb; };
struct lnode { long data; struct bpf_list_node l; };
struct rcn { struct bpf_rb_node rb; struct bpf_list_node l; long d; struct bpf_refcount ref; };
struct plain { int a; long b; };
private(A) struct bpf_spin_lock glock;
private(A) struct bpf_rb_root groot __contains(node, rb);
private(B) struct bpf_spin_lock llock;
private(B) struct bpf_list_head lhead __contains(lnode, l);
static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) { struct node *x = container_of(a, struct node, rb), *y = container_of(b, struct node, rb); return x->key < y->key; }
SEC("tc") int newdrop(void *ctx) { struct plain *p = bpf_obj_new(struct plain); if (!p) return 0; p->a = 3; bpf_obj_drop(p); return 0; }
SEC("tc") int newleak(void *ctx) { struct plain *p = bpf_obj_new(struct plain); if (!p) return 0; p->a = 3; return 0; }
SEC("tc") int newnull(void *ctx) { struct plain *p = bpf_obj_new(struct plain); p->a = 3; bpf_obj_drop(p); return 0; }
SEC("tc") int dropnull(void *ctx) { struct plain *p = bpf_obj_new(struct plain); bpf_obj_drop(p); return 0; }
SEC("tc") int useafter(void *ctx) { struct plain *p = bpf_obj_new(struct plain); if (!p) return 0; bpf_obj_drop(p); return p->a; }
SEC("tc") int oob(void *ctx) { struct plain *p = bpf_obj_new(struct plain); if (!p) return 0; *((volatile long *)p + 2) = 4; bpf_obj_drop(p); return 0; }
SEC("tc") int partial(void *ctx) { struct plain *p = bpf_obj_new(struct plain); if (!p) return 0; *((volatile char *)p + 5) = 4; bpf_obj_drop(p); return 0; }
SEC("tc") int special(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; *(volatile long *)&p->rb = 4; bpf_obj_drop(p); return 0; }
SEC("tc") int tadd(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; p->key = 3; bpf_spin_lock(&glock); bpf_rbtree_add_impl(&groot, &p->rb, less, 0, 0); bpf_spin_unlock(&glock); return 0; }
SEC("tc") int tadd_nolock(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; p->key = 3; bpf_rbtree_add_impl(&groot, &p->rb, less, 0, 0); return 0; }
SEC("tc") int tadd_wronglock(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; p->key = 3; bpf_spin_lock(&llock); bpf_rbtree_add_impl(&groot, &p->rb, less, 0, 0); bpf_spin_unlock(&llock); return 0; }
SEC("tc") int tadd_use(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; p->key = 3; bpf_spin_lock(&glock); bpf_rbtree_add_impl(&groot, &p->rb, less, 0, 0); long x = p->key; bpf_spin_unlock(&glock); return x; }
SEC("tc") int tadd_useafter(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; p->key = 3; bpf_spin_lock(&glock); bpf_rbtree_add_impl(&groot, &p->rb, less, 0, 0); bpf_spin_unlock(&glock); return p->key; }
SEC("tc") int tadd_off(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; bpf_spin_lock(&glock); bpf_rbtree_add_impl(&groot, (void *)&p->data, less, 0, 0); bpf_spin_unlock(&glock); return 0; }
SEC("tc") int tremove(void *ctx) { struct bpf_rb_node *r; struct node *n; bpf_spin_lock(&glock); r = bpf_rbtree_first(&groot); if (!r) { bpf_spin_unlock(&glock); return 1; } r = bpf_rbtree_remove(&groot, r); bpf_spin_unlock(&glock); if (!r) return 2; n = container_of(r, struct node, rb); long x = n->key; bpf_obj_drop(n); return x; }
SEC("tc") int tfirst_after(void *ctx) { struct bpf_rb_node *r; struct node *n; bpf_spin_lock(&glock); r = bpf_rbtree_first(&groot); bpf_spin_unlock(&glock); if (!r) return 1; n = container_of(r, struct node, rb); return n->key; }
SEC("tc") int tremove_leak(void *ctx) { struct bpf_rb_node *r; bpf_spin_lock(&glock); r = bpf_rbtree_first(&groot); if (!r) { bpf_spin_unlock(&glock); return 1; } r = bpf_rbtree_remove(&groot, r); bpf_spin_unlock(&glock); return 0; }
SEC("tc") int lpush(void *ctx) { struct lnode *p = bpf_obj_new(struct lnode); if (!p) return 0; p->data = 3; bpf_spin_lock(&llock); bpf_list_push_back_impl(&lhead, &p->l, 0, 0); bpf_spin_unlock(&llock); return 0; }
SEC("tc") int lpush_wrong(void *ctx) { struct node *p = bpf_obj_new(struct node); if (!p) return 0; bpf_spin_lock(&llock); bpf_list_push_back_impl(&lhead, (void *)&p->rb, 0, 0); bpf_spin_unlock(&llock); return 0; }
SEC("tc") int lpop(void *ctx) { struct bpf_list_node *r; bpf_spin_lock(&llock); r = bpf_list_pop_front(&lhead); bpf_spin_unlock(&llock); if (!r) return 1; struct lnode *n = container_of(r, struct lnode, l); long x = n->data; bpf_obj_drop(n); return x; }
SEC("tc") int lpop_nolock(void *ctx) { struct bpf_list_node *r = bpf_list_pop_front(&lhead); return 0; }
SEC("tc") int lfront(void *ctx) { long x = 0; bpf_spin_lock(&llock); struct bpf_list_node *r = bpf_list_front(&lhead); if (r) x = container_of(r, struct lnode, l)->data; bpf_spin_unlock(&llock); return x; }
SEC("tc") int lpush_twice(void *ctx) { struct lnode *p = bpf_obj_new(struct lnode); if (!p) return 0; p->data = 3; bpf_spin_lock(&llock); bpf_list_push_back_impl(&lhead, &p->l, 0, 0); bpf_list_push_back_impl(&lhead, &p->l, 0, 0); bpf_spin_unlock(&llock); return 0; }
SEC("tc") int rc(void *ctx) { struct rcn *p = bpf_obj_new(struct rcn), *q; if (!p) return 0; q = bpf_refcount_acquire_impl(p, 0); bpf_obj_drop(p); if (!q) return 0; q->d = 4; bpf_obj_drop(q); return 0; }
SEC("tc") int rc_no(void *ctx) { struct plain *p = bpf_obj_new(struct plain), *q; if (!p) return 0; q = bpf_refcount_acquire_impl(p, 0); bpf_obj_drop(p); if (!q) return 0; bpf_obj_drop(q); return 0; }
SEC("socket") int sf(void *ctx) { struct plain *p = bpf_obj_new(struct plain); if (!p) return 0; bpf_obj_drop(p); return 0; }
char _license[] SEC("license") = "GPL";
