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

// A product into the output, with all that follows the sums.
static void finished_product(
    struct operands o, const struct ck_epilogue *finish, size_t channel, size_t image, size_t first,
    size_t pixels, size_t filters) {
  float slope, second;
  if (slope_of(finish->activation, &slope) && slope_of(finish->second_activation, &second) &&
      !finish->residual && finish->bias) {
    o.bias = finish->bias + channel;
    o.slope = slope * second;
    product(o, pixels, filters, FINISHING);
    return;
  }
  product(o, pixels, filters, FRESH);
  for (size_t f = 0; f < filters; f += 16) {
    epilogue_run(finish, image, (channel + f) / 16, first, pixels);
  }
}

// The filters from `channel` on (at most FILTER_BLOCK) of some output rows. `x` is the first
// row's input; `offsets` leads from it to each segment. Weights [segment channels][filters].
static void direct_rows(
    const struct ck_direct *d, const struct ck_epilogue *finish, const float *x,
    const float *weights, size_t channel, size_t image, size_t first_row, size_t rows) {
  const size_t filters = smaller(FILTER_BLOCK, d->filters - channel);
  const size_t area = finish->height * finish->width;
  struct operands o = {
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
    finished_product(o, finish, channel, image, first, finish->width, filters);
  }
}

// 1x1, stride 1: pixels are one row. Weights [channels rounded up to 4][filters].
static void pointwise(
    const struct ck_direct *d, const struct ck_epilogue *finish, const float *input,
    const float *weights, size_t channel, size_t image, size_t first, size_t count) {
  const size_t filters = smaller(FILTER_BLOCK, d->filters - channel);
  const size_t area = finish->height * finish->width;
  struct operands o = {
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
    finished_product(o, finish, channel, image, first, n, filters);
    first += n;
    count -= n;
  }
}

// How planar sums end: with `slope` the bias and max(y, slope y) are applied in the registers.
struct planar_end {
  const float *bias;
  bool finishes;
  float slope;
};

// Sums of 16 filters for `pixels` neighbours in each of `rows` rows of a planar input: weights
// [tap][16]. With two rows and `pools` only the maxima of 2 x 2 are stored.
INLINE void planar_product_of(
    const float *x, size_t row_step, const size_t *offsets, size_t taps, const float *w,
    struct planar_end end, float *y, const int pixels, const int rows, const bool pools) {
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    vf sum[16];
    const vf start = end.finishes ? load(end.bias + lane) : splat(0);
    UNROLL for (int i = 0; i < rows * pixels; ++i) sum[i] = start;
    for (size_t t = 0; t < taps; ++t) {
      const vf weight = load(w + t * 16 + lane);
      const float *value = x + offsets[t];
      UNROLL for (int r = 0; r < rows; ++r) {
        UNROLL for (int p = 0; p < pixels; ++p) {
          sum[r * pixels + p] += splat(value[(size_t)r * row_step + (size_t)p]) * weight;
        }
      }
    }
    if (pools) {
      UNROLL for (int p = 0; p < pixels / 2; ++p) {
        const vf top = vmax(sum[2 * p], sum[2 * p + 1]);
        const vf bottom = vmax(sum[pixels + 2 * p], sum[pixels + 2 * p + 1]);
        store(y + p * 16 + lane, sloped(vmax(top, bottom), splat(end.slope)));
      }
    } else {
      UNROLL for (int p = 0; p < pixels; ++p) {
        store(y + p * 16 + lane, end.finishes ? sloped(sum[p], splat(end.slope)) : sum[p]);
      }
    }
  }
}

enum { PLANAR_RUN = CK_LANES == 16 ? 16 : 8 };

static void planar_product(
    const float *x, const size_t *offsets, size_t taps, const float *w, struct planar_end end,
    float *y, size_t pixels) {
  for (; pixels >= PLANAR_RUN; pixels -= PLANAR_RUN, x += PLANAR_RUN, y += PLANAR_RUN * 16) {
    planar_product_of(x, 0, offsets, taps, w, end, y, PLANAR_RUN, 1, false);
  }
  for (; pixels >= 4; pixels -= 4, x += 4, y += 4 * 16) {
    planar_product_of(x, 0, offsets, taps, w, end, y, 4, 1, false);
  }
  for (; pixels > 0; --pixels, ++x, y += 16) {
    planar_product_of(x, 0, offsets, taps, w, end, y, 1, 1, false);
  }
}

