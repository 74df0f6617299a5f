// Winograd's F(4x4, 3x3): 36 products instead of 144 for a square of 4 x 4 outputs (Lavin and Gray
// 2016), with the interpolation points 0, 3/4, -3/4, 3/2, -3/2, infinity: exact in binary, and
// three times more accurate than 0, 1, -1, 2, -2. Included by variant.h only.
//
//     Y = At ((G g Gt) * (Bt d B)) A
//
// U = G g Gt   [36][channels][filters]      V = Bt d B   [block][36][tile_stride][16]
// M = sum over channels of V U              [36][tile_stride][filters]

enum { POINTS = 36, SQUARE = 4 };
#define A1 0.75f            // a
#define A2 0.5625f          // a^2
#define A3 0.421875f        // a^3
#define B1 1.5f             // b
#define B2 2.25f            // b^2
#define B3 3.375f           // b^3
#define A2B2 1.265625f      // a^2 b^2
#define A2_PLUS_B2 2.8125f  // a^2 + b^2

INLINE void transform_input_6(const vf *x, size_t step, vf *t, size_t t_step) {
  const vf x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step],
           x5 = x[5 * step];
  t[0] = (x4 - A2_PLUS_B2 * x2) + A2B2 * x0;
  const vf even_a = x4 - B2 * x2, odd_a = x3 - B2 * x1;
  t[t_step] = even_a + A1 * odd_a;
  t[2 * t_step] = even_a - A1 * odd_a;
  const vf even_b = x4 - A2 * x2, odd_b = x3 - A2 * x1;
  t[3 * t_step] = even_b + B1 * odd_b;
  t[4 * t_step] = even_b - B1 * odd_b;
  t[5 * t_step] = (x5 - A2_PLUS_B2 * x3) + A2B2 * x1;
}

// The 6 x 6 inputs of a square, rows `x_row` floats apart, to V.
INLINE void transform_input(const float *x, size_t x_row, float *v, size_t v_point) {
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    vf t[36];
    UNROLL for (int column = 0; column < 6; ++column) {
      vf d[6];
      UNROLL for (int row = 0; row < 6; ++row) {
        d[row] = load(x + (size_t)row * x_row + (size_t)column * 16 + lane);
      }
      transform_input_6(d, 1, t + column, 6);
    }
    UNROLL for (int row = 0; row < 6; ++row) {
      vf u[6];
      transform_input_6(t + row * 6, 1, u, 1);
      UNROLL for (int k = 0; k < 6; ++k) store(v + (size_t)(row * 6 + k) * v_point + lane, u[k]);
    }
  }
}

// The factors 1 / N of the interpolation are here, where they cost one multiplication, and not
// with the weights, where they would cost five.
INLINE void transform_output_4(const vf *m, size_t step, vf *y, size_t y_step) {
  const float na = 1 / (2 * A2 * (A2 - B2)), nb = 1 / (2 * B2 * (B2 - A2));
  const vf m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step],
           m5 = m[5 * step];
  const vf sum_a = m1 + m2, difference_a = m1 - m2, sum_b = m3 + m4, difference_b = m3 - m4;
  y[0] = m0 * (1 / A2B2) + (sum_a * na + sum_b * nb);
  y[y_step] = (A1 * na) * difference_a + (B1 * nb) * difference_b;
  y[2 * y_step] = (A2 * na) * sum_a + (B2 * nb) * sum_b;
  y[3 * y_step] = (A3 * na) * difference_a + ((B3 * nb) * difference_b + m5);
}

INLINE void transform_weights_3(vf g0, vf g1, vf g2, vf *u, size_t step) {
  u[0] = g0;
  const vf even_a = g0 + A2 * g2;
  u[step] = even_a + A1 * g1;
  u[2 * step] = even_a - A1 * g1;
  const vf even_b = g0 + B2 * g2;
  u[3 * step] = even_b + B1 * g1;
  u[4 * step] = even_b - B1 * g1;
  u[5 * step] = g2;
}

