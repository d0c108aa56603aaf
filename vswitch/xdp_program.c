/* SPDX-License-Identifier: BSD-3-Clause */
#include "xdp_program.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <rte_common.h>

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* return bpf_redirect_map(map, ctx->rx_queue_index, XDP_DROP): dropped if the map has no socket */
static int
load_code(int map)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W,
		  .dst_reg = BPF_REG_2,
		  .src_reg = BPF_REG_1,
		  .off = offsetof(struct xdp_md, rx_queue_index) },
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ 0 }, /* the upper half of that constant */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "vswitch", "Dual BSD/GPL", code, RTE_DIM(code),
			       NULL);

	return fd < 0 ? -errno : fd;
}

int
xdp_program_load(struct xdp_program *program, uint16_t n_queues)
{
	*program = (struct xdp_program){ .map = -1, .prog = -1, .link = -1 };
	program->map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "vswitch", sizeof(uint32_t),
				      sizeof(uint32_t), n_queues, NULL);
	if (program->map < 0)
		return -errno;
	program->prog = load_code(program->map);
	if (program->prog >= 0)
		return 0;
	close_fd(&program->map);
	return program->prog;
}

int
xdp_program_enter(struct xdp_program *program, uint16_t queue, int fd)
{
	const uint32_t key = queue, value = fd;

	return bpf_map_update_elem(program->map, &key, &value, BPF_ANY) < 0 ? -errno : 0;
}

int
xdp_program_attach(struct xdp_program *program, int ifindex, bool generic)
{
	const struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
	};

	program->link = bpf_link_create(program->prog, ifindex, BPF_XDP, &opts);
	if (program->link >= 0)
		return 0;
	program->link = -1;
	return -errno;
}

void
xdp_program_detach(struct xdp_program *program)
{
	/* closing alone would wait for whoever has looked the link up meanwhile */
	if (program->link >= 0)
		bpf_link_detach(program->link);
	close_fd(&program->link);
}

void
xdp_program_close(struct xdp_program *program)
{
	xdp_program_detach(program);
	close_fd(&program->prog);
	close_fd(&program->map);
}
