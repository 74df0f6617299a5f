// One variant of every kernel. The including file names it, gives the vector length and the
// instruction set; the code is the same for all, written over clang's vector types.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

// a * b + c is one instruction where the CPU has it.
#pragma clang fp contract(fast)
#if defined(CK_TARGET)
_Pragma("clang attribute push(__attribute__((target(CK_TARGET))), apply_to = function)")
#endif

#include "vectors.h"

#include "elementwise.h"

const struct ck_kernels CK_TABLE = {
    .name = CK_NAME,
    .add = add,
    .axpy = axpy,
    .multiply = multiply,
    .affine = affine,
    .normalize = normalize,
    .sum = sum,
    .dot = dot,
    .squared_deviation = squared_deviation,
    .deviation_dot = deviation_dot,
    .combine = combine,
    .activate = activate,
    .scale_by_slope = scale_by_slope,
    .max_rows_2x2 = max_rows_2x2,
};

#if defined(CK_TARGET)
#pragma clang attribute pop
#endif
