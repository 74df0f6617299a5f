// Between planes and blocks of 16 lanes: transpositions of 4 x 4 squares in registers.
// Included by variant.h only.

typedef float v4 __attribute__((ext_vector_type(4)));
typedef float v4u __attribute__((ext_vector_type(4), aligned(4), may_alias));

INLINE void transpose_4(v4 *a) {
  const v4 t0 = __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5);
  const v4 t1 = __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7);
  const v4 t2 = __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5);
  const v4 t3 = __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7);
  a[0] = __builtin_shufflevector(t0, t2, 0, 1, 4, 5);
  a[1] = __builtin_shufflevector(t0, t2, 2, 3, 6, 7);
  a[2] = __builtin_shufflevector(t1, t3, 0, 1, 4, 5);
  a[3] = __builtin_shufflevector(t1, t3, 2, 3, 6, 7);
}

// Values of a plane that are moved before the next planes: a cache line.
enum { PLANE_RUN = 16 };

// out[i * out_step + lane] = planes[lane * plane_step + i] for i < count and lane < lanes; zero in
// the other lanes of the 16.
static void interleave(
    const float *planes, size_t plane_step, size_t lanes, size_t count, float *out,
    size_t out_step) {
  for (size_t first = 0; first < count; first += PLANE_RUN) {
    const size_t end = smaller(first + PLANE_RUN, count);
    size_t lane = 0;
    for (; lane + 4 <= lanes; lane += 4) {
      const float *p = planes + lane * plane_step;
      float *to = out + lane;
      size_t i = first;
      for (; i + 4 <= end; i += 4) {
        v4 a[4];
        UNROLL for (int k = 0; k < 4; ++k) a[k] = *(const v4u *)(p + (size_t)k * plane_step + i);
        transpose_4(a);
        UNROLL for (int k = 0; k < 4; ++k) *(v4u *)(to + (i + (size_t)k) * out_step) = a[k];
      }
      for (; i < end; ++i) {
        for (size_t k = 0; k < 4; ++k) to[i * out_step + k] = p[k * plane_step + i];
      }
    }
    for (; lane < 16; ++lane) {
      for (size_t i = first; i < end; ++i) {
        out[i * out_step + lane] = lane < lanes ? planes[lane * plane_step + i] : 0;
      }
    }
  }
}

// planes[lane * plane_step + i] = (or +=) in[i * in_step + lane].
INLINE void deinterleave_of(
    const float *in, size_t in_step, size_t lanes, size_t count, float *planes, size_t plane_step,
    const bool adds) {
  for (size_t first = 0; first < count; first += PLANE_RUN) {
    const size_t end = smaller(first + PLANE_RUN, count);
    size_t lane = 0;
    for (; lane + 4 <= lanes; lane += 4) {
      const float *from = in + lane;
      float *p = planes + lane * plane_step;
      size_t i = first;
      for (; i + 4 <= end; i += 4) {
        v4 a[4];
        UNROLL for (int k = 0; k < 4; ++k) a[k] = *(const v4u *)(from + (i + (size_t)k) * in_step);
        transpose_4(a);
        UNROLL for (int k = 0; k < 4; ++k) {
          v4u *to = (v4u *)(p + (size_t)k * plane_step + i);
          *to = adds ? *to + a[k] : a[k];
        }
      }
      for (; i < end; ++i) {
        for (size_t k = 0; k < 4; ++k) {
          float *to = p + k * plane_step + i;
          *to = (adds ? *to : 0) + from[i * in_step + k];
        }
      }
    }
    for (; lane < lanes; ++lane) {
      for (size_t i = first; i < end; ++i) {
        float *to = planes + lane * plane_step + i;
        *to = (adds ? *to : 0) + in[i * in_step + lane];
      }
    }
  }
}

static void deinterleave(
    const float *in, size_t in_step, size_t lanes, size_t count, float *planes, size_t plane_step,
    bool adds) {
  if (adds) deinterleave_of(in, in_step, lanes, count, planes, plane_step, true);
  else deinterleave_of(in, in_step, lanes, count, planes, plane_step, false);
}

// A window of up to 16 planes [height, width] to a block [rows][columns][16]; it may reach beyond
// the planes, where zeros are.
static void pack_nchw16c_tile(
    const struct ck_planes *planes, const float *from, size_t lanes, ptrdiff_t top,
    ptrdiff_t left, size_t rows, size_t columns, float *block) {
  const ptrdiff_t height = (ptrdiff_t)planes->height, width = (ptrdiff_t)planes->width;
  const ptrdiff_t begin = left < 0 ? 0 : left;
  ptrdiff_t end = left + (ptrdiff_t)columns;
  if (end > width) end = width;
  for (size_t r = 0; r < rows; ++r, block += columns * 16) {
    const ptrdiff_t y = top + (ptrdiff_t)r;
    if (y < 0 || y >= height || begin >= end) {
      memset(block, 0, columns * 16 * sizeof(float));
      continue;
    }
    const size_t before = (size_t)(begin - left), inside = (size_t)(end - begin);
    memset(block, 0, before * 16 * sizeof(float));
    interleave(
        from + y * width + begin, planes->plane_step, lanes, inside, block + before * 16, 16);
    memset(block + (before + inside) * 16, 0, (columns - before - inside) * 16 * sizeof(float));
  }
}

// The first `rows` x `columns` of a block whose rows have `block_columns`, to (or added to) planes
// at (top, left).
static void unpack_nchw16c_tile(
    const struct ck_planes *planes, const float *block, size_t block_columns, size_t lanes,
    size_t top, size_t left, size_t rows, size_t columns, float *to, bool adds) {
  for (size_t r = 0; r < rows; ++r, block += block_columns * 16) {
    deinterleave(
        block, 16, lanes, columns, to + (top + r) * planes->width + left, planes->plane_step,
        adds);
  }
}
