// Inner loops in C: what must be vectorised for the CPU at hand, chosen once at run time.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Activations that the kernels know; `Activation` in DarknetKernels has the same order.
enum ck_activation {
  CK_LINEAR = 0,
  CK_LOGISTIC,
  CK_LOGGY,
  CK_RELU,
  CK_RELU6,
  CK_ELU,
  CK_SELU,
  CK_GELU,
  CK_RELIE,
  CK_LEAKY,
  CK_RAMP,
  CK_TANH,
  CK_PLSE,
  CK_STAIR,
  CK_HARDTAN,
  CK_LHTAN,
  CK_SWISH,
  CK_MISH,
  CK_HARD_MISH
};

/// Shape of a convolution's sampling: taps at `out * stride - padding * dilation + k * dilation`.
struct ck_window {
  size_t height, width, out_height, out_width;
  size_t size, stride_x, stride_y, padding, dilation;
};

/// A 3x3 convolution of stride 1 over maps in blocks of 16 channels [block, height, width, 16].
struct ck_winograd {
  size_t channels, height, width, padding;
  /// A multiple of 16.
  size_t filters;
  /// Squares of 4 x 4 outputs an image; they are numbered row by row, image by image.
  size_t tile_rows, tile_columns;
  /// Floats from an image of the input to the next.
  size_t in_image;
};

/// A convolution without transforms. Its input rows are copied with their padding, columns sorted
/// by their remainder modulo the stride: [block][row][remainder][length][16].
struct ck_direct {
  size_t channels, height, width;
  /// A multiple of 16.
  size_t filters;
  size_t stride_x, stride_y;
  /// padding * dilation on either side.
  size_t pad_x, pad_y;
  /// (size - 1) * dilation + 1
  size_t reach;
  /// Columns of one remainder: enough for out_width outputs.
  size_t length;
  /// Floats from the input of an output row to the next one's, and from a plane to the next.
  size_t row_step, plane_step;
  /// Where each segment (block and tap; plane and tap; tap) starts; the last `tail_segments` have
  /// `tail` channels, a multiple of 4, the others 16.
  const size_t *offsets;
  size_t segments, tail_segments, tail;
  /// Floats from an image of the input to the next.
  size_t in_image;
};

/// What happens to a convolution's sums, in this order: bias, activation, residual, second
/// activation, storing, pooling. All maps are in blocks of 16 channels.
struct ck_epilogue {
  /// Null: none.
  const float *bias;
  int activation, second_activation;
  /// Added to the first `residual_channels` channels; null: nothing.
  const float *residual;
  size_t residual_channels;
  /// The full map; null: only the pooled one is wanted.
  float *out;
  /// Maxima of 2 x 2 blocks, stride 2; null: none.
  float *pooled;
  size_t height, width, pooled_height, pooled_width;
  /// For a planar input: the output row that `out` begins with.
  size_t first_row;
  /// Floats from an image to the next.
  size_t residual_image, out_image, pooled_image;
  /// Depthwise only: 16 sums of the results of a call, a channel each; null: none.
  float *sums;
};

/// Planes [channel, height, width] whose channels are `plane_step` floats apart.
struct ck_planes {
  size_t height, width, plane_step;
};

/// One implementation of every kernel, for one instruction set.
///
/// The contract of all of them. Counts may be any number from zero on unless a kernel says
/// otherwise below: no kernel has a limit of channels, filters, pixels, images or taps of its own,
/// and what it keeps on the stack does not depend on its arguments. Pointers need no alignment.
/// Nothing is read or written beyond the extents that are given; `scratch` has the floats that its
/// kernel names. Filters come in panels: a multiple of 16, zeros where there is no filter. Channels
/// of a block that do not exist are finite in maps and zero in weights, whose rows are rounded up
/// to a multiple of 4 channels. `squares(n)` is n | 1: an odd number of cache lines a point.
/// Who chooses a kernel asks `InferenceConvolution.can(_:_:)` or `TrainingConvolution.way` first.
struct ck_kernels {
  const char *name;
  /// Pixels (or squares) that the product kernels take at a time: work in multiples of it.
  size_t tile;
  /// y += x
  void (*add)(float *y, const float *x, size_t n);
  /// y += a * x
  void (*axpy)(float *y, const float *x, float a, size_t n);
  /// y *= x
  void (*multiply)(float *y, const float *x, size_t n);
  /// y = y * scale + shift
  void (*affine)(float *y, float scale, float shift, size_t n);
  /// y = (x - mean) * scale + shift; `y` may be `x`.
  void (*normalize)(float *y, const float *x, float mean, float scale, float shift, size_t n);
  /// Sums of float32 values, accumulated in double.
  double (*sum)(const float *x, size_t n);
  double (*dot)(const float *a, const float *b, size_t n);
  /// x = activation(x)
  void (*activate)(int kind, float *x, size_t n);
  /// dy *= slope, where `v` is the output y, or the saved input x for swish, mish, hard_mish, gelu.
  void (*scale_by_slope)(int kind, float *dy, const float *v, size_t n);
  /// Maximum of each 2x2 block: `out_width` results from two rows of 2 * out_width values.
  void (*max_rows_2x2)(const float *top, const float *bottom, float *out, size_t out_width);

