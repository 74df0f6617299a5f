// Convolutions without transforms: any size, stride, padding and dilation; 1x1; few planar channels.
// Included by variant.h only.
//
// The rows that a band of outputs needs are copied with their zero padding, columns sorted by their
// remainder modulo the stride: [block][row][remainder][length][16]. After that each tap of a
// run of outputs is a run of neighbours, whatever the stride.

// One line of the input with its padding, sorted; `line` null is a row of the padding.
INLINE void copy_line(const struct ck_direct *d, const float *line, float *to, size_t lanes) {
  if (!line) {
    memset(to, 0, d->stride_x * d->length * lanes * sizeof(float));
    return;
  }
  const size_t bytes = lanes * sizeof(float);
  for (size_t phase = 0; phase < d->stride_x; ++phase, to += d->length * lanes) {
    if (d->stride_x == 1) {
      const size_t left = d->pad_x < d->length ? d->pad_x : d->length;
      const size_t middle = smaller(d->width, d->length - left);
      memset(to, 0, left * bytes);
      memcpy(to + left * lanes, line, middle * bytes);
      memset(to + (left + middle) * lanes, 0, (d->length - left - middle) * bytes);
      continue;
    }
    for (size_t i = 0; i < d->length; ++i) {
      const size_t x = i * d->stride_x + phase;
      if (x < d->pad_x || x - d->pad_x >= d->width) memset(to + i * lanes, 0, bytes);
      else memcpy(to + i * lanes, line + (x - d->pad_x) * lanes, bytes);
    }
  }
}

// Rows of one block (or plane, with lanes = 1) for the outputs first_row..<first_row + rows.
INLINE void copy_rows(
    const struct ck_direct *d, const float *plane, size_t first_row, size_t rows, float *to,
    size_t lanes) {
  const size_t count = (rows - 1) * d->stride_y + d->reach;
  const size_t pitch = d->stride_x * d->length * lanes;
  for (size_t r = 0; r < count; ++r, to += pitch) {
    const size_t y = first_row * d->stride_y + r;
    const bool inside = y >= d->pad_y && y - d->pad_y < d->height;
    copy_line(d, inside ? plane + (y - d->pad_y) * d->width * lanes : NULL, to, lanes);
  }
}

static void direct_copy(
    const struct ck_direct *d, const float *input, size_t image, size_t block, size_t first_row,
    size_t rows, float *to) {
  const float *plane = input + image * d->in_image + block * d->height * d->width * 16;
  copy_rows(d, plane, first_row, rows, to, 16);
}

// The filters from `channel` on (at most FILTER_BLOCK) of some output rows. `x` is the first
// row's input; `offsets` leads from it to each segment. Weights [segment channels][filters].
static void direct_rows(
    const struct ck_direct *d, const struct ck_finish *finish, const float *x,
    const float *weights, size_t channel, size_t image, size_t first_row, size_t rows) {
  const size_t filters = smaller(FILTER_BLOCK, d->filters - channel);
  const size_t area = finish->height * finish->width;
  struct operands o = {
      .x_pixel = 16,
      .offsets = d->offsets,
      .segments = d->segments,
      .tail_segments = d->tail_segments,
      .tail = d->tail,
      .w = weights,
      .w_row = filters,
      .y_pixel = 16,
      .y_block = area * 16,
  };
  for (size_t r = 0; r < rows; ++r, x += d->row_step) {
    const size_t first = (first_row + r) * finish->width;
    o.x = x;
    o.y = finish->out + image * finish->out_image + (channel / 16 * area + first) * 16;
    product(o, finish->width, filters, false);
    for (size_t f = 0; f < filters; f += 16) {
      finish_run(finish, image, (channel + f) / 16, first, finish->width);
    }
  }
}