// The same for two rows, of which only the pooled one is stored; `pixels` is even. An activation
// that grows with its argument commutes with the maximum.
static void planar_pooled(
    const float *x, size_t row_step, const size_t *offsets, size_t taps, const float *w,
    struct planar_end end, float *y, size_t pixels) {
  enum { RUN = PLANAR_RUN / 2 };
  for (; pixels >= RUN; pixels -= RUN, x += RUN, y += RUN / 2 * 16) {
    planar_product_of(x, row_step, offsets, taps, w, end, y, RUN, 2, true);
  }
  for (; pixels > 0; pixels -= 2, x += 2, y += 16) {
    planar_product_of(x, row_step, offsets, taps, w, end, y, 2, 2, true);
  }
}

// The rows of all planes that a band of outputs needs.
static void planar_copy(
    const struct ck_direct *d, const float *image, size_t first_row, size_t rows, float *to) {
  for (size_t c = 0; c < d->channels; ++c) {
    copy_rows(d, image + c * d->height * d->width, first_row, rows, to + c * d->plane_step, 1);
  }
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

// One or two output rows from column `done` (even) on, in runs that stay in the first-level cache.
static void planar_rows(
    const struct ck_direct *d, const struct ck_epilogue *finish, const float *x, const float *panel,
    struct planar_end end, size_t image, size_t block, size_t first_row, size_t rows,
    size_t done) {
  enum { RUN = 32 };
  float sums[2][RUN * 16];
  const size_t w = finish->width, plane = block * finish->height * w;
  for (size_t first = done; first < w; first += RUN) {
    const size_t n = smaller(RUN, w - first);
    const float *finished[2];
    for (size_t k = 0; k < rows; ++k) {
      const size_t at = (plane + (first_row + k - finish->first_row) * w + first) * 16;
      float *out = finish->out ? finish->out + image * finish->out_image + at : sums[k];
      planar_product(x + k * d->row_step + first, d->offsets, d->segments, panel, end, out, n);
      if (!end.finishes) epilogue_pixels(finish, image, block, at, out, n);
      finished[k] = out;
    }
    const size_t row = first_row / 2, column = first / 2;
    if (!finish->pooled || row >= finish->pooled_height || column >= finish->pooled_width) continue;
    float *to = finish->pooled + image * finish->pooled_image +
                ((block * finish->pooled_height + row) * finish->pooled_width + column) * 16;
    const size_t wanted = smaller((n + 1) / 2, finish->pooled_width - column);
    pool_pair(finished[0], finished[rows - 1], n, wanted, to);
  }
}

// A band of output rows of a planar input of few channels; all filters. With pooling
// `first_row` is even. Weights [filter block of 16][tap][16]. `scratch` holds the copied rows.
static void planar_band(
    const struct ck_direct *d, const struct ck_epilogue *finish, const float *input,
    const float *weights, size_t image, size_t first_row, size_t rows, float *scratch) {
  const size_t w = finish->width;
  planar_copy(d, input + image * d->in_image, first_row, rows, scratch);
  float slope = 1, second = 1;
  const bool simple = slope_of(finish->activation, &slope) &&
                      slope_of(finish->second_activation, &second) && !finish->residual &&
                      finish->bias;
  for (size_t block = 0; block < d->filters / 16; ++block) {
    const float *panel = weights + block * d->segments * 16;
    const struct planar_end end = {finish->bias + block * 16, simple, slope * second};
    const size_t step = finish->pooled ? 2 : 1;
    for (size_t r = 0; r < rows; r += step) {
      const size_t row = first_row + r;
      const float *x = scratch + r * d->row_step;
      float *pooled = finish->pooled ? finish->pooled + image * finish->pooled_image +
                                           (block * finish->pooled_height + row / 2) *
                                               finish->pooled_width * 16
                                     : NULL;
      size_t done = 0;
      if (simple && pooled && !finish->out && r + 2 <= rows) {
        done = w / 2 * 2;
        planar_pooled(x, d->row_step, d->offsets, d->segments, panel, end, pooled, done);
      }
      if (done < w) {
        planar_rows(d, finish, x, panel, end, image, block, row, smaller(step, rows - r), done);
      }
    }
  }
}

// Depthwise sums of `pixels` neighbours of an output row whose taps are all inside the map, rows
// of taps top..<bottom. `x` is the first pixel's first tap.
INLINE void depthwise_of(
    const struct ck_window *w, const float *x, const float *panel, size_t top, size_t bottom,
    float *out, const int pixels, const size_t stride) {
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    vf sum[12];
    UNROLL for (int i = 0; i < pixels; ++i) sum[i] = splat(0);
    for (size_t ky = top; ky < bottom; ++ky) {
      const float *line = x + ky * w->dilation * w->width * 16 + lane;
      const float *weights = panel + ky * w->size * 16 + lane;
      for (size_t kx = 0; kx < w->size; ++kx) {
        const vf weight = load(weights + kx * 16);
        const float *at = line + kx * w->dilation * 16;
        UNROLL for (int i = 0; i < pixels; ++i) sum[i] += load(at + (size_t)i * stride * 16) * weight;
      }
    }
    UNROLL for (int i = 0; i < pixels; ++i) store(out + i * 16 + lane, sum[i]);
  }
}

