// The plain variant: 16-byte vectors, which every x86-64 (SSE2) and arm64 has; the oracle.
#define CK_NAME "baseline"
#define CK_TABLE ck_kernels_baseline
#define CK_LANES 4
#include "variant.h"