// 1x1, stride 1: pixels are one row. Weights [channels rounded up to 4][filters].
static void pointwise(
    const struct ck_direct *d, const struct ck_finish *finish, const float *input,
    const float *weights, size_t channel, size_t image, size_t first, size_t count) {
  const size_t filters = smaller(FILTER_BLOCK, d->filters - channel);
  const size_t area = finish->height * finish->width;
  struct operands o = {
      .x_pixel = 16,
      .offsets = d->offsets,
      .segments = d->segments,
      .tail_segments = d->tail_segments,
      .tail = d->tail,
      .w = weights,
      .w_row = filters,
      .y_pixel = 16,
      .y_block = area * 16,
  };
  // A few tiles at a time, so that the sums are still in the first-level cache when they are
  // finished.
  enum { RUN = 4 * MAX_PIXELS };
  const size_t runs = (count + RUN - 1) / RUN;
  for (size_t run = 0; run < runs; ++run) {
    const size_t n = (count + runs - run - 1) / (runs - run);
    o.x = input + image * d->in_image + first * 16;
    o.y = finish->out + image * finish->out_image + (channel / 16 * area + first) * 16;
    product(o, n, filters, false);
    for (size_t f = 0; f < filters; f += 16) {
      finish_run(finish, image, (channel + f) / 16, first, n);
    }
    first += n;
    count -= n;
  }
}

// Sums of 16 filters for up to 2 * MAX_PIXELS neighbours of a planar input: weights [tap][16].
INLINE void planar_product_of(
    const float *x, const size_t *offsets, size_t taps, const float *w, float *y,
    const int pixels) {
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    vf sum[2 * MAX_PIXELS];
    UNROLL for (int p = 0; p < pixels; ++p) sum[p] = splat(0);
    for (size_t t = 0; t < taps; ++t) {
      const vf weight = load(w + t * 16 + lane);
      const float *value = x + offsets[t];
      UNROLL for (int p = 0; p < pixels; ++p) sum[p] += splat(value[p]) * weight;
    }
    UNROLL for (int p = 0; p < pixels; ++p) store(y + p * 16 + lane, sum[p]);
  }
}

enum { PLANAR_RUN = CK_LANES == 16 ? 16 : 8 };

static void planar_product(
    const float *x, const size_t *offsets, size_t taps, const float *w, float *y, size_t pixels) {
  for (; pixels >= PLANAR_RUN; pixels -= PLANAR_RUN, x += PLANAR_RUN, y += PLANAR_RUN * 16) {
    planar_product_of(x, offsets, taps, w, y, PLANAR_RUN);
  }
  for (; pixels >= 4; pixels -= 4, x += 4, y += 4 * 16) {
    planar_product_of(x, offsets, taps, w, y, 4);
  }
  for (; pixels > 0; --pixels, ++x, y += 16) planar_product_of(x, offsets, taps, w, y, 1);
}

// Two finished rows of n (even unless at the border) pixels to one row of maxima.
INLINE void pool_pair(const float *top, const float *bottom, size_t n, size_t wanted, float *out) {
  for (size_t p = 0; p < wanted; ++p) {
    const float *a = top + p * 32, *b = bottom + p * 32;
    const size_t right = 2 * p + 1 < n ? 16 : 0;
    for (size_t lane = 0; lane < 16; lane += CK_LANES) {
      store(
          out + p * 16 + lane, vmax(
                                   vmax(load(a + lane), load(a + right + lane)),
                                   vmax(load(b + lane), load(b + right + lane))));
    }
  }
}

