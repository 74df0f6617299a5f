#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "failure.h"
#include "jpeg_reader.h"

// A progressive file may ask for any number of passes over the whole picture; real ones have
// about ten. Beyond this the file is an attack on the reader's time.
enum { kMostScans = 400 };

static CJPEGReader *reader_of(j_common_ptr codec) { return codec->client_data; }

static void on_error(j_common_ptr codec) {
  CJPEGReader *reader = reader_of(codec);
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  CImageFailureKind kind = CIMAGE_CORRUPT;
  switch (codec->err->msg_code) {
    case JERR_INPUT_EMPTY: case JERR_INPUT_EOF: kind = CIMAGE_TRUNCATED; break;
    case JERR_OUT_OF_MEMORY: kind = CIMAGE_OUT_OF_MEMORY; break;
    case JERR_SOF_UNSUPPORTED: case JERR_BAD_PRECISION: case JERR_CONVERSION_NOTIMPL:
    case JERR_NOTIMPL: case JERR_NOT_COMPILED: case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL: case JERR_ARITH_NOTIMPL:
      kind = CIMAGE_UNSUPPORTED;
      break;
    default: break;
  }
  // Whatever the library stumbled over after the end of the bytes, their end is the reason.
  if (reader->past_end && kind == CIMAGE_CORRUPT) kind = CIMAGE_TRUNCATED;
  cimage_fail(reader->failure, kind, "%s", text);
  longjmp(reader->escape, 1);
}

// Warnings that mean lost pixels are errors: the library would go on with grey blocks. The
// others (stray bytes between markers, odd header fields) do not touch the picture.
static void on_message(j_common_ptr codec, int level) {
  if (level >= 0) return;
  switch (codec->err->msg_code) {
    case JWRN_HIT_MARKER: case JWRN_HUFF_BAD_CODE: case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      on_error(codec);
      break;
    default: break;
  }
}

static void on_output(j_common_ptr codec) { (void)codec; }

static void on_progress(j_common_ptr codec) {
  CJPEGReader *reader = reader_of(codec);
  if (codec->is_decompressor && reader->codec.input_scan_number > kMostScans) {
    cimage_fail(
      reader->failure, CIMAGE_CORRUPT, "more than %d scans over one picture", kMostScans);
    longjmp(reader->escape, 1);
  }
}

static void source_nothing(j_decompress_ptr codec) { (void)codec; }

// The bytes are over. An end marker is given, as the last bytes of the picture proper may still
// be on their way through the decoder; if pixels are missing it says so (JWRN_HIT_MARKER).
static boolean source_end(j_decompress_ptr codec) {
  static const JOCTET end_marker[2] = {0xFF, JPEG_EOI};
  CJPEGReader *reader = reader_of((j_common_ptr)codec);
  reader->past_end = true;
  reader->source.next_input_byte = end_marker;
  reader->source.bytes_in_buffer = 2;
  return TRUE;
}

static void source_skip(j_decompress_ptr codec, long count) {
  struct jpeg_source_mgr *source = codec->src;
  if (count <= 0) return;
  if ((unsigned long)count > source->bytes_in_buffer) {
    source_end(codec);
  } else {
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
  }
}

// Bytes that the library keeps for a picture of several scans: all coefficients, 16 bits each.
static uint64_t coefficient_bytes(j_decompress_ptr codec) {
  if (!jpeg_has_multiple_scans(codec)) return 0;
  uint64_t bytes = 0;
  for (int i = 0; i < codec->num_components; i++) {
    const jpeg_component_info *component = &codec->comp_info[i];
    bytes += (uint64_t)component->width_in_blocks * component->height_in_blocks * DCTSIZE2 * 2;
  }
  return bytes;
}

// A block of 8x8 samples takes at least one bit of a Huffman-coded file, in its first scan. Odd
// sampling factors can halve the number of blocks.
static bool too_few_bytes(j_decompress_ptr codec, size_t count) {
  if (codec->arith_code) return false;
  uint64_t blocks =
    ((uint64_t)codec->image_width + 7) / 8 * (((uint64_t)codec->image_height + 7) / 8);
  return blocks / 16 > count;
}

static bool choose_colours(CJPEGReader *reader, int channels) {
  j_decompress_ptr codec = &reader->codec;
  switch (codec->jpeg_color_space) {
    case JCS_GRAYSCALE:
      codec->out_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
      return true;
    case JCS_YCbCr:
      // Grey is the file's own luminance, without a way through RGB.
      codec->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
      return true;
    case JCS_RGB:
      codec->out_color_space = JCS_RGB;
      return true;
    case JCS_CMYK: case JCS_YCCK:
      codec->out_color_space = JCS_CMYK;
      return true;
    default:
      cimage_fail(
        reader->failure, CIMAGE_UNSUPPORTED, "%d components of an unknown colour space",
        codec->num_components);
      return false;
  }
}

