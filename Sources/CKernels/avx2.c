#if defined(__x86_64__)
#define CK_NAME "avx2"
#define CK_TABLE ck_kernels_avx2
#define CK_LANES 8
#define CK_TARGET "avx2,fma"
#include "variant.h"
#endif
