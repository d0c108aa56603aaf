/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "vlan.h"

static_assert(VLAN_TAGGED_LEN(VLAN_TAGGED | VLAN_ODD | VLAN_VID_MASK) == VLAN_TAG_LEN,
	      "bits moved");

/* all but 4095, which is reserved */
const struct vlan_settings vlan_default = {
	.allowed = { [0 ... VLAN_WORDS - 2] = UINT64_MAX, [VLAN_WORDS - 1] = UINT64_MAX >> 1 },
	.untagged = 0,
	.tpid = VLAN_TPID_BE,
	.tagged = true,
};

static void
vlan_allow(struct vlan_settings *vlan, uint16_t vid)
{
	vlan->allowed[vid / 64] |= UINT64_C(1) << vid % 64;
}

void
vlan_set_access(struct vlan_settings *vlan, uint16_t vid)
{
	memset(vlan, 0, sizeof(*vlan));
	vlan_allow(vlan, vid);
	vlan->untagged = vid;
	vlan->tpid = VLAN_TPID_BE;
}

void
vlan_set_tunnel(struct vlan_settings *vlan, uint16_t vid)
{
	vlan_set_access(vlan, vid);
	vlan->tpid = VLAN_TPID_NONE;
}

void
vlan_set_trunk(struct vlan_settings *vlan, const uint64_t allowed[VLAN_WORDS], uint16_t native,
	       uint16_t tpid)
{
	memset(vlan, 0, sizeof(*vlan));
	memcpy(vlan->allowed, allowed, sizeof(vlan->allowed));
	if (native != 0) {
		/* untagged frames have one VLAN */
		vlan->allowed[0] &= ~UINT64_C(1);
		vlan_allow(vlan, native);
		vlan->untagged = native;
	} else {
		vlan->untagged = (allowed[0] & 1) ? 0 : VLAN_NONE;
	}
	vlan->tpid = tpid;
	vlan->tagged = true;
}

uint32_t
vlan_tags_len(const struct rte_mbuf *pkt)
{
	uint32_t len = 0;

	while (len < 2 * VLAN_TAG_LEN) {
		uint16_t type = vlan_type_at(pkt, VLAN_OFFSET + len);

		if (type != VLAN_TPID_BE && type != VLAN_TPID_SERVICE_BE)
			break;
		len += VLAN_TAG_LEN;
	}
	return len;
}
