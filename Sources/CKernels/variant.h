// One variant of every kernel. The including file names it, gives the vector length and the
// instruction set; the code is the same for all, written over clang's vector types.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "CKernels.h"

// a * b + c is one instruction where the CPU has it.
#pragma clang fp contract(fast)
#if defined(CK_TARGET)
_Pragma("clang attribute push(__attribute__((target(CK_TARGET))), apply_to = function)")
#endif

#include "vectors.h"

#include "elementwise.h"

#include "product.h"

#include "epilogue.h"

#include "winograd.h"

#include "direct.h"

#include "transpose.h"

#include "blocks.h"

#include "gradient.h"

#include "training.h"

const struct ck_kernels CK_TABLE = {
    .name = CK_NAME,
    .tile = MAX_PIXELS,
    .add = add,
    .axpy = axpy,
    .multiply = multiply,
    .affine = affine,
    .normalize = normalize,
    .sum = sum,
    .dot = dot,
    .activate = activate,
    .scale_by_slope = scale_by_slope,
    .max_rows_2x2 = max_rows_2x2,
    .winograd_weights = winograd_weights,
    .winograd_input = winograd_input,
    .winograd_strip = winograd_strip,
    .winograd_gather = winograd_gather,
    .direct_copy = direct_copy,
    .direct_rows = direct_rows,
    .pointwise = pointwise,
    .planar_band = planar_band,
    .planar_copy = planar_copy,
    .depthwise_rows = depthwise_rows,
    .interleave = interleave,
    .pack_nchw16c_tile = pack_nchw16c_tile,
    .unpack_nchw16c_tile = unpack_nchw16c_tile,
    .nchw_to_nchw16c = nchw_to_nchw16c,
    .nchw16c_to_nchw = nchw16c_to_nchw,
    .pool_block = pool_block,
    .average_block = average_block,
    .add_block = add_block,
    .scale_rows = scale_rows,
    .scale_columns = scale_columns,
    .scale_block = scale_block,
    .outer = outer,
    .winograd_gradient = winograd_gradient,
    .winograd_outer = winograd_outer,
    .planar_outer = planar_outer,
    .pack_panel = pack_panel,
    .pack_panel_mirrored = pack_panel_mirrored,
    .add_panel = add_panel,
    .moments = moments,
    .normalize_activate = normalize_activate,
    .bn_leaky_backward_reduce = bn_leaky_backward_reduce,
    .bn_leaky_backward_apply = bn_leaky_backward_apply,
    .maxpool2x2_argmax = maxpool2x2_argmax,
    .maxpool2x2_backward = maxpool2x2_backward,
    .sgd_step = sgd_step,
};

#if defined(CK_TARGET)
#pragma clang attribute pop
#endif