CJPEGReader *cimage_jpeg_open(
    const uint8_t *bytes, size_t count, int channels, bool as_darknet, CImageHeader *header,
    CImageFailure *failure) {
  CJPEGReader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for the decoder");
    return NULL;
  }
  reader->failure = failure;
  j_decompress_ptr codec = &reader->codec;
  codec->err = jpeg_std_error(&reader->errors);
  codec->client_data = reader;
  reader->errors.error_exit = on_error;
  reader->errors.emit_message = on_message;
  reader->errors.output_message = on_output;
  if (setjmp(reader->escape)) {
    cimage_jpeg_close(reader);
    return NULL;
  }
  jpeg_create_decompress(codec);
  reader->created = true;
  codec->client_data = reader;
  codec->src = &reader->source;
  codec->progress = &reader->progress;
  reader->progress.progress_monitor = on_progress;
  reader->source = (struct jpeg_source_mgr){
    .next_input_byte = bytes, .bytes_in_buffer = count, .init_source = source_nothing,
    .fill_input_buffer = source_end, .skip_input_data = source_skip,
    .resync_to_restart = jpeg_resync_to_restart, .term_source = source_nothing};
  jpeg_read_header(codec, TRUE);
  if (too_few_bytes(codec, count)) {
    cimage_fail(
      failure, CIMAGE_TRUNCATED, "%zu bytes cannot hold %ux%u pixels", count,
      codec->image_width, codec->image_height);
    longjmp(reader->escape, 1);
  }
  if (!choose_colours(reader, channels)) longjmp(reader->escape, 1);
  // The most accurate of the library's own methods.
  codec->dct_method = JDCT_ISLOW;
  codec->do_fancy_upsampling = TRUE;
  codec->do_block_smoothing = FALSE;
  header->width = codec->image_width;
  header->height = codec->image_height;
  header->channels = codec->out_color_space == JCS_GRAYSCALE ? 1 : 3;
  reader->as_darknet = as_darknet && cimage_darknet_fits(codec);
  header->workspace =
    reader->as_darknet ? cimage_darknet_workspace(codec) : coefficient_bytes(codec);
  return reader;
}

// One row of CMYK ink to RGB. Files with Adobe's marker hold 255 minus the ink.
static void convert_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t width, bool inverted) {
  const uint8_t flip = inverted ? 0 : 255;
  for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
    const unsigned light = cmyk[3] ^ flip;
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(((cmyk[c] ^ flip) * light + 127) / 255);
  }
}

// All pixels by the library's own methods; false if memory lacks.
static bool read_rows(CJPEGReader *reader, uint8_t *pixels) {
  j_decompress_ptr codec = &reader->codec;
  jpeg_start_decompress(codec);
  const bool cmyk = codec->out_color_space == JCS_CMYK;
  const size_t width = codec->output_width;
  const size_t stride = width * (codec->out_color_space == JCS_GRAYSCALE ? 1 : 3);
  if (cmyk && !(reader->cmyk_row = malloc(width * 4))) return false;
  while (codec->output_scanline < codec->output_height) {
    uint8_t *row = pixels + stride * codec->output_scanline;
    JSAMPROW target = cmyk ? reader->cmyk_row : row;
    jpeg_read_scanlines(codec, &target, 1);
    if (cmyk) convert_cmyk(reader->cmyk_row, row, width, codec->saw_Adobe_marker);
  }
  return true;
}

bool cimage_jpeg_read(CJPEGReader *reader, uint8_t *pixels, CImageFailure *failure) {
  reader->failure = failure;
  j_decompress_ptr codec = &reader->codec;
  if (setjmp(reader->escape)) return false;
  if (reader->as_darknet) {
    const int channels = codec->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    if (!cimage_darknet_read(reader, pixels, channels)) {
      cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for the samples");
      return false;
    }
  } else if (!read_rows(reader, pixels)) {
    cimage_fail(failure, CIMAGE_OUT_OF_MEMORY, "no memory for a row");
    return false;
  }
  // With one scan all rows are there, so a lost end marker does not matter. With several, the
  // scans that would have refined the picture may be missing; and arithmetic coding reads on in
  // zeros without a word.
  if (reader->past_end && (jpeg_has_multiple_scans(codec) || codec->arith_code)) {
    cimage_fail(failure, CIMAGE_TRUNCATED, "Premature end of JPEG file");
    return false;
  }
  return true;
}

void cimage_jpeg_close(CJPEGReader *reader) {
  if (!reader) return;
  if (reader->created) jpeg_destroy_decompress(&reader->codec);
  free(reader->cmyk_row);
  free(reader->samples);
  free(reader);
}
