// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Plays the kernel for core.bpf.c: the same types, laid out differently. Only its BTF is used.
#include "bpf.h"

enum kind { KIND_NEW, KIND_A, KIND_B };

struct parent {
	u64 before;
	u16 id; // narrower than the program believes
};

struct task {
	u64 state;
	struct {
		int pid;
		char name[24];
	};
	unsigned int other : 5;
	unsigned int flags : 3;
	struct parent *parent;
	int added;
};

struct task task;
struct parent parent;
enum kind kind;