  // Fast convolutions, a part each; see winograd.h, direct.h, blocks.h.

  // Winograd: 3x3, stride 1, no dilation, no groups, padding 0...2; squares are counted over all
  // images of the batch.
  /// `count` channels, any number; `filters` a multiple of 16; `u` has 36 * u_point floats, u_point
  /// at least count * filters.
  void (*winograd_weights)(
      const float *weights, size_t count, size_t filters, float *u, size_t u_point);
  /// `tile_stride` at least `count`; `v` has 36 * tile_stride * 16 floats.
  void (*winograd_input)(
      const struct ck_winograd *w, const float *input, size_t block, size_t first, size_t count,
      float *v, size_t tile_stride);
  /// All filters of `count` squares. `scratch`: 36 * squares(count) * (blocks * 16 + 32) floats,
  /// with a block for each 16 channels begun.
  void (*winograd_strip)(
      const struct ck_winograd *w, const struct ck_epilogue *finish, const float *input,
      const float *u, size_t first, size_t count, float *scratch);
  /// At most 32 filters from `channel` on. `scratch`: 36 * (64 * 32 + 16 + squares(count) * 32)
  /// floats.
  void (*winograd_gather)(
      const struct ck_winograd *w, const struct ck_epilogue *finish, const float *v,
      size_t tile_stride, const float *weights, size_t channel, size_t first, size_t count,
      float *scratch);
  // Direct: any size, stride, padding and dilation; `offsets` leads to every segment.
  /// rows >= 1. `to`: ((rows - 1) * stride_y + reach) * stride_x * length * 16 floats.
  void (*direct_copy)(
      const struct ck_direct *d, const float *input, size_t image, size_t block, size_t first_row,
      size_t rows, float *to);
  /// At most 32 filters from `channel` on.
  void (*direct_rows)(
      const struct ck_direct *d, const struct ck_epilogue *finish, const float *x,
      const float *weights, size_t channel, size_t image, size_t first_row, size_t rows);
  /// At most 32 filters from `channel` on.
  void (*pointwise)(
      const struct ck_direct *d, const struct ck_epilogue *finish, const float *input,
      const float *weights, size_t channel, size_t image, size_t first, size_t count);
  /// All filters of rows >= 1; with pooling `first_row` is even, and `rows` unless they are the
  /// last.
  /// `scratch`: what planar_copy writes.
  void (*planar_band)(
      const struct ck_direct *d, const struct ck_epilogue *finish, const float *input,
      const float *weights, size_t image, size_t first_row, size_t rows, float *scratch);
  /// rows >= 1. `to`: channels * plane_step floats, plane_step at least
  /// ((rows - 1) * stride_y + reach) * stride_x * length.
  void (*planar_copy)(
      const struct ck_direct *d, const float *image, size_t first_row, size_t rows, float *to);
  /// One block; `plane` is where its first pixel would be: rows that no tap needs may be missing.
  void (*depthwise_rows)(
      const struct ck_window *w, const struct ck_epilogue *finish, const float *plane,
      const float *weights, size_t image, size_t block, size_t first_row, size_t rows);
  // Planes and blocks; `lanes` is 0...16.
  void (*interleave)(
      const float *planes, size_t plane_step, size_t lanes, size_t count, float *out,
      size_t out_step);
  void (*pack_nchw16c_tile)(
      const struct ck_planes *planes, const float *from, size_t lanes, ptrdiff_t top,
      ptrdiff_t left, size_t rows, size_t columns, float *block);
  /// The window lies inside the planes.
  void (*unpack_nchw16c_tile)(
      const struct ck_planes *planes, const float *block, size_t block_columns, size_t lanes,
      size_t top, size_t left, size_t rows, size_t columns, float *to, bool adds);
  void (*nchw_to_nchw16c)(const float *planes, size_t channels, size_t area, float *blocks);
  void (*nchw16c_to_nchw)(const float *blocks, size_t channels, size_t area, float *planes);
  // Windows of one block; a window outside the map gives the lowest number, or an average of 0.
  void (*pool_block)(const struct ck_window *w, ptrdiff_t offset, const float *x, float *y);
  void (*average_block)(const struct ck_window *w, ptrdiff_t offset, const float *x, float *y);
  /// `channels` is 0...16.
  void (*add_block)(float *y, const float *x, size_t channels, int activation, size_t area);
  /// `width` is a multiple of 16.
  void (*scale_rows)(
      const float *x, const float *factors, size_t rows, size_t width, float *y);
  /// `width` is a multiple of 16.
  void (*scale_columns)(float *y, const float *factors, size_t rows, size_t width);
  void (*scale_block)(float *y, const float *x, const float *factors, int activation, size_t area);