INLINE void depthwise_run(
    const struct ck_window *w, const float *x, const float *panel, size_t top, size_t bottom,
    float *out, size_t pixels, const size_t stride) {
  enum { RUN = CK_LANES == 4 ? 6 : 12 };
  for (; pixels >= RUN; pixels -= RUN, x += RUN * stride * 16, out += RUN * 16) {
    depthwise_of(w, x, panel, top, bottom, out, RUN, stride);
  }
  for (; pixels > 0; --pixels, x += stride * 16, out += 16) {
    depthwise_of(w, x, panel, top, bottom, out, 1, stride);
  }
}

// One channel each lane: output rows of one block. Weights [tap][16].
static void depthwise_rows(
    const struct ck_window *w, const struct ck_epilogue *finish, const float *plane,
    const float *weights, size_t image, size_t block, size_t first_row, size_t rows) {
  const ptrdiff_t pad = (ptrdiff_t)(w->padding * w->dilation);
  const ptrdiff_t height = (ptrdiff_t)w->height, width = (ptrdiff_t)w->width;
  const size_t out_width = finish->width;
  // Outputs left..<right have all their columns inside.
  size_t left = ((size_t)pad + w->stride_x - 1) / w->stride_x;
  const ptrdiff_t room = width + pad - (ptrdiff_t)((w->size - 1) * w->dilation) - 1;
  size_t right = room < 0 ? 0 : (size_t)room / w->stride_x + 1;
  if (right > out_width) right = out_width;
  if (left > right) left = right;
  vf sums[16 / CK_LANES];
  UNROLL for (int i = 0; i < 16 / CK_LANES; ++i) sums[i] = splat(0);
  for (size_t row = first_row; row < first_row + rows; ++row) {
    const size_t at = row * out_width;
    float *out =
        finish->out + image * finish->out_image + (block * finish->height * out_width + at) * 16;
    const ptrdiff_t y = (ptrdiff_t)(row * w->stride_y) - pad;
    size_t top = 0, bottom = w->size;
    while (top < bottom && y + (ptrdiff_t)(top * w->dilation) < 0) ++top;
    while (bottom > top && y + (ptrdiff_t)((bottom - 1) * w->dilation) >= height) --bottom;
    for (size_t p = 0; p < out_width; ++p) {
      if (p == left && right > left) {
        const float *x = plane + (y * width + (ptrdiff_t)(p * w->stride_x) - pad) * 16;
        float *to = out + p * 16;
        if (w->stride_x == 1) {
          depthwise_run(w, x, weights, top, bottom, to, right - left, 1);
        } else if (w->stride_x == 2) {
          depthwise_run(w, x, weights, top, bottom, to, right - left, 2);
        } else {
          depthwise_run(w, x, weights, top, bottom, to, right - left, w->stride_x);
        }
        p = right - 1;
        continue;
      }
      for (size_t lane = 0; lane < 16; lane += CK_LANES) {
        vf sum = splat(0);
        for (size_t ky = top; ky < bottom; ++ky) {
          const ptrdiff_t line = (y + (ptrdiff_t)(ky * w->dilation)) * width;
          for (size_t kx = 0; kx < w->size; ++kx) {
            const ptrdiff_t x = (ptrdiff_t)(p * w->stride_x + kx * w->dilation) - pad;
            if (x < 0 || x >= width) continue;
            sum += load(plane + (line + x) * 16 + (ptrdiff_t)lane) *
                   load(weights + (ky * w->size + kx) * 16 + lane);
          }
        }
        store(out + p * 16 + lane, sum);
      }
    }
    epilogue_run(finish, image, block, at, out_width);
    if (!finish->sums) continue;
    UNROLL for (int i = 0; i < 16 / CK_LANES; ++i) {
      vf of_row = splat(0);
      for (size_t p = 0; p < out_width; ++p) of_row += load(out + p * 16 + i * CK_LANES);
      sums[i] += of_row;
    }
  }
  if (!finish->sums) return;
  UNROLL for (int i = 0; i < 16 / CK_LANES; ++i) store(finish->sums + i * CK_LANES, sums[i]);
}
