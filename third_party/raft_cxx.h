// raft.h for C++: libraft's own declarations, with C linkage.

#ifndef PACKETBOAT_THIRD_PARTY_RAFT_CXX_H_
#define PACKETBOAT_THIRD_PARTY_RAFT_CXX_H_

// What raft.h includes, here first, so that it does not land inside extern "C".
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

extern "C" {
#include "raft_declarations.h"
}

static_assert(RAFT_VERSION_NUMBER == 2201, "the adapter is written for libraft 0.22.1");

#endif  // PACKETBOAT_THIRD_PARTY_RAFT_CXX_H_
