/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_filter.h"

#include <errno.h>

#include <pcap.h>

#include "error.h"

#define LENGTH_MAX 262144 /* of a packet: what libpcap takes for all of it */

static json_t *
program_json(const struct bpf_program *program)
{
	json_t *ops = json_array();

	for (unsigned int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *op = &program->bf_insns[i];

		json_array_append_new(ops, json_pack("[i, i, i, I]", op->code, op->jt, op->jf,
						     (json_int_t)op->k));
	}
	return ops;
}

int
capture_filter_compile(const char *text, json_t **ret_program, struct error *err)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, LENGTH_MAX);
	struct bpf_program program;
	int ret = 0;

	if (pcap == NULL)
		return error_set(err, ENOMEM, "capture: no memory for the filter");
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		ret = error_set(err, EINVAL, "capture: filter \"%.100s\": %s; see pcap-filter(7)",
				text, pcap_geterr(pcap));
	} else {
		*ret_program = program_json(&program);
		pcap_freecode(&program);
	}
	pcap_close(pcap);
	return ret;
}
