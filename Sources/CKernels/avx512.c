#if defined(__x86_64__)
#define CK_NAME "avx512"
#define CK_TABLE ck_kernels_avx512
#define CK_LANES 16
#define CK_TARGET "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"
#include "variant.h"
#endif
