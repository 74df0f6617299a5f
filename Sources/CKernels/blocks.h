// Operations on maps in blocks of 16 channels [block][pixel][16]. Included by variant.h only.

// Planes to blocks; lanes past the last channel are zero.
static void nchw_to_nchw16c(const float *planes, size_t channels, size_t area, float *blocks) {
  for (size_t c = 0; c < channels; c += 16, blocks += area * 16) {
    interleave(planes + c * area, area, smaller(16, channels - c), area, blocks, 16);
  }
}

static void nchw16c_to_nchw(const float *blocks, size_t channels, size_t area, float *planes) {
  for (size_t c = 0; c < channels; c += 16, blocks += area * 16) {
    deinterleave(blocks, 16, smaller(16, channels - c), area, planes + c * area, area, false);
  }
}

// Maxima or averages of windows of one block; what is outside is ignored.
INLINE void reduce_windows(
    const struct ck_window *w, ptrdiff_t offset, const float *x, float *y, const bool averages) {
  for (size_t oy = 0; oy < w->out_height; ++oy) {
    const ptrdiff_t y0 = (ptrdiff_t)(oy * w->stride_y) - offset;
    const ptrdiff_t top = y0 < 0 ? 0 : y0;
    ptrdiff_t bottom = y0 + (ptrdiff_t)w->size;
    if (bottom > (ptrdiff_t)w->height) bottom = (ptrdiff_t)w->height;
    for (size_t ox = 0; ox < w->out_width; ++ox, y += 16) {
      const ptrdiff_t x0 = (ptrdiff_t)(ox * w->stride_x) - offset;
      const ptrdiff_t left = x0 < 0 ? 0 : x0;
      ptrdiff_t right = x0 + (ptrdiff_t)w->size;
      if (right > (ptrdiff_t)w->width) right = (ptrdiff_t)w->width;
      const ptrdiff_t values = (bottom - top) * (right - left);
      for (size_t lane = 0; lane < 16; lane += CK_LANES) {
        vf result = splat(averages ? 0 : -3.402823466e38f);
        for (ptrdiff_t r = top; r < bottom; ++r) {
          const float *line = x + r * (ptrdiff_t)w->width * 16 + lane;
          vf of_row = result;
          if (averages) of_row = splat(0);
          for (ptrdiff_t c = left; c < right; ++c) {
            const vf v = load(line + c * 16);
            of_row = averages ? of_row + v : vmax(of_row, v);
          }
          // Row by row, so that large windows keep their digits.
          result = averages ? result + of_row : of_row;
        }
        store(y + lane, averages ? result * (1.0f / (float)(values > 0 ? values : 1)) : result);
      }
    }
  }
}

static void pool_block(const struct ck_window *w, ptrdiff_t offset, const float *x, float *y) {
  reduce_windows(w, offset, x, y, false);
}

static void average_block(const struct ck_window *w, ptrdiff_t offset, const float *x, float *y) {
  reduce_windows(w, offset, x, y, true);
}

// y = activation(y + x on the lanes of the first `channels` channels of the block).
static void add_block(float *y, const float *x, size_t channels, int activation, size_t area) {
  for (size_t lane = 0; lane < 16 && channels > 0; lane += CK_LANES) {
    const vi mask = lanes_below(lane, channels);
    for (size_t p = 0; p < area; ++p) {
      float *at = y + p * 16 + lane;
      store(at, load(at) + choose(mask, load(x + p * 16 + lane), splat(0)));
    }
  }
  activate(activation, y, area * 16);
}

// Rows of `width` (a multiple of 16) floats, each times its factor.
static void scale_rows(
    const float *x, const float *factors, size_t rows, size_t width, float *y) {
  for (size_t r = 0; r < rows; ++r, x += width, y += width) {
    const vf factor = splat(factors[r]);
    for (size_t i = 0; i < width; i += CK_LANES) store(y + i, load(x + i) * factor);
  }
}

// Rows of `width` (a multiple of 16) floats, each column times its factor.
static void scale_columns(float *y, const float *factors, size_t rows, size_t width) {
  for (size_t i = 0; i < width; i += CK_LANES) {
    const vf factor = load(factors + i);
    for (size_t r = 0; r < rows; ++r) store(y + r * width + i, load(y + r * width + i) * factor);
  }
}

// y = activation(x * factors), a factor a channel of the block. `y` may be `x`.
static void scale_block(
    float *y, const float *x, const float *factors, int activation, size_t area) {
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    const vf factor = load(factors + lane);
    for (size_t p = 0; p < area; ++p) store(y + p * 16 + lane, load(x + p * 16 + lane) * factor);
  }
  activate(activation, y, area * 16);
}
