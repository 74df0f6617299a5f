// From the coefficients of a JPEG file to pixels with the roundings of Darknet's decoder.
//
// AlexeyAB's and pjreddie's programs carry a decoder of their own. It follows the same formulas as
// libjpeg, but keeps 12 bits of each constant where libjpeg keeps 13, rounds halves up where
// libjpeg alternates when it spreads colours over pixels, and mixes up two weights at the end of
// rows. A level of 255 here and there is enough to turn the order of two detections, so whoever
// compares figures to the last digit needs the same pixels. libjpeg does what is exact in both:
// parsing and entropy decoding.

#include <stdlib.h>
#include <string.h>

#include "jpeg_reader.h"

// Eight columns, or rows, of a block at a time. Unsigned, as broken files may overflow.
typedef uint32_t Eight __attribute__((vector_size(32)));
typedef int32_t SignedEight __attribute__((vector_size(32)));
typedef uint16_t EightShorts __attribute__((vector_size(16)));
typedef int16_t EightSignedShorts __attribute__((vector_size(16)));
typedef uint8_t EightBytes __attribute__((vector_size(8)));

// A cosine factor in 12 bits, as that decoder rounds it: half up, then towards zero.
#define FACTOR(x) ((uint32_t)(int32_t)((x) * 4096 + 0.5))

// The one-dimensional inverse transform of Loeffler, Ligtenberg and Moschytz (ICASSP 1989), the
// one that libjpeg's accurate method uses, of eight lines at once: `s[k]` is coefficient k going
// in, sample k coming out.
static inline void transform(Eight s[8], uint32_t rounding, int shift) {
  // Even coefficients: a rotation by 3 pi / 8, and sum and difference.
  const Eight turned = (s[2] + s[6]) * FACTOR(0.5411961);
  const Eight small = turned + s[6] * FACTOR(-1.847759065);
  const Eight large = turned + s[2] * FACTOR(0.765366865);
  const Eight sum = ((s[0] + s[4]) << 12) + rounding;
  const Eight difference = ((s[0] - s[4]) << 12) + rounding;
  const Eight even[4] = {sum + large, difference + small, difference - small, sum - large};

  // Odd coefficients: four products each shared by two outputs.
  const Eight a = s[7] + s[3], b = s[5] + s[1], c = s[7] + s[1], d = s[5] + s[3];
  const Eight all = (a + b) * FACTOR(1.175875602);
  const Eight with_c = all + c * FACTOR(-0.899976223);
  const Eight with_d = all + d * FACTOR(-2.562915447);
  const Eight with_a = a * FACTOR(-1.961570560);
  const Eight with_b = b * FACTOR(-0.390180644);
  const Eight odd[4] = {
    s[1] * FACTOR(1.501321110) + with_c + with_b,
    s[3] * FACTOR(3.072711026) + with_d + with_a,
    s[5] * FACTOR(2.053119869) + with_d + with_b,
    s[7] * FACTOR(0.298631336) + with_c + with_a,
  };
  for (int k = 0; k < 4; k++) {
    s[k] = (Eight)((SignedEight)(even[k] + odd[k]) >> shift);
    s[7 - k] = (Eight)((SignedEight)(even[k] - odd[k]) >> shift);
  }
}