// `count` channels of weights [channel][9][filters] to U, `u_point` floats a point.
static void winograd_weights(
    const float *weights, size_t count, size_t filters, float *u, size_t u_point) {
  for (size_t c = 0; c < count; ++c, weights += 9 * filters, u += filters) {
    for (size_t f = 0; f < filters; f += CK_LANES) {
      vf t[18];
      UNROLL for (int kx = 0; kx < 3; ++kx) {
        const float *g = weights + (size_t)kx * filters + f;
        transform_weights_3(
            load(g), load(g + 3 * filters), load(g + 6 * filters), t + kx, 3);
      }
      UNROLL for (int row = 0; row < 6; ++row) {
        vf line[6];
        transform_weights_3(t[row * 3], t[row * 3 + 1], t[row * 3 + 2], line, 1);
        UNROLL for (int k = 0; k < 6; ++k) store(u + (size_t)(row * 6 + k) * u_point + f, line[k]);
      }
    }
  }
}

// The squares `first`..<first + count of channel block `block` to v [36][tile_stride][16].
static void winograd_input(
    const struct ck_winograd *w, const float *input, size_t block, size_t first, size_t count,
    float *v, size_t tile_stride) {
  const size_t per_image = w->tile_rows * w->tile_columns, row_floats = w->width * 16;
  for (size_t tile = first; tile < first + count; ++tile, v += 16) {
    const size_t image = tile / per_image, place = tile % per_image;
    const ptrdiff_t y = (ptrdiff_t)(place / w->tile_columns * SQUARE) - (ptrdiff_t)w->padding;
    const ptrdiff_t x = (ptrdiff_t)(place % w->tile_columns * SQUARE) - (ptrdiff_t)w->padding;
    const float *plane = input + image * w->in_image + block * w->height * row_floats;
    if (y >= 0 && x >= 0 && (size_t)y + 6 <= w->height && (size_t)x + 6 <= w->width) {
      transform_input(
          plane + (size_t)y * row_floats + (size_t)x * 16, row_floats, v, tile_stride * 16);
      continue;
    }
    // At the border: a copy with zeros around.
    float patch[36 * 16];
    memset(patch, 0, sizeof patch);
    const ptrdiff_t x0 = x < 0 ? 0 : x;
    const ptrdiff_t x1 = x + 6 < (ptrdiff_t)w->width ? x + 6 : (ptrdiff_t)w->width;
    for (ptrdiff_t r = 0; r < 6; ++r) {
      if (y + r < 0 || y + r >= (ptrdiff_t)w->height || x1 <= x0) continue;
      memcpy(
          patch + (r * 6 + x0 - x) * 16, plane + (size_t)(y + r) * row_floats + x0 * 16,
          (size_t)(x1 - x0) * 16 * sizeof(float));
    }
    transform_input(patch, 6 * 16, v, tile_stride * 16);
  }
}

// M of `filters` filters and `count` squares to the outputs of channels from `channel` on.
static void winograd_output(
    const struct ck_winograd *w, const struct ck_epilogue *finish, const float *m,
    size_t tile_stride, size_t filters, size_t channel, size_t first, size_t count) {
  const size_t per_image = w->tile_rows * w->tile_columns;
  for (size_t tile = first; tile < first + count; ++tile, m += filters) {
    const size_t image = tile / per_image, place = tile % per_image;
    const size_t row = place / w->tile_columns * SQUARE;
    const size_t column = place % w->tile_columns * SQUARE;
    for (size_t f = 0; f < filters; f += CK_LANES) {
      vf t[24], y[16];
      UNROLL for (int k = 0; k < 6; ++k) {
        vf line[6];
        UNROLL for (int r = 0; r < 6; ++r) {
          line[r] = load(m + (size_t)(r * 6 + k) * tile_stride * filters + f);
        }
        transform_output_4(line, 1, t + k, 6);
      }
      UNROLL for (int r = 0; r < 4; ++r) transform_output_4(t + r * 6, 1, y + r * 4, 1);
      finish_square(finish, image, channel + f, row, column, y);
    }
  }
}

// Channels that one call of winograd_product takes: the offsets of their blocks are on the stack.
enum { PRODUCT_CHANNELS = 1024 };

// Offsets of the blocks of channels in V, the same for every point and every chunk of channels.
INLINE void winograd_offsets(size_t channels, size_t v_block, size_t *offsets) {
  const size_t segments = (smaller(channels, PRODUCT_CHANNELS) + 15) / 16;
  for (size_t s = 0; s < segments; ++s) offsets[s] = s * v_block;
}

