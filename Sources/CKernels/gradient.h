// Gradients of convolutions by their weights: sums over pixels of inputs times output gradients.
// Included by variant.h only.

// Channels that one pass of `outer` holds: 8 x 32 sums fill half of AVX-512's registers, 4 x 16
// AVX2's.
enum { OUTER_CHANNELS = CK_LANES == 16 ? 8 : 4 };

// y[c, f] = (or +=) sum over segments s and items i of x[s, i, c] q[s, i, f] for a block of 16
// channels and a panel of `filters` (32 or 16): x [item][16], q [item][filters], y [16][filters].
INLINE void outer_of(
    const float *x, size_t x_segment, const float *q, size_t q_segment, size_t segments,
    size_t items, float *y, const size_t filters, const int vectors, const bool adds) {
  for (int c = 0; c < 16; c += OUTER_CHANNELS) {
    for (size_t f = 0; f < filters; f += (size_t)vectors * CK_LANES) {
      vf sum[OUTER_CHANNELS * VECTORS];
      UNROLL for (int k = 0; k < OUTER_CHANNELS; ++k) {
        UNROLL for (int v = 0; v < vectors; ++v) {
          sum[k * vectors + v] =
              adds ? load(y + (size_t)(c + k) * filters + f + (size_t)v * CK_LANES) : splat(0);
        }
      }
      for (size_t s = 0; s < segments; ++s) {
        const float *a = x + s * x_segment + c, *b = q + s * q_segment + f;
        for (size_t i = 0; i < items; ++i, a += 16, b += filters) {
          vf value[VECTORS];
          UNROLL for (int v = 0; v < vectors; ++v) value[v] = load(b + v * CK_LANES);
          UNROLL for (int k = 0; k < OUTER_CHANNELS; ++k) {
            const vf channel = splat(a[k]);
            UNROLL for (int v = 0; v < vectors; ++v) sum[k * vectors + v] += channel * value[v];
          }
        }
      }
      UNROLL for (int k = 0; k < OUTER_CHANNELS; ++k) {
        UNROLL for (int v = 0; v < vectors; ++v) {
          store(y + (size_t)(c + k) * filters + f + (size_t)v * CK_LANES, sum[k * vectors + v]);
        }
      }
    }
  }
}

static void outer(
    const float *x, size_t x_segment, const float *q, size_t q_segment, size_t segments,
    size_t items, float *y, size_t filters, bool adds) {
  enum { HALF = VECTORS * CK_LANES > 16 ? VECTORS / 2 : VECTORS };
  if (filters == 32) {
    if (adds) outer_of(x, x_segment, q, q_segment, segments, items, y, 32, VECTORS, true);
    else outer_of(x, x_segment, q, q_segment, segments, items, y, 32, VECTORS, false);
  } else {
    if (adds) outer_of(x, x_segment, q, q_segment, segments, items, y, 16, HALF, true);
    else outer_of(x, x_segment, q, q_segment, segments, items, y, 16, HALF, false);
  }
}

// The transpose of transform_output_4: what a gradient of 4 outputs is to the 6 points.
INLINE void transform_gradient_6(vf y0, vf y1, vf y2, vf y3, vf *q, size_t step) {
  const float na = 1 / (2 * A2 * (A2 - B2)), nb = 1 / (2 * B2 * (B2 - A2));
  q[0] = y0 * (1 / A2B2);
  const vf even_a = na * y0 + (A2 * na) * y2, odd_a = (A1 * na) * y1 + (A3 * na) * y3;
  q[step] = even_a + odd_a;
  q[2 * step] = even_a - odd_a;
  const vf even_b = nb * y0 + (B2 * nb) * y2, odd_b = (B1 * nb) * y1 + (B3 * nb) * y3;
  q[3 * step] = even_b + odd_b;
  q[4 * step] = even_b - odd_b;
  q[5 * step] = y3;
}

// `squares` neighbouring squares of 4 x 4 gradients of a block [4 rows][columns][16] to
// Q [36][tile_stride][filters].
static void winograd_gradient(
    const float *dy, size_t columns, size_t squares, float *q, size_t tile_stride,
    size_t filters) {
  for (size_t square = 0; square < squares; ++square, dy += 4 * 16, q += filters) {
    for (size_t lane = 0; lane < 16; lane += CK_LANES) {
      vf t[24];
      UNROLL for (int k = 0; k < 4; ++k) {
        const float *p = dy + (size_t)k * 16 + lane;
        transform_gradient_6(
            load(p), load(p + columns * 16), load(p + 2 * columns * 16),
            load(p + 3 * columns * 16), t + k, 4);
      }
      UNROLL for (int r = 0; r < 6; ++r) {
        vf line[6];
        transform_gradient_6(t[r * 4], t[r * 4 + 1], t[r * 4 + 2], t[r * 4 + 3], line, 1);
        UNROLL for (int k = 0; k < 6; ++k) {
          store(q + (size_t)(r * 6 + k) * tile_stride * filters + lane, line[k]);
        }
      }
    }
  }
}

// The transpose of transform_weights_3.
INLINE void transform_products_3(const vf *u, size_t step, vf *g, size_t g_step) {
  const vf sum_a = u[step] + u[2 * step], difference_a = u[step] - u[2 * step];
  const vf sum_b = u[3 * step] + u[4 * step], difference_b = u[3 * step] - u[4 * step];
  g[0] = u[0] + sum_a + sum_b;
  g[g_step] = A1 * difference_a + B1 * difference_b;
  g[2 * g_step] = A2 * sum_a + (B2 * sum_b + u[5 * step]);
}