// Rows become columns.
static inline void transpose(Eight m[8]) {
  Eight pairs[8], fours[8];
  for (int k = 0; k < 4; k++) {
    pairs[2 * k] = __builtin_shufflevector(m[k], m[k + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    pairs[2 * k + 1] = __builtin_shufflevector(m[k], m[k + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int k = 0; k < 4; k++) {
    fours[2 * k] = __builtin_shufflevector(pairs[k], pairs[k + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    fours[2 * k + 1] = __builtin_shufflevector(pairs[k], pairs[k + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int k = 0; k < 4; k++) {
    m[2 * k] = __builtin_shufflevector(fours[k], fours[k + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    m[2 * k + 1] = __builtin_shufflevector(fours[k], fours[k + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
}

static inline uint8_t clamped(int32_t level) {
  return level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
}

// One block of 8x8 samples.
static void make_block(
    const JCOEF *coefficients, const UINT16 *steps, uint8_t *samples, size_t stride) {
  // 3 bits for the two transforms' factor of 8, 12 for the constants, 2 kept between the passes.
  const uint32_t half = (1u << 16) + (128u << 17);
  uint64_t words[16];
  memcpy(words, coefficients, sizeof words);
  JCOEF first = coefficients[0];
  memset(words, 0, sizeof first);
  uint64_t any = 0;
  for (int k = 0; k < 16; k++) any |= words[k];
  if (!any) {
    const uint32_t level = (uint32_t)(int16_t)(first * steps[0]) * 4;
    const uint8_t sample = clamped((int32_t)((level << 12) + half) >> 17);
    for (int y = 0; y < 8; y++) memset(samples + y * stride, sample, 8);
    return;
  }
  Eight s[8];
  for (int y = 0; y < 8; y++) {
    EightShorts values, factors;
    memcpy(&values, coefficients + y * 8, sizeof values);
    memcpy(&factors, steps + y * 8, sizeof factors);
    s[y] = (Eight)__builtin_convertvector((EightSignedShorts)(values * factors), SignedEight);
  }
  transform(s, 512, 10);
  transpose(s);
  transform(s, half, 17);
  transpose(s);
  for (int y = 0; y < 8; y++) {
    SignedEight level = (SignedEight)s[y];
    level &= ~(level >> 31);
    const SignedEight above = level > 255;
    level = (level & ~above) | (above & 255);
    const EightBytes bytes = __builtin_convertvector(level, EightBytes);
    memcpy(samples + y * stride, &bytes, 8);
  }
}

// MARK: Colours of a pair or four of pixels, spread over them

static int sideways(const jpeg_component_info *c, const struct jpeg_decompress_struct *codec) {
  return codec->max_h_samp_factor / c->h_samp_factor;
}

static int downwards(const jpeg_component_info *c, const struct jpeg_decompress_struct *codec) {
  return codec->max_v_samp_factor / c->v_samp_factor;
}

// Twice as many samples: three quarters of the nearer one, a quarter of the other neighbour.
static void spread_sideways(const uint8_t *in, uint8_t *out, size_t count) {
  if (count == 1) {
    out[0] = out[1] = in[0];
    return;
  }
  out[0] = in[0];
  out[1] = (uint8_t)((3 * in[0] + in[1] + 2) >> 2);
  for (size_t i = 1; i + 1 < count; i++) {
    out[2 * i] = (uint8_t)((3 * in[i] + in[i - 1] + 2) >> 2);
    out[2 * i + 1] = (uint8_t)((3 * in[i] + in[i + 1] + 2) >> 2);
  }
  // The farther sample has the larger weight here: a slip of that decoder.
  out[2 * count - 2] = (uint8_t)((3 * in[count - 2] + in[count - 1] + 2) >> 2);
  out[2 * count - 1] = in[count - 1];
}

static void spread_downwards(
    const uint8_t *near, const uint8_t *far, uint8_t *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (uint8_t)((3 * near[i] + far[i] + 2) >> 2);
}

static void spread_both(const uint8_t *near, const uint8_t *far, uint8_t *out, size_t count) {
#define MIXED(i) (3 * near[i] + far[i])
  out[0] = (uint8_t)((MIXED(0) + 2) >> 2);
  for (size_t i = 1; i < count; i++) {
    const int before = MIXED(i - 1), here = MIXED(i);
    out[2 * i - 1] = (uint8_t)((3 * before + here + 8) >> 4);
    out[2 * i] = (uint8_t)((3 * here + before + 8) >> 4);
  }
  out[2 * count - 1] = (uint8_t)((MIXED(count - 1) + 2) >> 2);
#undef MIXED
}

static inline uint8_t shifted(uint8_t light, int32_t colour) {
  const int16_t level = (int16_t)(light + (int16_t)(colour >> 12));
  const int16_t floored = level < 0 ? 0 : level;
  return (uint8_t)(floored > 255 ? 255 : floored);
}

// ITU-T T.871, with factors of 12 bits; the lower byte of one product is dropped. In pieces, and
// with factors of 16 bits, so that the compiler finds instructions for many pixels at once.
static void to_colours(
    const uint8_t *y, const uint8_t *blue, const uint8_t *red, uint8_t *rgb, size_t count) {
  enum { kPiece = 64, half = 1 << 11 };
  const int16_t toRed = 5743, redToGreen = 2925, blueToGreen = 1410, toBlue = 7258;
  uint8_t r[kPiece], g[kPiece], b[kPiece];
  for (size_t start = 0; start < count; start += kPiece) {
    const size_t length = count - start < kPiece ? count - start : kPiece;
    const uint8_t *light = y + start, *cbs = blue + start, *crs = red + start;
    for (size_t i = 0; i < length; i++) {
      const int16_t cr = (int16_t)(crs[i] - 128), cb = (int16_t)(cbs[i] - 128);
      r[i] = shifted(light[i], cr * toRed + half);
      g[i] = shifted(light[i], half - cr * redToGreen + ((-cb * blueToGreen) & ~0xFF));
      b[i] = shifted(light[i], cb * toBlue + half);
    }
    uint8_t *out = rgb + 3 * start;
    for (size_t i = 0; i < length; i++) {
      out[3 * i] = r[i];
      out[3 * i + 1] = g[i];
      out[3 * i + 2] = b[i];
    }
  }
}

// MARK: Pictures

// Larger pictures are made smaller by so much that a level is lost in the mean; they go through
// libjpeg row by row, without all of their coefficients in memory.
enum { kMostPixels = 16 << 20 };

bool cimage_darknet_fits(const struct jpeg_decompress_struct *codec) {
  if ((uint64_t)codec->image_width * codec->image_height > kMostPixels) return false;
  if (codec->max_h_samp_factor > 2 || codec->max_v_samp_factor > 2) return false;
  switch (codec->jpeg_color_space) {
    case JCS_GRAYSCALE: return codec->num_components == 1;
    case JCS_YCbCr: return codec->num_components == 3;
    default: return false;
  }
}

static size_t stride_of(const jpeg_component_info *c) { return (size_t)c->width_in_blocks * 8; }

static size_t samples_of(const jpeg_component_info *c) {
  return stride_of(c) * c->height_in_blocks * 8;
}

uint64_t cimage_darknet_workspace(const struct jpeg_decompress_struct *codec) {
  uint64_t bytes = 0;
  for (int i = 0; i < codec->num_components; i++) {
    bytes += samples_of(&codec->comp_info[i]) * (1 + sizeof(JCOEF));
  }
  return bytes;
}

static void make_plane(
    j_decompress_ptr codec, jpeg_component_info *component, jvirt_barray_ptr coefficients,
    uint8_t *samples) {
  // A component that no scan of the file has is 0 all over.
  static const UINT16 no_steps[DCTSIZE2];
  const UINT16 *steps = component->quant_table ? component->quant_table->quantval : no_steps;
  const size_t stride = stride_of(component);
  for (JDIMENSION row = 0; row < component->height_in_blocks; row++) {
    const JBLOCKARRAY blocks = codec->mem->access_virt_barray(
      (j_common_ptr)codec, coefficients, row, 1, FALSE);
    for (JDIMENSION column = 0; column < component->width_in_blocks; column++) {
      make_block(
        blocks[0][column], steps, samples + row * 8 * stride + column * 8, stride);
    }
  }
}

// The samples of one row of pixels, in the plane or in `room`.
static const uint8_t *row_of(
    const struct jpeg_decompress_struct *codec, const jpeg_component_info *c,
    const uint8_t *plane, size_t row, uint8_t *room) {
  const int across = sideways(c, codec), down = downwards(c, codec);
  const size_t stride = stride_of(c);
  const size_t count = (codec->image_width + (size_t)across - 1) / (size_t)across;
  const size_t last = (codec->image_height + (size_t)down - 1) / (size_t)down - 1;
  if (down == 1) {
    const uint8_t *line = plane + row * stride;
    if (across == 1) return line;
    spread_sideways(line, room, count);
    return room;
  }
  const size_t here = row / 2;
  const size_t beside = row % 2 ? (here < last ? here + 1 : last) : (here > 0 ? here - 1 : 0);
  const uint8_t *near = plane + here * stride, *far = plane + beside * stride;
  if (across == 1) {
    spread_downwards(near, far, room, count);
  } else {
    spread_both(near, far, room, count);
  }
  return room;
}

bool cimage_darknet_read(CJPEGReader *reader, uint8_t *pixels, int channels) {
  j_decompress_ptr codec = &reader->codec;
  jvirt_barray_ptr *coefficients = jpeg_read_coefficients(codec);
  size_t needed = 0;
  const int planes = channels == 1 ? 1 : codec->num_components;
  for (int i = 0; i < planes; i++) needed += samples_of(&codec->comp_info[i]);
  // A row of spread samples for each after the planes; an odd width is spread one further.
  const size_t width = codec->image_width, room = width + 2;
  reader->samples = malloc(needed + 3 * room);
  if (!reader->samples) return false;
  const uint8_t *plane[3];
  size_t start = 0;
  for (int i = 0; i < planes; i++) {
    jpeg_component_info *component = &codec->comp_info[i];
    make_plane(codec, component, coefficients[i], reader->samples + start);
    plane[i] = reader->samples + start;
    start += samples_of(component);
  }
  for (size_t row = 0; row < codec->image_height; row++) {
    const uint8_t *lines[3];
    for (int i = 0; i < planes; i++) {
      lines[i] = row_of(
        codec, &codec->comp_info[i], plane[i], row, reader->samples + needed + (size_t)i * room);
    }
    uint8_t *out = pixels + row * width * (size_t)channels;
    if (channels == 1) {
      memcpy(out, lines[0], width);
    } else if (planes == 1) {
      for (size_t x = 0; x < width; x++) memset(out + 3 * x, lines[0][x], 3);
    } else {
      to_colours(lines[0], lines[1], lines[2], out, width);
    }
  }
  return true;
}
