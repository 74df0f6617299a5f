#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "CImageCodecs.h"
#include "failure.h"

// Deflate turns a byte into at most 1032 (a match of 258 bytes takes two bits).
enum { kMostExpansion = 1032 };

struct CPNGReader {
  png_structp codec;
  png_infop info;
  const uint8_t *bytes;
  size_t count, position;
  bool past_end;
  uint32_t height;
  size_t stride;
  png_bytep *rows;
  CImageFailure *failure;
};

static void on_error(png_structp codec, png_const_charp text) {
  CPNGReader *reader = png_get_error_ptr(codec);
  cimage_fail(
    reader->failure, reader->past_end ? CIMAGE_TRUNCATED : CIMAGE_CORRUPT, "%s", text);
  png_longjmp(codec, 1);
}

static void on_warning(png_structp codec, png_const_charp text) { (void)codec, (void)text; }

static void on_read(png_structp codec, png_bytep target, size_t count) {
  CPNGReader *reader = png_get_io_ptr(codec);
  if (count > reader->count - reader->position) {
    reader->past_end = true;
    png_error(codec, "the bytes end inside a chunk");
  }
  memcpy(target, reader->bytes + reader->position, count);
  reader->position += count;
}

// Text, colour profiles and the like may be large once expanded, and nobody here reads them.
static void skip_extras(png_structp codec) {
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
  static const png_byte names[] =
    "iCCP\0iTXt\0tEXt\0zTXt\0eXIf\0sPLT\0hIST\0pCAL\0sCAL\0cHRM\0gAMA\0sRGB\0tIME\0";
  png_set_keep_unknown_chunks(
    codec, PNG_HANDLE_CHUNK_NEVER, names, (int)(sizeof names / 5));
#else
  (void)codec;
#endif
}

CPNGReader *cimage_png_open(
    const uint8_t *bytes, size_t count, int channels, CImageHeader *header,
    CImageFailure *failure) {
  CPNGReader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for the decoder");
    return NULL;
  }
  reader->failure = failure;
  reader->bytes = bytes;
  reader->count = count;
  reader->codec = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
  if (reader->codec) reader->info = png_create_info_struct(reader->codec);
  if (!reader->info) {
    cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for the decoder");
    cimage_png_close(reader);
    return NULL;
  }
  png_structp codec = reader->codec;
  if (setjmp(png_jmpbuf(codec))) {
    cimage_png_close(reader);
    return NULL;
  }
  png_set_read_fn(codec, reader, on_read);
  // The caller has limits of its own, in pixels.
  png_set_user_limits(codec, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(codec, 8 << 20);
  skip_extras(codec);
  png_read_info(codec, reader->info);

  const int type = png_get_color_type(codec, reader->info);
  const uint64_t packed =
    ((uint64_t)png_get_rowbytes(codec, reader->info) + 1)
    * png_get_image_height(codec, reader->info);
  if (packed / kMostExpansion > count) {
    cimage_fail(
      failure, CIMAGE_TRUNCATED, "%zu bytes cannot hold %ux%u pixels", count,
      png_get_image_width(codec, reader->info), png_get_image_height(codec, reader->info));
    png_longjmp(codec, 1);
  }
  png_set_strip_16(codec);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(codec);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(codec);
  png_set_strip_alpha(codec);
  if (!(type & PNG_COLOR_MASK_COLOR) && channels == 3) png_set_gray_to_rgb(codec);
  png_set_interlace_handling(codec);
  png_read_update_info(codec, reader->info);

  header->width = png_get_image_width(codec, reader->info);
  header->height = reader->height = png_get_image_height(codec, reader->info);
  header->channels = png_get_channels(codec, reader->info);
  header->workspace = (uint64_t)reader->height * sizeof(png_bytep);
  reader->stride = (size_t)header->width * header->channels;
  if (png_get_rowbytes(codec, reader->info) != reader->stride
      || (header->channels != 1 && header->channels != 3)) {
    cimage_fail(failure, CIMAGE_UNSUPPORTED, "colour type %d", type);
    png_longjmp(codec, 1);
  }
  return reader;
}

bool cimage_png_read(CPNGReader *reader, uint8_t *pixels, CImageFailure *failure) {
  reader->failure = failure;
  reader->rows = malloc(reader->height * sizeof *reader->rows);
  if (!reader->rows) {
    cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for the rows");
    return false;
  }
  for (size_t y = 0; y < reader->height; y++) reader->rows[y] = pixels + y * reader->stride;
  if (setjmp(png_jmpbuf(reader->codec))) return false;
  png_read_image(reader->codec, reader->rows);
  // Checks the sum of the last data chunk, too.
  png_read_end(reader->codec, NULL);
  return true;
}

void cimage_png_close(CPNGReader *reader) {
  if (!reader) return;
  if (reader->codec) {
    png_destroy_read_struct(&reader->codec, reader->info ? &reader->info : NULL, NULL);
  }
  free(reader->rows);
  free(reader);
}
