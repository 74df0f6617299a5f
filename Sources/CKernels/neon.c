#if defined(__aarch64__)
#define CK_NAME "neon"
#define CK_TABLE ck_kernels_neon
#define CK_LANES 4
#include "variant.h"
#endif