// M (+)= V U for one point and at most PRODUCT_CHANNELS channels.
INLINE void winograd_product(
    const float *v, const size_t *offsets, size_t channels, const float *u, float *m, size_t count,
    size_t filters, bool adds) {
  const size_t tail = (channels % 16 + 3) / 4 * 4;
  struct operands o = {
      .x = v,
      .offsets = offsets,
      .segments = (channels + 15) / 16,
      .tail_segments = tail ? 1 : 0,
      .tail = tail,
      .w = u,
      .w_row = filters,
      .y = m,
      .y_pixel = filters,
      .y_block = 16,
  };
  product(o, count, filters, adds ? ADDING : FRESH);
}

enum { FILTER_BLOCK = 32, CHANNEL_CHUNK = 64 };
_Static_assert(CHANNEL_CHUNK <= PRODUCT_CHANNELS, "a chunk is one product");

// All channels and filters of some squares, with weights transformed beforehand:
// U [filter block][36][channels rounded up to 4][filters of the block].
static void winograd_strip(
    const struct ck_winograd *w, const struct ck_epilogue *finish, const float *input, const float *u,
    size_t first, size_t count, float *scratch) {
  const size_t blocks = (w->channels + 15) / 16, rows = rounded_up(w->channels, 4);
  // An odd number of lines a point, or the 36 points would fall into few sets of the cache.
  const size_t stride = count | 1;
  float *v = scratch, *m = scratch + blocks * POINTS * stride * 16;
  size_t offsets[PRODUCT_CHANNELS / 16];
  winograd_offsets(w->channels, POINTS * stride * 16, offsets);
  for (size_t block = 0; block < blocks; ++block) {
    winograd_input(w, input, block, first, count, v + block * POINTS * stride * 16, stride);
  }
  for (size_t channel = 0; channel < w->filters; channel += FILTER_BLOCK) {
    const size_t filters = smaller(FILTER_BLOCK, w->filters - channel);
    for (size_t point = 0; point < POINTS; ++point) {
      // Sums continue from those of the channels before, in the same order.
      for (size_t c = 0; c < w->channels; c += PRODUCT_CHANNELS) {
        winograd_product(
            v + (c / 16 * POINTS + point) * stride * 16, offsets,
            smaller(PRODUCT_CHANNELS, w->channels - c), u + c * filters,
            m + point * stride * filters, count, filters, c > 0);
      }
      u += rows * filters;
    }
    winograd_output(w, finish, m, stride, filters, channel, first, count);
  }
}

// One block of filters, for squares whose V is complete. Weights [channel][9][filters of the
// block] are transformed on the way, a chunk of channels at a time: a fourth of the memory
// traffic, which is what limits layers of many weights and few squares.
static void winograd_gather(
    const struct ck_winograd *w, const struct ck_epilogue *finish, const float *v,
    size_t tile_stride, const float *weights, size_t channel, size_t first, size_t count,
    float *scratch) {
  const size_t filters = smaller(FILTER_BLOCK, w->filters - channel);
  const size_t rows = rounded_up(w->channels, 4), stride = count | 1;
  float *u = scratch, *m = scratch + POINTS * (CHANNEL_CHUNK * FILTER_BLOCK + 16);
  // Many squares: fewer passes over their sums. Few: their inputs leave room for little.
  const size_t step = count > 32 ? CHANNEL_CHUNK : CHANNEL_CHUNK / 2;
  size_t offsets[CHANNEL_CHUNK / 16];
  winograd_offsets(step, POINTS * tile_stride * 16, offsets);
  for (size_t c = 0; c < rows; c += step) {
    const size_t chunk = smaller(step, rows - c), u_point = chunk * filters + 16;
    winograd_weights(weights + c * 9 * filters, chunk, filters, u, u_point);
    // The next chunk comes from memory: ask for it now, evenly, while there is work to do.
    const size_t ahead = smaller(step, rows - c - chunk) * 9 * filters / POINTS;
    const float *next = weights + (c + chunk) * 9 * filters;
    for (size_t point = 0; point < POINTS; ++point) {
      for (size_t i = 0; i < ahead; i += 16) __builtin_prefetch(next + point * ahead + i, 0, 3);
      winograd_product(
          v + (c / 16 * POINTS + point) * tile_stride * 16, offsets, chunk,
          u + point * u_point, m + point * stride * filters, count, filters, c > 0);
    }
  }
  winograd_output(w, finish, m, stride, filters, channel, first, count);
}
