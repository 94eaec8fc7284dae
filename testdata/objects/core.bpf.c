// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Relocations against the kernel's types, extern symbols and configuration values.
#include "bpf.h"

#define KERNEL __attribute__((preserve_access_index))
#define __ksym __attribute__((section(".ksyms")))
#define __kconfig __attribute__((section(".kconfig")))
#define __weak __attribute__((weak))

static void *(*const current_task)(void) = (void *)35;
static long (*const probe_read)(void *to, u32 bytes, const void *from) = (void *)113;

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF __kconfig __weak;
extern char CONFIG_TRISTATE __kconfig __weak;
extern const int no_such_variable __ksym __weak;
extern void no_such_function(void) __ksym __weak;

struct parent {
	int id;
} KERNEL;

struct task {
	int pid;
	unsigned int flags : 3;
	char name[16];
	struct parent *parent;
} KERNEL;

struct task___other {
	int added;
} KERNEL;

struct gone {
	int a;
} KERNEL;

enum kind { KIND_A, KIND_B };

// A type of the network: the same everywhere, so it needs no kernel.
struct iphdr {
	u8 first;
	u8 tos;
	u16 length;
} KERNEL;

SEC("kprobe/anything")
int kernel_types(void *ctx)
{
	struct task *task = current_task();
	struct parent *parent = 0;
	int id = 0, sum;

	probe_read(&parent, sizeof(parent), &task->parent);
	probe_read(&id, sizeof(id), &parent->id);
	sum = __builtin_preserve_field_info(task->flags, 4); // left shift
	sum += __builtin_preserve_field_info(task->name, 1); // size
	sum += __builtin_preserve_field_info(((struct task___other *)task)->added, 2); // exists
	sum += __builtin_preserve_type_info(*(struct gone *)0, 0); // exists
	sum += __builtin_preserve_type_info(*(struct task *)0, 1); // size
	sum += __builtin_btf_type_id(*(struct task *)0, 0); // local id
	sum += __builtin_preserve_enum_value(*(typeof(enum kind) *)KIND_B, 1); // value
	return id + sum + LINUX_KERNEL_VERSION + CONFIG_BPF + CONFIG_TRISTATE + (&no_such_variable ? 1 : 0);
}

SEC("xdp")
int weak_call(struct xdp_md *ctx)
{
	if (no_such_function)
		no_such_function();
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