// A band of output rows of a planar input of few channels; all filters. With pooling
// `first_row` is even. Weights [filter block of 16][tap][16]. `scratch` holds the copied rows.
static void planar_band(
    const struct ck_direct *d, const struct ck_finish *finish, const float *input,
    const float *weights, size_t image, size_t first_row, size_t rows, float *scratch) {
  const size_t w = finish->width, area = finish->height * w;
  for (size_t c = 0; c < d->channels; ++c) {
    const float *plane = input + image * d->in_image + c * d->height * d->width;
    copy_rows(d, plane, first_row, rows, scratch + c * d->plane_step, 1);
  }
  float slope, second;
  const bool simple = slope_of(finish->activation, &slope) &&
                      slope_of(finish->second_activation, &second) && !finish->residual;
  enum { RUN = 32 };
  float sums[2][RUN * 16];
  for (size_t block = 0; block < d->filters / 16; ++block) {
    const float *panel = weights + block * d->segments * 16;
    const size_t step = finish->pooled ? 2 : 1;
    for (size_t r = 0; r < rows; r += step) {
      const size_t pair = smaller(step, rows - r);
      for (size_t first = 0; first < w; first += RUN) {
        const size_t n = smaller(RUN, w - first);
        for (size_t k = 0; k < pair; ++k) {
          const size_t row = first_row + r + k;
          const float *x = scratch + (r + k) * d->row_step + first;
          float *out = finish->out ? finish->out + image * finish->out_image +
                                         (block * area + row * w + first) * 16
                                   : sums[k];
          planar_product(x, d->offsets, d->segments, panel, out, n);
          if (simple) {
            const vf s = splat(slope * second);
            for (size_t lane = 0; lane < 16; lane += CK_LANES) {
              const vf bias = load(finish->bias + block * 16 + lane);
              for (size_t p = 0; p < n; ++p) {
                store(out + p * 16 + lane, sloped(load(out + p * 16 + lane) + bias, s));
              }
            }
          } else {
            struct ck_finish local = *finish;
            // The same finish, but at this place whatever the map's address.
            local.out = out - (block * area + row * w + first) * 16 - image * finish->out_image;
            finish_run(&local, image, block, row * w + first, n);
          }
        }
        if (finish->pooled && (first_row + r) / 2 < finish->pooled_height &&
            first / 2 < finish->pooled_width) {
          const size_t row = first_row + r;
          const float *top = sums[0], *bottom = sums[pair - 1];
          if (finish->out) {
            top = finish->out + image * finish->out_image + (block * area + row * w + first) * 16;
            bottom = top + (pair - 1) * w * 16;
          }
          float *to = finish->pooled + image * finish->pooled_image +
                      ((block * finish->pooled_height + row / 2) * finish->pooled_width +
                       first / 2) * 16;
          pool_pair(top, bottom, n, smaller((n + 1) / 2, finish->pooled_width - first / 2), to);
        }
      }
    }
  }
}

// One channel of the block each lane: output rows of block `block`. Weights [block][tap][16].
static void depthwise_rows(
    const struct ck_direct *d, const struct ck_finish *finish, const float *input,
    const float *weights, size_t image, size_t block, size_t first_row, size_t rows,
    float *scratch) {
  const size_t w = finish->width, taps = d->segments;
  const float *panel = weights + block * taps * 16;
  direct_copy(d, input, image, block, first_row, rows, scratch);
  enum { RUN = CK_LANES == 16 ? 12 : 6 };
  for (size_t r = 0; r < rows; ++r) {
    const size_t at = (first_row + r) * w;
    float *out = finish->out + image * finish->out_image +
                 (block * finish->height * w + at) * 16;
    const float *line = scratch + r * d->row_step;
    for (size_t lane = 0; lane < 16; lane += CK_LANES) {
      size_t p = 0;
      for (; p + RUN <= w; p += RUN) {
        vf sum[RUN];
        UNROLL for (int i = 0; i < RUN; ++i) sum[i] = splat(0);
        for (size_t t = 0; t < taps; ++t) {
          const vf weight = load(panel + t * 16 + lane);
          const float *x = line + d->offsets[t] + p * 16 + lane;
          UNROLL for (int i = 0; i < RUN; ++i) sum[i] += load(x + i * 16) * weight;
        }
        UNROLL for (int i = 0; i < RUN; ++i) store(out + (p + (size_t)i) * 16 + lane, sum[i]);
      }
      for (; p < w; ++p) {
        vf sum = splat(0);
        for (size_t t = 0; t < taps; ++t) {
          sum += load(line + d->offsets[t] + p * 16 + lane) * load(panel + t * 16 + lane);
        }
        store(out + p * 16 + lane, sum);
      }
    }
    finish_run(finish, image, block, at, w);
  }
}
