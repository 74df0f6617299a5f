// Choice of the kernels' variant, once, by what the CPU and its operating system offer.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "CKernels.h"

extern const struct ck_kernels ck_kernels_baseline;
#if defined(__x86_64__)
extern const struct ck_kernels ck_kernels_avx2;
extern const struct ck_kernels ck_kernels_avx512;
static const struct ck_kernels *const variants[] = {
    &ck_kernels_baseline, &ck_kernels_avx2, &ck_kernels_avx512};
#elif defined(__aarch64__)
extern const struct ck_kernels ck_kernels_neon;
static const struct ck_kernels *const variants[] = {&ck_kernels_baseline, &ck_kernels_neon};
#else
static const struct ck_kernels *const variants[] = {&ck_kernels_baseline};
#endif

enum { variant_count = sizeof variants / sizeof variants[0] };

size_t ck_variant_count(void) { return variant_count; }

const struct ck_kernels *ck_variant(size_t index) {
  return variants[index < variant_count ? index : 0];
}

bool ck_variant_runs(size_t index) {
  if (index >= variant_count) return false;
#if defined(__x86_64__)
  // The builtins look at XCR0 too: registers that the system does not save count as absent.
  __builtin_cpu_init();
  if (index == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (index == 2) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  }
#endif
  return true;
}

static const struct ck_kernels *active;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void) {
  const char *wanted = getenv("PRN_DARKNET_CPU");
  size_t best = 0;
  for (size_t i = 0; i < variant_count; ++i) {
    if (!ck_variant_runs(i)) continue;
    if (wanted && strcmp(wanted, variants[i]->name) == 0) {
      active = variants[i];
      return;
    }
    best = i;
  }
  active = variants[best];
}

const struct ck_kernels *ck_active(void) {
  pthread_once(&once, choose);
  return active;
}

int ck_processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}

static _Thread_local bool in_parallel;

bool ck_in_parallel(void) { return in_parallel; }

void ck_set_in_parallel(bool inside) { in_parallel = inside; }
