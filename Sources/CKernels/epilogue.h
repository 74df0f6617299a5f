// What happens to a convolution's sums before they leave the registers or the first-level cache:
// bias, activation, residual, second activation, pooling. Included by variant.h only.

// max(x, slope x) is the activation for these.
INLINE bool slope_of(int activation, float *slope) {
  switch (activation) {
    case CK_LINEAR: *slope = 1; return true;
    case CK_RELU: *slope = 0; return true;
    case CK_LEAKY: *slope = 0.1f; return true;
    case CK_RELIE: *slope = 0.01f; return true;
    default: return false;
  }
}

// A NaN makes the comparison false and so comes through.
INLINE vf sloped(vf x, vf slope) { return vmax(x, x * slope); }

INLINE void activate_vectors(int activation, vf *y, const int count) {
  float slope;
  if (slope_of(activation, &slope)) {
    if (slope == 1) return;
    const vf s = splat(slope);
    UNROLL for (int i = 0; i < count; ++i) y[i] = sloped(y[i], s);
  } else {
    activate(activation, (float *)y, (size_t)count * CK_LANES);
  }
}

// The lanes of channels first..<first + CK_LANES that lie below `channels`.
INLINE vi lanes_below(size_t first, size_t channels) {
  vi lane;
  for (int i = 0; i < CK_LANES; ++i) lane[i] = i;
  return lane + (int)first < (vi)(int)channels;
}

// A square of 4 x 4 outputs of the channels at `channel` (within the block `channel / 16`), of
// which those inside the map are kept. `y` is changed.
INLINE void finish_square(
    const struct ck_epilogue *f, size_t image, size_t channel, size_t row, size_t column, vf *y) {
  const size_t h = f->height, w = f->width;
  const size_t rows = h - row < 4 ? h - row : 4, columns = w - column < 4 ? w - column : 4;
  const size_t block = channel / 16, lane = channel % 16;
  const vf bias = f->bias ? load(f->bias + channel) : splat(0);
  float slope, second;
  if (!f->out && !f->residual && rows == 4 && columns == 4 && row / 2 + 1 < f->pooled_height &&
      column / 2 + 1 < f->pooled_width && slope_of(f->activation, &slope) &&
      slope_of(f->second_activation, &second)) {
    // Only the maxima are wanted, and these activations keep the order.
    const size_t pw = f->pooled_width;
    float *out = f->pooled + image * f->pooled_image + lane +
                 ((block * f->pooled_height + row / 2) * pw + column / 2) * 16;
    UNROLL for (int i = 0; i < 4; ++i) {
      const vf *q = y + i / 2 * 8 + i % 2 * 2;
      const vf best = vmax(vmax(q[0], q[1]), vmax(q[4], q[5])) + bias;
      store(out + ((size_t)(i / 2) * pw + (size_t)(i % 2)) * 16, sloped(best, splat(slope * second)));
    }
    return;
  }
  UNROLL for (int i = 0; i < 16; ++i) y[i] += bias;
  activate_vectors(f->activation, y, 16);
  const size_t corner = ((block * h + row) * w + column) * 16 + lane;
  if (f->residual && channel < f->residual_channels) {
    const float *residual = f->residual + image * f->residual_image + corner;
    const vi mask = lanes_below(channel, f->residual_channels);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        y[r * 4 + c] += choose(mask, load(residual + (r * w + c) * 16), splat(0));
      }
    }
  }
  activate_vectors(f->second_activation, y, 16);
  if (f->out) {
    float *out = f->out + image * f->out_image + corner;
    if (rows == 4 && columns == 4) {
      UNROLL for (int r = 0; r < 4; ++r) {
        UNROLL for (int c = 0; c < 4; ++c) store(out + ((size_t)r * w + c) * 16, y[r * 4 + c]);
      }
    } else {
      for (size_t r = 0; r < rows; ++r) {
        for (size_t c = 0; c < columns; ++c) store(out + (r * w + c) * 16, y[r * 4 + c]);
      }
    }
  }
  if (f->pooled) {
    const size_t ph = f->pooled_height, pw = f->pooled_width;
    float *out = f->pooled + image * f->pooled_image +
                 ((block * ph + row / 2) * pw + column / 2) * 16 + lane;
    if (rows < 4 || columns < 4) {
      for (size_t i = 0; i < 16; ++i) {
        if (i / 4 >= rows || i % 4 >= columns) y[i] = splat(-3.402823466e38f);
      }
    }
    for (size_t r = 0; r < 2 && row / 2 + r < ph; ++r) {
      for (size_t c = 0; c < 2 && column / 2 + c < pw; ++c) {
        const vf *q = y + r * 8 + c * 2;
        store(out + (r * pw + c) * 16, vmax(vmax(q[0], q[1]), vmax(q[4], q[5])));
      }
    }
  }
}

// `pixels` sums at `y` of the block of 16 channels `block`; `at` is their place within an image.
static void epilogue_pixels(
    const struct ck_epilogue *f, size_t image, size_t block, size_t at, float *y, size_t pixels) {
  const bool adds = f->residual && block * 16 < f->residual_channels;
  float slope, second;
  const bool simple = slope_of(f->activation, &slope) && slope_of(f->second_activation, &second);
  if (simple && !adds && !f->bias && slope * second == 1) return;
  const float *residual = adds ? f->residual + image * f->residual_image + at : y;
  for (size_t lane = 0; lane < 16; lane += CK_LANES) {
    const vf bias = f->bias ? load(f->bias + block * 16 + lane) : splat(0);
    const vi mask = lanes_below(block * 16 + lane, f->residual_channels);
    if (simple && !adds) {
      const vf s = splat(slope * second);
      for (size_t p = 0; p < pixels; ++p) {
        store(y + p * 16 + lane, sloped(load(y + p * 16 + lane) + bias, s));
      }
    } else if (simple) {
      const vf s = splat(slope), t = splat(second);
      for (size_t p = 0; p < pixels; ++p) {
        vf v = sloped(load(y + p * 16 + lane) + bias, s);
        v += choose(mask, load(residual + p * 16 + lane), splat(0));
        store(y + p * 16 + lane, sloped(v, t));
      }
    } else {
      for (size_t p = 0; p < pixels; ++p) store(y + p * 16 + lane, load(y + p * 16 + lane) + bias);
    }
  }
  if (simple) return;
  activate(f->activation, y, pixels * 16);
  for (size_t lane = 0; adds && lane < 16; lane += CK_LANES) {
    const vi mask = lanes_below(block * 16 + lane, f->residual_channels);
    for (size_t p = 0; p < pixels; ++p) {
      vf v = choose(mask, load(residual + p * 16 + lane), splat(0));
      store(y + p * 16 + lane, load(y + p * 16 + lane) + v);
    }
  }
  activate(f->second_activation, y, pixels * 16);
}

// The same for sums that are already in the output, from pixel `first` on.
static void epilogue_run(
    const struct ck_epilogue *f, size_t image, size_t block, size_t first, size_t pixels) {
  const size_t at = (block * f->height * f->width + first) * 16;
  epilogue_pixels(f, image, block, at, f->out + image * f->out_image + at, pixels);
}