  // Gradients by the weights; see gradient.h.
  /// `filters` is 16 or 32.
  void (*outer)(
      const float *x, size_t x_segment, const float *q, size_t q_segment, size_t segments,
      size_t items, float *y, size_t filters, bool adds);
  /// `columns` at least 4 * squares; `tile_stride` at least `squares`; `filters` is 16 or 32.
  void (*winograd_gradient)(
      const float *dy, size_t columns, size_t squares, float *q, size_t tile_stride,
      size_t filters);
  /// `filters` is 16 or 32, `channels` 0...16. `scratch`: 36 * 16 * filters floats.
  void (*winograd_outer)(
      const float *v, const float *q, size_t tile_stride, size_t items, size_t filters,
      size_t channels, float *dw, float *scratch);
  void (*planar_outer)(
      const float *x, const size_t *offsets, size_t taps, const float *dy, size_t columns,
      float *dw);
  /// `filters` is a multiple of 16. `panel`: channels rounded up to 4 * taps * filters floats.
  void (*pack_panel)(
      const float *weights, size_t all_filters, size_t channels, size_t taps, size_t first,
      size_t filters, float *panel);
  /// `columns` is a multiple of 16. `panel`: filters rounded up to 4 * taps * columns floats.
  void (*pack_panel_mirrored)(
      const float *weights, size_t filters, size_t channels, size_t taps, size_t first,
      size_t columns, float *panel);
  /// Filters that do not exist are skipped.
  void (*add_panel)(
      const float *panel, size_t all_filters, size_t channels, size_t taps, size_t first,
      size_t filters, float *weights);

  // Passes over whole maps in training; see training.h.
  /// sums[0] += sum of x - shift, sums[1] += sum of (x - shift)^2
  void (*moments)(const float *x, double shift, size_t n, double *sums);
  /// y = activation((x - mean) * scale + shift); `y` may be `x`.
  void (*normalize_activate)(
      int kind, float *y, const float *x, float mean, float scale, float shift, size_t n);
  /// sums[0] += sum of d, sums[1] += sum of d * (x - mean), where d is dy times the slope of
  /// max(u, slope u) at u = (x - mean) * scale + shift.
  void (*bn_leaky_backward_reduce)(
      float slope, const float *dy, const float *x, float mean, float scale, float shift, size_t n,
      double *sums);
  /// dy = a * d + b * x + c, with the same d.
  void (*bn_leaky_backward_apply)(
      float slope, float *dy, const float *x, float mean, float scale, float shift, float a,
      float b, float c, size_t n);
  /// Maxima of 2x2 blocks, and which of the four (top, then bottom) was the first of the largest.
  void (*maxpool2x2_argmax)(
      const float *top, const float *bottom, float *out, uint8_t *which, size_t out_width);
  /// Each gradient to the place that `which` names, replacing or adding to both rows.
  void (*maxpool2x2_backward)(
      const float *dy, const uint8_t *which, float *top, float *bottom, size_t width, bool adds);
  /// v += g + decay * w, w -= rate * v, v *= momentum, g = 0
  void (*sgd_step)(
      float *w, float *v, float *g, float rate, float decay, float momentum, size_t n);
};

/// The variants compiled in for this architecture, plainest first; the first runs everywhere.
size_t ck_variant_count(void);
const struct ck_kernels *ck_variant(size_t index);
/// Whether this CPU (and its operating system) can run variant `index`.
bool ck_variant_runs(size_t index);
/// The variant in use: the best that runs, or the one that PRN_DARKNET_CPU names if it runs.
const struct ck_kernels *ck_active(void);

/// Rows (c, ky, kx) of `columns`, one value per output pixel first..<first + count, taken from
/// `channels` planes; zero outside. Rows are `row_stride` floats apart.
void ck_im2col(
    const struct ck_window *window, const float *image, size_t channels, size_t first, size_t count,
    float *columns, size_t row_stride);
/// The transpose of ck_im2col: adds every value back to the plane's element it came from.
void ck_col2im(
    const struct ck_window *window, const float *columns, size_t row_stride, size_t channels,
    size_t first, size_t count, float *image);

/// Processors that this process may use, at least 1.
int ck_processor_count(void);
/// Whether this thread is inside a parallel loop (then inner loops run inline).
bool ck_in_parallel(void);
void ck_set_in_parallel(bool inside);

/// Tells the CPU that this is a spin loop.
static inline void ck_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#endif
