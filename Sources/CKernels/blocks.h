// Operations on maps in blocks of 16 channels [block][pixel][16]. Included by variant.h only.

// Planes to blocks; lanes past the last channel are zero.
static void to_blocks(const float *planes, size_t channels, size_t area, float *blocks) {
  for (size_t c = 0; c < channels; c += 16, blocks += area * 16) {
    interleave(planes + c * area, area, smaller(16, channels - c), area, blocks, 16);
  }
}

static void from_blocks(const float *blocks, size_t channels, size_t area, float *planes) {
  for (size_t c = 0; c < channels; c += 16, blocks += area * 16) {
    deinterleave(blocks, 16, smaller(16, channels - c), area, planes + c * area, area, false);
  }
}

// Maxima of windows of one block; what is outside is ignored.
static void pool_block(
    const struct ck_window *w, ptrdiff_t offset, const float *x, float *y) {
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
      for (size_t lane = 0; lane < 16; lane += CK_LANES) {
        vf best = splat(-3.402823466e38f);
        for (ptrdiff_t r = top; r < bottom; ++r) {
          const float *line = x + r * (ptrdiff_t)w->width * 16 + lane;
          for (ptrdiff_t c = left; c < right; ++c) best = vmax(best, load(line + c * 16));
        }
        store(y + lane, best);
      }
    }
  }
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
