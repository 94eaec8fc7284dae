// Sections without preemption or interrupts, and RCU read sections: balanced or not. One program a line; what Linux 6.18 says of each stands in verdicts.json.

#include "common.h"
extern int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags) __weak __ksym;
#define P(n, body) SEC("xdp") int n(struct xdp_md *ctx) { body; return 0; }
P(rcu_ok, bpf_rcu_read_lock(); bpf_rcu_read_unlock())
P(rcu_nest, bpf_rcu_read_lock(); bpf_rcu_read_lock(); bpf_rcu_read_unlock(); bpf_rcu_read_unlock())
P(rcu_leak, bpf_rcu_read_lock())
P(rcu_nest_leak, bpf_rcu_read_lock(); bpf_rcu_read_lock(); bpf_rcu_read_unlock())
P(rcu_un, bpf_rcu_read_unlock())
P(rcu_cond, bpf_rcu_read_lock(); if (ctx->rx_queue_index) return 1; bpf_rcu_read_unlock())
P(pre_ok, bpf_preempt_disable(); bpf_preempt_enable())
P(pre_nest, bpf_preempt_disable(); bpf_preempt_disable(); bpf_preempt_enable(); bpf_preempt_enable())
P(pre_leak, bpf_preempt_disable())
P(pre_un, bpf_preempt_enable())
P(pre_helper, bpf_preempt_disable(); bpf_ktime_get_ns(); bpf_preempt_enable())
P(irq_ok, unsigned long f; bpf_local_irq_save(&f); bpf_local_irq_restore(&f))
P(irq_nest, unsigned long f; unsigned long g; bpf_local_irq_save(&f); bpf_local_irq_save(&g); bpf_local_irq_restore(&g); bpf_local_irq_restore(&f))
P(irq_ooo, unsigned long f; unsigned long g; bpf_local_irq_save(&f); bpf_local_irq_save(&g); bpf_local_irq_restore(&f); bpf_local_irq_restore(&g))
P(irq_leak, unsigned long f; bpf_local_irq_save(&f))
P(irq_un, unsigned long f; bpf_local_irq_restore(&f))
P(irq_twice, unsigned long f; bpf_local_irq_save(&f); bpf_local_irq_save(&f))
P(irq_over, unsigned long f; bpf_local_irq_save(&f); *(volatile unsigned long *)&f = 1; bpf_local_irq_restore(&f))
P(irq_restore2, unsigned long f; bpf_local_irq_save(&f); bpf_local_irq_restore(&f); bpf_local_irq_restore(&f))
P(irq_global, static unsigned long f; bpf_local_irq_save(&f))
P(sleep, char b[8]; bpf_copy_from_user_str(b, 8, 0, 0))
static noinline int s1(void) { bpf_rcu_read_lock(); return 0; }
static noinline int s2(void) { bpf_rcu_read_unlock(); return 0; }
P(rcu_sub, s1(); s2())
P(rcu_sub_leak, s1())
noinline int g1(int x) { bpf_rcu_read_lock(); return x; }
P(rcu_glob, g1(1))
static noinline int q1(unsigned long *f) { bpf_local_irq_save(f); return 0; }
static noinline int q2(unsigned long *f) { bpf_local_irq_restore(f); return 0; }
P(irq_sub, unsigned long f; q1(&f); q2(&f))
SEC("tc") int tc_pre(struct __sk_buff *ctx) { bpf_preempt_disable(); int x = ctx->len; bpf_preempt_enable(); return x; }
char _license[] SEC("license") = "GPL";
