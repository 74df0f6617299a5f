// im2col and its transpose for any range of output pixels: copying only, so one variant is enough.
#include <string.h>

#include "CKernels.h"

// The outputs x in [*begin, *end) of a row whose tap x * stride + shift lies inside 0..<width.
static void inside(
    ptrdiff_t shift, size_t stride, size_t width, size_t out_width, size_t *begin, size_t *end) {
  ptrdiff_t step = (ptrdiff_t)stride;
  ptrdiff_t low = shift >= 0 ? 0 : (-shift + step - 1) / step;
  ptrdiff_t room = (ptrdiff_t)width - shift;
  ptrdiff_t high = room <= 0 ? 0 : (room + step - 1) / step;
  if (high > (ptrdiff_t)out_width) high = (ptrdiff_t)out_width;
  if (low > high) low = high;
  *begin = (size_t)low;
  *end = (size_t)high;
}

static size_t at_least(size_t value, size_t low) { return value < low ? low : value; }
static size_t at_most(size_t value, size_t high) { return value > high ? high : value; }

void ck_im2col(
    const struct ck_window *w, const float *image, size_t channels, size_t first, size_t count,
    float *columns, size_t row_stride) {
  const ptrdiff_t origin = -(ptrdiff_t)(w->padding * w->dilation);
  const size_t last = first + count;
  for (size_t c = 0; c < channels; ++c) {
    const float *plane = image + c * w->height * w->width;
    for (size_t ky = 0; ky < w->size; ++ky) {
      for (size_t kx = 0; kx < w->size; ++kx, columns += row_stride) {
        const ptrdiff_t shift = origin + (ptrdiff_t)(kx * w->dilation);
        size_t in_begin, in_end;
        inside(shift, w->stride_x, w->width, w->out_width, &in_begin, &in_end);
        float *out = columns;
        for (size_t oy = first / w->out_width; oy * w->out_width < last; ++oy) {
          // The part of this output row that belongs to the range.
          const size_t row = oy * w->out_width;
          const size_t x0 = first > row ? first - row : 0;
          const size_t x1 = at_most(last - row, w->out_width);
          const ptrdiff_t y = (ptrdiff_t)(oy * w->stride_y) + origin + (ptrdiff_t)(ky * w->dilation);
          if (y < 0 || y >= (ptrdiff_t)w->height) {
            memset(out, 0, (x1 - x0) * sizeof(float));
            out += x1 - x0;
            continue;
          }
          const size_t b = at_most(at_least(in_begin, x0), x1);
          const size_t e = at_least(at_most(in_end, x1), b);
          const float *line = plane + (size_t)y * w->width;
          memset(out, 0, (b - x0) * sizeof(float));
          if (w->stride_x == 1) {
            if (e > b) memcpy(out + (b - x0), line + (ptrdiff_t)b + shift, (e - b) * sizeof(float));
          } else {
            for (size_t x = b; x < e; ++x) {
              out[x - x0] = line[(ptrdiff_t)(x * w->stride_x) + shift];
            }
          }
          memset(out + (e - x0), 0, (x1 - e) * sizeof(float));
          out += x1 - x0;
        }
      }
    }
  }
}

void ck_col2im(
    const struct ck_window *w, const float *columns, size_t row_stride, size_t channels,
    size_t first, size_t count, float *image) {
  const ptrdiff_t origin = -(ptrdiff_t)(w->padding * w->dilation);
  const size_t last = first + count;
  for (size_t c = 0; c < channels; ++c) {
    float *plane = image + c * w->height * w->width;
    for (size_t ky = 0; ky < w->size; ++ky) {
      for (size_t kx = 0; kx < w->size; ++kx, columns += row_stride) {
        const ptrdiff_t shift = origin + (ptrdiff_t)(kx * w->dilation);
        size_t in_begin, in_end;
        inside(shift, w->stride_x, w->width, w->out_width, &in_begin, &in_end);
        const float *values = columns;
        for (size_t oy = first / w->out_width; oy * w->out_width < last; ++oy) {
          const size_t row = oy * w->out_width;
          const size_t x0 = first > row ? first - row : 0;
          const size_t x1 = at_most(last - row, w->out_width);
          const ptrdiff_t y = (ptrdiff_t)(oy * w->stride_y) + origin + (ptrdiff_t)(ky * w->dilation);
          if (y >= 0 && y < (ptrdiff_t)w->height) {
            const size_t b = at_most(at_least(in_begin, x0), x1);
            const size_t e = at_least(at_most(in_end, x1), b);
            float *line = plane + (size_t)y * w->width;
            if (w->stride_x == 1) {
              float *to = line + (ptrdiff_t)b + shift;
              const float *from = values + (b - x0);
              for (size_t i = 0; i < e - b; ++i) to[i] += from[i];
            } else {
              for (size_t x = b; x < e; ++x) {
                line[(ptrdiff_t)(x * w->stride_x) + shift] += values[x - x0];
              }
            }
          }
          values += x1 - x0;
        }
      }
    }
  }
}