// One block of channels, one panel of filters: the sums over `items` squares of V times Q for each
// point, taken back to the 3 x 3 weights and added to dw [16 channels][9][filters].
// v [36][tile_stride][16], q [36][tile_stride][filters], scratch [36][16][filters].
static void winograd_outer(
    const float *v, const float *q, size_t tile_stride, size_t items, size_t filters,
    size_t channels, float *dw, float *scratch) {
  for (size_t point = 0; point < POINTS; ++point) {
    outer(
        v + point * tile_stride * 16, 0, q + point * tile_stride * filters, 0, 1, items,
        scratch + point * 16 * filters, filters, false);
  }
  for (size_t c = 0; c < channels; ++c, dw += 9 * filters) {
    for (size_t f = 0; f < filters; f += CK_LANES) {
      vf t[18];
      UNROLL for (int k = 0; k < 6; ++k) {
        vf u[6];
        UNROLL for (int r = 0; r < 6; ++r) {
          u[r] = load(scratch + ((size_t)(r * 6 + k) * 16 + c) * filters + f);
        }
        transform_products_3(u, 1, t + k, 6);
      }
      UNROLL for (int ky = 0; ky < 3; ++ky) {
        vf g[3];
        transform_products_3(t + ky * 6, 1, g, 1);
        UNROLL for (int kx = 0; kx < 3; ++kx) {
          float *to = dw + (size_t)(ky * 3 + kx) * filters + f;
          store(to, load(to) + g[kx]);
        }
      }
    }
  }
}

// A planar input of few channels: dw [tap][16] += sums over `columns` pixels of a row.
static void planar_outer(
    const float *x, const size_t *offsets, size_t taps, const float *dy, size_t columns,
    float *dw) {
  enum { TAPS = CK_LANES == 16 ? 9 : 3 };
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    size_t t = 0;
    for (; t + TAPS <= taps; t += TAPS) {
      vf sum[TAPS];
      const float *at[TAPS];
      UNROLL for (int k = 0; k < TAPS; ++k) {
        sum[k] = load(dw + (t + (size_t)k) * 16 + lane);
        at[k] = x + offsets[t + (size_t)k];
      }
      for (size_t i = 0; i < columns; ++i) {
        const vf value = load(dy + i * 16 + lane);
        UNROLL for (int k = 0; k < TAPS; ++k) sum[k] += splat(at[k][i]) * value;
      }
      UNROLL for (int k = 0; k < TAPS; ++k) store(dw + (t + (size_t)k) * 16 + lane, sum[k]);
    }
    for (; t < taps; ++t) {
      vf sum = load(dw + t * 16 + lane);
      const float *at = x + offsets[t];
      for (size_t i = 0; i < columns; ++i) sum += splat(at[i]) * load(dy + i * 16 + lane);
      store(dw + t * 16 + lane, sum);
    }
  }
}

// Weights [filter][channel][tap] to a panel: rows (channel, tap), `filters` values a row from filter
// `first` on; zeros for filters that do not exist and up to a multiple of 4 channels.
static void pack_panel(
    const float *weights, size_t all_filters, size_t channels, size_t taps, size_t first,
    size_t filters, float *panel) {
  const size_t row = channels * taps;
  for (size_t f = 0; f < filters; f += 16) {
    const size_t at = first + f;
    interleave(
        weights + at * row, row, at < all_filters ? smaller(16, all_filters - at) : 0, row,
        panel + f, filters);
  }
  const size_t rest = rounded_up(channels, 4) * taps - row;
  memset(panel + row * filters, 0, rest * filters * sizeof(float));
}

// The same for the way back: channels and filters change places, taps are mirrored. Rows are
// (filter, taps - 1 - tap); a row holds `columns` channels from `first` on.
static void pack_panel_mirrored(
    const float *weights, size_t filters, size_t channels, size_t taps, size_t first,
    size_t columns, float *panel) {
  enum { TAPS = 9 };
  float square[TAPS * 16];
  for (size_t f = 0; f < filters; ++f, panel += taps * columns) {
    for (size_t c = 0; c < columns; c += 16) {
      const size_t at = first + c;
      const size_t lanes = at < channels ? smaller(16, channels - at) : 0;
      const float *from = weights + (f * channels + at) * taps;
      for (size_t done = 0; done < taps; done += TAPS) {
        const size_t count = smaller(TAPS, taps - done);
        interleave(from + done, taps, lanes, count, square, 16);
        for (size_t t = 0; t < count; ++t) {
          memcpy(panel + (taps - 1 - done - t) * columns + c, square + t * 16, 16 * sizeof(float));
        }
      }
    }
  }
  const size_t rest = (rounded_up(filters, 4) - filters) * taps;
  memset(panel, 0, rest * columns * sizeof(float));
}

// weights[filter][channel][tap] += a panel of sums; the inverse of pack_panel.
static void add_panel(
    const float *panel, size_t all_filters, size_t channels, size_t taps, size_t first,
    size_t filters, float *weights) {
  const size_t row = channels * taps;
  for (size_t f = 0; f < filters && first + f < all_filters; f += 16) {
    deinterleave(
        panel + f, filters, smaller(16, all_filters - first - f), row,
        weights + (first + f) * row, row, true);
  }
}
